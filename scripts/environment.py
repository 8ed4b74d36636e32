"""Make the environment that the other scripts run in: `.venv` inside the checkout.

Standard library only: this runs on a fresh machine before anything is installed.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv"
STAMP = FOLDER / "stagemix-installed.json"
OLDEST = (3, 11)


def python_in(folder: Path) -> Path:
    """The interpreter of an environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def ready(*extras: str) -> Path:
    """Return the environment's interpreter, with stagemix and EXTRAS installed in it.

    Does nothing when they are installed already and nothing they depend on has changed.
    """
    if sys.version_info < OLDEST:
        stop(
            "stagemix needs Python 3.11 or newer, this is {}.{}; install one from python.org and "
            "run the script with it".format(*sys.version_info)
        )
    wanted = {"state": state(), "extras": sorted(extras)}
    python = python_in(FOLDER)
    if python.exists() and STAMP.exists():
        have = json.loads(STAMP.read_text("utf-8"))
        if have["state"] == wanted["state"] and set(extras) <= set(have["extras"]):
            return python
        wanted["extras"] = sorted({*extras, *have["extras"]})
        if have["state"]["python"] != wanted["state"]["python"]:
            shutil.rmtree(FOLDER)
    if not python.exists():
        make()
    print(f"Installing stagemix into {FOLDER} (once) ...", flush=True)
    what = ".[{}]".format(",".join(wanted["extras"])) if wanted["extras"] else "."
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*command, "-c", "constraints.txt", "-e", what], cwd=ROOT)
    if done.returncode:
        stop("the packages could not be installed; see above, and check the network connection")
    STAMP.write_text(json.dumps(wanted), "utf-8")
    return python


def state() -> dict:
    """What an installed environment depends on."""
    files = b"".join((ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt"))
    return {
        "python": sys.version,
        "root": str(ROOT),
        "files": hashlib.sha256(files).hexdigest(),
    }


def make() -> None:
    """Make an empty environment, or say what to install where Python comes without venv."""
    print(f"Making {FOLDER} ...", flush=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
    done = subprocess.run(
        [sys.executable, "-m", "venv", str(FOLDER)], capture_output=True, text=True
    )
    if done.returncode:
        shutil.rmtree(FOLDER, ignore_errors=True)
        version = "{}.{}".format(*sys.version_info)
        told = (done.stdout + done.stderr).strip().splitlines()
        stop(
            f"this Python cannot make one ({told[-1] if told else 'no reason given'}). On Debian and Ubuntu: sudo apt install python{version}-venv; "
            "elsewhere install Python from python.org, then run this script again"
        )


def stop(text: str) -> None:
    """End the script with one line on what to do."""
    sys.exit(f"stagemix: {text}")
