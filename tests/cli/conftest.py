"""Running the real commands."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run `stagemix ARGUMENTS` as a process of its own, in a folder outside any study."""

    def command(*arguments: object, at: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONWARNINGS": "ignore", "PYTHONUTF8": "1"}
        return subprocess.run(
            [sys.executable, "-m", "stagemix", *map(str, arguments)],
            cwd=at,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=240,
        )

    return command
