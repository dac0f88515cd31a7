"""The project's commands, run as a person would run them, and their answer checked: what the demo
and the check of an account share, and the sandbox in part.

Commands are shown before they run, with this Python and as lists of words. Expected answers are
sums of their own over the same files.
"""

from __future__ import annotations

import json
import math
import shlex
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from errors import JobError

ROOT = Path(__file__).resolve().parent.parent


class Failed(JobError):
    """A command failed, or an answer is wrong."""


def say(line: str) -> None:
    print(f"\n\033[1m{line}\033[0m" if sys.stdout.isatty() else f"\n{line}", flush=True)


def run(environment: Mapping[str, str], *command: str) -> str:
    """Show a command, `python` or `aws`, and run it with this Python; returns what it printed,
    which is shown too. Failed where it fails.

    pip's script `aws` does not start where the checkout's path has a space: its first line cannot
    hold one.
    """
    print("$ " + shlex.join(command), flush=True)
    own = {"python": [], "aws": ["-m", "awscli"]}[command[0]]
    words = [sys.executable, *own, *command[1:]]
    done = subprocess.run(
        words, cwd=ROOT, env=dict(environment), stdout=subprocess.PIPE, text=True, check=False
    )
    print(done.stdout, end="", flush=True)
    if done.returncode:
        raise Failed(f"{shlex.join(command)} ended with status {done.returncode}")
    return done.stdout


def configuration(bucket: str, job_id: str | None = None, suffix: str = "") -> dict[str, Any]:
    """scns.json with its names filled in: the job bucket, the one job id that wakes its
    coordinator (without it, each does), and what the functions' names end in.
    """
    config: dict[str, Any] = json.loads((ROOT / "scns.json").read_text())
    for function in config["functions"]:
        function["name"] += suffix
        function["files_and_dirs"] = [str(ROOT / path) for path in function["files_and_dirs"]]
        if "permission" in function:
            del function["job_id"]
            function |= {"permission": bucket} | ({"job_id": job_id} if job_id else {})
    return config


def expected_sums(files: Iterable[Path]) -> dict[str, float]:
    """The answer from the files themselves, line by line, without the project's code."""
    sums: defaultdict[str, list[float]] = defaultdict(list)
    for path in files:
        for line in path.read_text().splitlines():
            columns = line.split(",")
            sums[columns[0][:8]].append(float(columns[3]))
    return {group: math.fsum(values) for group, values in sums.items()}


def check(result: Mapping[str, float], expected: Mapping[str, float]) -> None:
    """Failed unless every group has the same sum, to 1e-9 of it."""
    if result.keys() != expected.keys():
        raise Failed(f"{len(result)} groups in the result, {len(expected)} expected")
    wrong = [
        group
        for group, total in expected.items()
        if not math.isclose(result[group], total, rel_tol=1e-9)
    ]
    if wrong:
        raise Failed(f"{len(wrong)} groups have a wrong sum, {wrong[0]!r} among them")
    print(f"all {len(result)} groups are what a sum over the same files gives")
