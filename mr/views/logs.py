"""The logs of one job's functions, out of log groups that all jobs share.

In: log events of the functions, in order within their streams. Out: `LogLine`s of that job alone,
by time, with the function's name and the task's. A stream holds one request after the other, from
its START line on; whose request it is says the line with which every function here begins
(state/opening.py), by the run's id: what anyone else writes into a log makes no line one of the
job's.
"""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from aws.client import Clients
from aws.logs import START, read_events
from errors import JobError, visible
from state.listing import read_records
from state.opening import opened_task, opens_any
from state.records import JobInfo
from views.functions import names_of
from views.status import read_status

POLL_SECONDS = 2.0
OVERLAP_SECONDS = 15.0
"""How far back a look goes again while following: log events may arrive late."""
QUIET_SECONDS = 10.0
"""Following ends so long after the last line of a job that is done."""


@dataclasses.dataclass(frozen=True)
class LogLine:
    """One line: when (seconds since the epoch), the function's name, "mapper 3" and so on, and the
    request that it belongs to.
    """

    time: float
    function: str
    task: str
    message: str
    request_id: str = ""

    def text(self) -> str:
        """The form for a person; further lines of a message, as of a traceback, are indented."""
        when = datetime.fromtimestamp(self.time, UTC).isoformat(timespec="milliseconds")
        first, *more = map(visible, re.split(r"\r\n|\r|\n", self.message))
        line = f"{when.removesuffix('+00:00')}Z  {self.function}  {self.task}  {first}"
        return "\n    ".join([line, *more])


class JobFilter:
    """Picks the lines of a job's run from a function's events, which may come in portions."""

    def __init__(self, function: str, job: JobInfo) -> None:
        self._function = function
        self._job = job
        self._open: dict[str, list[tuple[float, str]]] = {}
        self._task: dict[str, str | None] = {}
        self._request: dict[str, str] = {}

    def lines(self, event: Mapping[str, Any]) -> Iterator[LogLine]:
        """The lines of the job that are known to be its own now that this event is there."""
        stream, when = event["logStreamName"], event["timestamp"] / 1000
        message = event["message"].rstrip()
        if start := START.match(message):
            self._open[stream], self._task[stream] = [], ""
            self._request[stream] = start[1]
        task = self._task.get(stream)
        if task is None:  # someone else's, or a request whose beginning was not seen
            return
        if task:
            yield self._line(stream, when, message)
            return
        self._open[stream].append((when, message))
        if begun := opened_task(message, self._job.run_id, self._job.job_id):
            self._task[stream] = begun
            for then, text in self._open.pop(stream):
                yield self._line(stream, then, text)
        elif opens_any(message):
            self._task[stream] = None

    def _line(self, stream: str, when: float, message: str) -> LogLine:
        task, request = self._task[stream] or "", self._request[stream]
        return LogLine(when, self._function, task, message, request)


def read_job(clients: Clients, bucket: str, job_id: str) -> list[LogLine]:
    """What the functions of a job logged, by time. JobError where there is no such job."""
    job, functions, since = sources(clients, bucket, job_id)
    return job_lines(clients.logs, functions, job, since)


def read_logged(clients: Clients, bucket: str, job_id: str) -> list[LogLine]:
    """As `read_job`, for whoever wants the lines themselves: JobError where there is none."""
    if lines := read_job(clients, bucket, job_id):
        return lines
    raise JobError(
        f"no log has a line of job {job_id}: its functions have not begun, or the logs were "
        "deleted since, as setupApps.py --deleteAll does"
    )


def follow_job(clients: Clients, bucket: str, job_id: str) -> Iterator[LogLine]:
    """What they log as it comes, until the job is done. JobError where there is no such job."""
    job, functions, since = sources(clients, bucket, job_id)

    def is_done() -> bool:
        return read_status(clients.s3, bucket, job_id).state == "done"

    return follow(clients.logs, functions, job, since, is_done)


def sources(clients: Clients, bucket: str, job_id: str) -> tuple[JobInfo, list[str], float]:
    """A job's record, its functions, and the time from which on they may have logged."""
    job, data = read_records(clients.s3, bucket, job_id)
    functions = dict.fromkeys(names_of(clients.s3, job, data).values())
    return job, list(functions), data.start - OVERLAP_SECONDS


def job_lines(logs: Any, functions: list[str], job: JobInfo, since: float) -> list[LogLine]:
    """Everything that the functions logged for a job's run since it began, by time."""
    found: list[LogLine] = []
    for function in functions:
        picked = JobFilter(function, job)
        for event in read_events(logs, function, since):
            found += picked.lines(event)
    return sorted(found, key=lambda line: line.time)


def follow(
    logs: Any,
    functions: list[str],
    job: JobInfo,
    since: float,
    is_done: Callable[[], bool],
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[LogLine]:
    """The lines of a job as they come, until it is done and nothing comes any more."""
    picked = {function: JobFilter(function, job) for function in functions}
    seen: set[Any] = set()
    start, last = since, clock()
    while True:
        done = is_done()
        now = clock()
        new: list[LogLine] = []
        for function in functions:
            for event in read_events(logs, function, start):
                name = event_name(function, event)
                if name not in seen:
                    seen.add(name)
                    new += picked[function].lines(event)
        yield from sorted(new, key=lambda line: line.time)
        last = now if new else last
        if done and now - last > QUIET_SECONDS:
            return
        start = max(since, now - OVERLAP_SECONDS)
        sleep(POLL_SECONDS)


def event_name(function: str, event: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells an event from all others; not every log service gives an id."""
    if event.get("eventId"):
        return function, event["eventId"]
    return function, event["logStreamName"], event["timestamp"], event["message"]
