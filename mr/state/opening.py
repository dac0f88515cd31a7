"""The line of the log with which every function begins its work: for which run of which job.

    run 1f0c... of job job1000: mapper 3 reads 2 objects

The logs of all jobs lie side by side, and a job's lines are told by its run id: a job id is
anyone's choice, and may hold what looks like such a line; a run id is the driver's, and nobody
guesses it.
"""

from __future__ import annotations

import re

from errors import visible

_TASK = r"(mapper \d+|step \d+ reducer \d+|coordinator|driver)\b"
_ASKED = re.compile(r"run \S+ of job .*, asked for at ([0-9]{1,12}\.[0-9]{3})")
_ANY = re.compile(rf"run \S+ of job .*: {_TASK}")


def opening(run_id: str, job_id: str, task: str) -> str:
    """What the line begins with; `task` is "mapper 3", "step 1 reducer 2", "coordinator" or
    "driver". `run_id` is "" where neither an event nor a record names a run.
    """
    return f"run {run_id or 'none'} of job {job_id}: {task}"


def asked(invoked: float) -> str:
    """The end of that line: when the call was sent, in seconds since the epoch; 0 is not known."""
    return f", asked for at {invoked:.3f}" if invoked else ""


def asked_at(line: str) -> float | None:
    """When the call was sent that begins with a line of the log, as far as it says."""
    found = _ASKED.fullmatch(line)
    return float(found[1]) if found else None


def opened_task(line: str, run_id: str, job_id: str) -> str | None:
    """The task whose work for this run begins with a line of the log; None where none does."""
    begin = re.escape(visible(opening(run_id, job_id, "")))
    found = re.match(begin + _TASK, line)
    return found[1] if found else None


def opens_any(line: str) -> bool:
    """Whether a line of the log is such a one of any run."""
    return _ANY.match(line) is not None


def opens_other(line: str, run_id: str, job_id: str) -> bool:
    """Whether a line of the log is such a one of another run."""
    return opens_any(line) and opened_task(line, run_id, job_id) is None
