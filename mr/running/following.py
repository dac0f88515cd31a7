"""Following a run to its end, from S3 alone: as well by a driver that started it as by anyone who
joins later.

In: a job's records. Out: a listener is told what happens, mapper by mapper, as if the mappers had
answered; the `Outcome` has the timing line that scripts parse.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from aws.client import Clients
from errors import BadRecord, JobError, log
from running import diagnosis, watching
from running.backups import Again, Copies
from running.ended import Ended
from running.goals import Weighed
from running.listener import Listener, MapperTotals
from running.planning import Plan
from running.watching import JobTimedOut
from state import badrows
from state.failures import LOOKED_AT, Failure, in_order, read_failure, told_once
from state.outputs import reducer_seconds
from state.progress import Progress
from state.records import JobData, JobInfo


def ignore(progress: Progress) -> None:
    """Do nothing at a look."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run ended: its timing line, its plan where this driver made it, and the job unless it
    was a dry run.

    `fault` says what is wrong with the answer, which is there all the same; "" where nothing is.
    `weighed` are the ways that were weighed for a goal.
    """

    timer: str
    plan: Plan | None = None
    job: JobInfo | None = None
    fault: str = ""
    weighed: Weighed | None = None


@dataclasses.dataclass(frozen=True)
class Follower:
    """Waits for the end of a run that has been started, and sums it up.

    `batches` are the keys of each mapper, as far as they are known; `timeout` are the seconds
    that the job may take once its mappers are done, `until` a moment at which the waiting ends in
    any case, in seconds since the epoch. `again` starts tasks that take long once more, where the
    run's record allows it, from the step `copies_from` on.
    """

    clients: Clients
    job: JobInfo
    data: JobData
    listener: Listener
    batches: Sequence[Sequence[str]]
    timeout: float
    again: Again | None = None
    until: float | None = None
    copies_from: int = 0

    def follow(self) -> MapperTotals:
        """Wait for the result, and tell of the mappers as their outputs come. Returns their sum.
        JobTimedOut as `wait` has it.
        """
        ended = Ended(self.clients, self.job)
        tally = Tally(self.clients.s3, self.job, self.listener, ended)
        self._wait(tally.look, self._copies(ended))
        return tally.totals

    def wait(self) -> None:
        """Wait for the result. JobTimedOut at the deadline: what may have hindered it is logged."""
        self._wait(self._copies(Ended(self.clients, self.job)))

    def _copies(self, ended: Ended) -> Callable[[Progress], None]:
        """What starts late tasks once more at a look, or nothing."""
        if self.again is None or not self.data.backups:
            return ignore
        clock, began = self.clients.clock, self.data.began
        return Copies(self.again, ended, clock, began, self.copies_from).look

    def _wait(self, *looks: Callable[[Progress], None]) -> None:
        def on_look(progress: Progress) -> None:
            for look in looks:
                look(progress)

        try:
            watching.wait_for_result(
                self.clients.s3,
                self.job,
                self.timeout,
                self.listener.moved,
                self.clients.clock,
                self.clients.sleep,
                on_look,
                self.until,
            )
        except JobTimedOut as error:
            for hint in self._diagnosis(error.progress):
                log(hint)
            raise
        self.listener.finished(self.job)

    def _diagnosis(self, progress: Progress) -> list[str]:
        return diagnosis.diagnose(
            self.clients.s3,
            self.clients.logs,
            self.job,
            progress,
            self.batches,
            list(filter(None, [self.data.mapper_function, self.job.reducer_function])),
            self.data.start,
        )

    def outcome(self, began: float, totals: MapperTotals, plan: Plan | None = None) -> Outcome:
        """What became of a run that has its result; `began` is when this driver did."""
        reducers = reducer_seconds(self.clients.s3, self.job)
        sums = f"mappers:{totals.seconds:.3f}:reducer:{reducers:.3f}"
        timer = timing_line(self.clients.clock() - began, sums)
        fault = badrows.too_many(totals.lines, totals.errors, self.data.max_bad)
        return Outcome(timer, plan, self.job, fault)


def timing_line(seconds: float, rest: str) -> str:
    """The line that scripts parse; `seconds` are those of the whole call."""
    return f"TIMER:CALL:{round(seconds * 1000)}:{rest}"


class Tally:
    """What the mappers' outputs, and the failures, tell as they come."""

    def __init__(self, s3: Any, job: JobInfo, listener: Listener, ended: Ended) -> None:
        self.totals = MapperTotals()
        self._s3 = s3
        self._ended = ended
        self._job = job
        self._listener = listener
        self._told: set[int] = set()
        self._failures: set[str] = set()
        self._said: set[str] = set()

    def look(self, progress: Progress) -> None:
        """Tell the listener what is new since the last look."""
        self._tell_failures(progress)
        new = sorted(mappers_done(self._job, progress) - self._told)
        for number, counts in self._ended.of(0, new).items():
            self._told.add(number)
            self.totals.add(number, [0, counts.lines, counts.seconds, counts.errors])
            self._listener.mapper_done(number, self.totals, self._job.map_count)
        if new and len(self._told) == self._job.map_count:
            self._listener.mapped(self._s3, self._job, self.totals)

    def _tell_failures(self, progress: Progress) -> None:
        """What several say is logged once: all mappers may fail in one and the same way."""
        found: dict[str, list[Failure]] = {}
        new = set(progress.failed) - self._failures
        for name in sorted(new, key=in_order)[:LOOKED_AT]:
            self._failures.add(name)
            try:
                failure = read_failure(self._s3, self._job, name)
            except (BadRecord, ClientError):
                continue  # it has succeeded by now, or is no record
            if failure.is_of(self._job):
                found.setdefault(failure.error, []).append(failure)
                self._tell_mapper(name, str(failure))
        for error, same in found.items():
            if error not in self._said:
                log(told_once(same))
        self._said |= found.keys()

    def _tell_mapper(self, name: str, error: str) -> None:
        kind, _, number = name.partition("/")
        if kind == "mapper" and number.isdecimal():
            self._listener.mapper_failed(int(number), JobError(error))


def mappers_done(job: JobInfo, progress: Progress) -> set[int]:
    """The mappers whose outputs are there; pure."""
    missing = set() if progress.step or progress.finished else set(progress.missing)
    return set(range(1, job.map_count + 1)) - missing
