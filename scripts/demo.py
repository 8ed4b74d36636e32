"""Set up what is needed and run the main job on the bundled example study.

On a fresh machine with Python 3.11 or newer:  python3 scripts/demo.py
On Windows:                                    py scripts\\demo.py
"""

import subprocess
import sys

from environment import ROOT, ready


def main() -> int:
    python = ready()
    return subprocess.run([python, "-m", "stagemix", "demo", str(ROOT)], cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
