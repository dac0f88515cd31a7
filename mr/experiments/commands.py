"""The project's own commands, as an experiment calls them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from errors import JobError

MR = Path(__file__).resolve().parent.parent
SETUP_APPS = MR.parent / "lambda-python" / "setupApps.py"
DRIVER, JOB = MR / "driver.py", MR / "job.py"
LAST_LINES = 3


class Failed(JobError):
    """A command failed; the message has its last lines."""


def call(program: Path, *words: str) -> str:
    """Run a command; what it printed. Failed where its status is not 0."""
    done = subprocess.run(
        [sys.executable, str(program), *words],
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,  # Ctrl-C is for this process, which ends it
    )
    if done.returncode:
        last = done.stderr.splitlines()[-LAST_LINES:]
        raise Failed(f"{program.name} ended with status {done.returncode}:", *last)
    return done.stdout


def ask(program: Path, *words: str) -> Any:
    """Run a command; the JSON that it printed. Failed."""
    return json.loads(call(program, *words))
