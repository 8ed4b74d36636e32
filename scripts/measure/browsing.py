"""From a key to the next post on the screen, in Chromium, by the clock of the page itself.

A script in the page notes the time stamp of the key's event, looks at each frame which post is shown,
and takes the time after the first frame with another one was painted. That holds over a page that is
loaded anew. Between two keys the network is at rest, and nobody else codes.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PROBE = """
if (location.protocol.startsWith("http")) {
  const shown = () => { %s };
  addEventListener("keydown", (event) => {
    delete sessionStorage.at;
    sessionStorage.from = shown();
    sessionStorage.pressed = performance.timeOrigin + event.timeStamp;
  }, true);
  const look = () => {
    const now = shown();
    if (sessionStorage.pressed && !sessionStorage.at && now && now !== sessionStorage.from) {
      sessionStorage.at = "painting";
      setTimeout(() => { sessionStorage.at = performance.timeOrigin + performance.now(); });
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}
"""
OURS = """
  const post = document.getElementById("post");
  if (post?.getAttribute("aria-busy") !== "false") return "";
  return document.getElementById("place").textContent;
"""
MILLISECONDS = "() => Number(sessionStorage.at) - Number(sessionStorage.pressed)"


def ours_pressed(link: str, presses: int) -> list[float]:
    """Seconds for each of PRESSES keys on a round of stagemix, entered by a coder's LINK."""

    def enter(page: Any) -> None:
        page.goto(link)
        page.goto(f"{page.url}code?round=final")

    return pressed(enter, shown=OURS, presses=presses)


def pressed(enter: Callable[[Any], None], *, shown: str, presses: int) -> list[float]:
    """Seconds for each of PRESSES keys, of the categories in turn.

    ENTER opens the first post. SHOWN is the body of a JavaScript function that returns something
    that differs from post to post, and nothing while none is on the screen.
    """
    with chromium() as browser:
        page = browser.new_page()
        page.set_default_timeout(60_000)
        page.add_init_script(PROBE % shown)
        enter(page)
        page.wait_for_function(f"() => {{ {shown} }}")
        found = []
        for n in range(presses):
            page.wait_for_load_state("networkidle")
            page.wait_for_timeout(100)
            page.keyboard.press(str(1 + n % 4))
            page.wait_for_function("() => Number(sessionStorage.at) > 0")
            found.append(page.evaluate(MILLISECONDS) / 1000)
        return found


@contextmanager
def chromium() -> Iterator[Any]:
    """The system's Chromium, or else Playwright's own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"))
        try:
            yield browser
        finally:
            browser.close()


def chromium_version() -> str:
    with chromium() as browser:
        return str(browser.version)
