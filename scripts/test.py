"""Set up what is needed and run every check and test.

On a fresh machine with Python 3.11 or newer:  python3 scripts/test.py
On Windows:                                    py scripts\\test.py
Arguments go to pytest:                        python3 scripts/test.py -k sampling
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from environment import ROOT, ready

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
)
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "{PROGRAMFILES}/Google/Chrome/Application/chrome.exe",
    "{PROGRAMFILES(X86)}/Google/Chrome/Application/chrome.exe",
    "{PROGRAMFILES(X86)}/Microsoft/Edge/Application/msedge.exe",
    "{PROGRAMFILES}/Microsoft/Edge/Application/msedge.exe",
)
CHECKS = (
    ("ruff", ["ruff", "check", "."]),
    ("format", ["ruff", "format", "--check", "."]),
    ("types", ["mypy"]),
    ("rooms", ["lint-imports"]),
)


def browser() -> str | None:
    """The system's Chromium, Chrome or Edge; Debian's Chromium is installed where that may be."""
    found = find_browser()
    may = hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get")
    if found or not may:
        return found
    print("Installing Debian's Chromium for the browser tests (once) ...", flush=True)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-q"], **quiet)
    subprocess.run(["apt-get", "install", "-qy", "chromium"], env=environment, **quiet)
    return find_browser()


def find_browser() -> str | None:
    named = os.environ.get("STAGEMIX_BROWSER")
    on_path = [shutil.which(name) for name in BROWSERS]
    variables = {"PROGRAMFILES": "", "PROGRAMFILES(X86)": "", **os.environ}
    places = [place.format_map(variables) for place in PLACES]
    return next((p for p in [named, *on_path, *places] if p and Path(p).exists()), None)


def main() -> int:
    python = ready("test")
    found = browser()
    tools = python.parent
    failed = []
    for name, (tool, *arguments) in CHECKS:
        print(f"-- {name}", flush=True)
        if subprocess.run([str(tools / tool), *arguments], cwd=ROOT).returncode:
            failed.append(name)
    print("-- tests", flush=True)
    # the tests run beside each other, so none needs more than one core
    alone = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    environment = {**alone, **os.environ, "STAGEMIX_BROWSER": found or ""}
    command = [python, "-m", "pytest", "-n", "auto", "-q", *sys.argv[1:]]
    if subprocess.run(command, cwd=ROOT, env=environment).returncode:
        failed.append("tests")
    if not found:
        print("No Chromium, Chrome or Edge was found: the browser tests were skipped.")
        if os.environ.get("CI") == "true":
            failed.append("browser")
    if failed:
        print(f"Failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
