"""How every command ends that has waited for a job: the timing line or one JSON object on standard
output, and what the job did on standard error.
"""

from __future__ import annotations

import argparse
import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from aws.client import Clients
from errors import JobError, log
from report import page
from running.costs import Prices
from running.following import Outcome
from state.records import JobInfo
from terminal import arguments
from views.answer import answer_of
from views.summary import Summary, read_summary
from views.timings import read_timings


def print_line(line: str) -> None:
    """A line on standard output, at once."""
    print(line, flush=True)


@contextlib.contextmanager
def told(
    outcome: Outcome, as_json: bool, say_line: Callable[[str], None] = print_line
) -> Iterator[dict[str, Any]]:
    """Say a run's timing line before the block, or with `as_json` one object of all facts behind
    it: to these, the block adds its own. JobError at the end where the answer has a fault.
    """
    facts: dict[str, Any] = {"timer": outcome.timer}
    if not as_json:
        say_line(outcome.timer)  # before anything that may fail: the job has run
    try:
        yield facts
    finally:
        if as_json:
            print(json.dumps(facts), flush=True)
    if outcome.fault:
        raise JobError(outcome.fault)


def tell_summary(
    clients: Clients, job: JobInfo, prices: Prices | None, report: str | None, facts: dict[str, Any]
) -> None:
    """Say what a finished job did, add it to the facts, and write its page where one is wanted."""
    done = read_summary(clients, job.job_bucket, job.job_id, prices)
    say(done.lines())
    facts["summary"] = done.to_json()
    if report:
        write_report(clients, report, done)


def end_of_waiting(
    clients: Clients, outcome: Outcome, options: argparse.Namespace, prices: Prices | None
) -> None:
    """All that a command says which waited for a job that it did not start."""
    with told(outcome, options.json) as facts:
        if outcome.job:
            tell_summary(clients, outcome.job, prices, None, facts)


def write_report(clients: Clients, path: str, done: Summary) -> None:
    """Write the page about a finished job."""
    info = done.job.info
    try:
        rows = read_timings(clients, info.job_bucket, info.job_id)
    except JobError as error:
        log(f"the report is without coordinators and cold starts: {error}")
        rows = []
    page.write(path, done, answer_of(clients.s3, info).pairs(), rows)
    log(f"the report is {path}")


def say(lines: list[str]) -> None:
    """Lines for a person, on standard error."""
    for line in lines:
        log(line)


def interrupted(options: argparse.Namespace) -> str:
    """What a user must know who ends a command early that waits for a job."""
    return (
        "interrupted. What was started goes on by itself: functions under way end, and "
        f"job {options.jobid} in s3://{options.jobbkt}/{options.jobid}/ may still finish. "
        f"`{arguments.job_command('cancel', options)}` ends it, "
        f"`{arguments.job_command('resume', options)}` starts what is missing and waits"
    )
