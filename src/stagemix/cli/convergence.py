"""What `stagemix converge` prints for people."""

from typing import TYPE_CHECKING

from stagemix.cli.output import p_value, records, table

if TYPE_CHECKING:
    import pandas as pd

    from stagemix.merge.converge import Convergence, Measure
    from stagemix.merge.details import Details

TITLES = {
    "above_publish": "share above publish (u)",
    "within": "diversity within accounts (W)",
    "total": "diversity of the mean mix (Tot)",
    "evenness": "evenness of the higher stages (Q)",
    "between": "differences between accounts (D)",
}


def print_verdicts(found: "Convergence") -> None:
    """Print what may be said of merging, then of alikeness."""
    from stagemix.merge.saying import on_alikeness, on_merging

    print(f"1. {on_merging(found).en}")
    print(f"2. {on_alikeness(found).en}\n")


def print_measures(found: "Convergence") -> None:
    """Print every measure per period, its change and its test."""
    from stagemix.merge.measures import effective_number
    from stagemix.mix.words import words

    rows = [_row(m, found.periods) for m in found.measures if m.name != "evenness"]
    within = found.measure("within").values
    if set(found.periods) <= within.keys():
        numbers = [effective_number(within[p]) for p in found.periods]
        rows.insert(2, ["effective number of stages, 1/(1-W)", *numbers, *[None] * 4, "", ""])
    headers = ["", *found.periods, "change", "95% interval", "p", "seen from", "verdict", ""]
    table(headers, rows)
    for m in found.measures:
        if "first_half" in m.values:
            first, last = m.values["first_half"], m.values["last_half"]
            print(f"{TITLES[m.name]}: {first:.3f} in the first half, {last:.3f} in the last.")
        elif m.name == "evenness":
            print(f"{TITLES[m.name]}: {words(m.note, language='en')}.")
    print(
        f"\n{len(found.accounts)} accounts, {len(found.periods)} periods, {found.codes} codes, "
        f"smallest account and period {found.smallest_cell} posts. 'seen from' is the change that "
        "would be found four times in five. The change of u, W and Tot is the slope over the periods times "
        "their number less one; that of D comes from products of different periods in the two halves. "
        "Values are estimates and can fall slightly below 0."
    )
    if found.left_out:
        print(
            "Left out, without two posts (or a code, where codes were drawn by cell) in every "
            f"period: {', '.join(found.left_out)}"
        )
    if found.too_small:
        print(f"Too little for any test of change: {', '.join(found.too_small)}.")


def _row(m: "Measure", periods: tuple[str, ...]) -> list[object]:
    from stagemix.mix.words import words

    interval = "–" if m.low is None or m.high is None else f"{m.low:.3f} – {m.high:.3f}"
    values = [m.values.get(p) for p in periods]
    note = words(m.note, language="en")
    seen = None if m.name == "between" else m.mdc
    return [TITLES[m.name], *values, m.change, interval, p_value(m.p_value), seen, m.verdict, note]


def print_details(found: "Convergence", details: "Details") -> None:
    """Print what stands beside the verdicts."""
    from stagemix.mix.words import words
    from stagemix.study.remarks import on_errors

    print("\nPosts per account and month, corrected")
    stages = list(found.per_month.columns)
    table(["", *stages], [[p, *row] for p, row in zip(found.periods, found.per_month.to_numpy(), strict=True)])  # fmt: skip
    if found.publish_rate is not None:
        rate = found.publish_rate
        print(
            f"{stages[0]}, from the first half to the last: {rate.change:+.2f} "
            f"[{rate.low:.2f}, {rate.high:.2f}]"
        )
    early, late = (", ".join(names) for names in details.spans)
    print(f"\nEach account's change in the share above publish, from {early} to {late}")
    table(
        ["account", "codes", "before", "after", "change", "95% interval", "p adjusted", ""],
        [
            [
                x["account"],
                f"{x['n_codes_before']} + {x['n_codes_after']}",
                x["before"],
                x["after"],
                x["change"],
                "–" if x["status"] == "refused" else f"{x['low']:.3f} – {x['high']:.3f}",
                p_value(x["p_adjusted"]),
                words(str(x["note"]), language="en"),
            ]
            for x in records(details.moved)
        ],
    )
    print("\nThe same changes computed in other ways (change of u, W, Tot)")
    _print_robustness(details)
    print("\nStages reached, from coded posts alone")
    highest = details.reached.groupby("account", sort=False)
    rows = [[name, " ".join(_reached(group))] for name, group in highest]
    table(["account", "stages found / codes, by period"], rows)
    print(f"\n{on_errors(details.misfit).en}\n")


def _reached(group: "pd.DataFrame") -> list[str]:
    return [
        f"{x['period']}: {x['n_reached']}/{x['n_codes']}" for x in records(group) if x["n_codes"]
    ]


def _print_robustness(details: "Details") -> None:
    from stagemix.merge.robustness import MEASURES, WITHOUT_ACCOUNT, WITHOUT_PERIOD

    frame = details.robustness
    rows: list[list[object]] = []
    for what in frame["what"].unique():
        group = frame[frame["what"] == what]
        if what in (WITHOUT_ACCOUNT, WITHOUT_PERIOD):
            for bound in ("min", "max"):
                rows.append([f"{what}: {bound}", *(_bound(group, m, bound) for m in MEASURES)])
        else:
            rows.append([what, *(_interval(group, m) for m in MEASURES)])
    table(["", "u", "W", "Tot"], rows)


def _bound(group: "pd.DataFrame", measure: str, bound: str) -> str:
    own = group[group["measure"] == measure]
    if own.empty:
        return "–"
    row = records(own.sort_values("change"))[0 if bound == "min" else -1]
    return f"{row['change']:+.3f} (without {row['left_out']})"


def _interval(group: "pd.DataFrame", measure: str) -> str:
    own = group[group["measure"] == measure]
    if own.empty:
        return "–"
    row = records(own)[0]
    return f"{row['change']:+.3f} [{row['low']:.3f}, {row['high']:.3f}]"
