"""`stagemix code` without files: the coding page."""

import sys
import webbrowser

from stagemix.study.folder import Study


def serve(study: Study, *, port: int, lan: bool) -> None:
    """Serve the coding page until Ctrl+C, saying first who opens which link."""
    from stagemix.web.serve import run, serving

    with serving(study, port=port, lan=lan) as ready:
        width = max(len(name) for name, _ in ready.links)
        for name, address in ready.links:
            print(f"{name:{width}}  {address}")
        if ready.known:
            print(
                f"{', '.join(ready.known)} have links already; for a new one: "
                "stagemix code --new-link NAME, or the lead's page"
            )
        print(
            "Each link is one person's: send it to them alone. "
            + (
                "Everyone in your network can reach this page; without a link they see nothing."
                if lan
                else "Only this machine can open the page; with --lan, others in your network."
            )
        )
        print("Stop with Ctrl+C; codes are on disk as soon as the page says so.", flush=True)
        if sys.stdout.isatty():
            webbrowser.open(ready.links[0][1])
        run(ready, said=lambda text: print(text, file=sys.stderr, flush=True))


def print_new_link(study: Study, *, name: str, port: int, lan: bool) -> None:
    """Make a coder's new link and print it; the earlier one ends."""
    from stagemix.web.serve import link_for

    print(f"{name}  {link_for(study, name=name, port=port, lan=lan)}")
