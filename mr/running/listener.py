"""Who is told what happens while a job runs: this one writes it to the log, a display shows it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from errors import JobError, brief, counted, log
from running.planning import Plan
from running.request import JobRequest
from state import badrows
from state.fields import is_number
from state.keys import JobKeys
from state.outputs import read_counts
from state.progress import Progress
from state.records import JobInfo
from state.tasks import MapperEvent


@dataclasses.dataclass
class MapperTotals:
    """The sum of the mappers' answers: rows, seconds of all functions, bad rows."""

    done: int = 0
    lines: int = 0
    seconds: float = 0.0
    errors: int = 0
    first_with_errors: int | None = None

    def add(self, mapper_id: int, answer: Any) -> None:
        """Add one answer, [objects, rows, seconds, bad rows]. JobError where it is not that."""
        try:
            _, lines, seconds, errors = answer
        except (TypeError, ValueError) as error:
            raise wrong_answer(mapper_id, answer) from error
        if not all(map(is_number, (lines, seconds, errors))):
            raise wrong_answer(mapper_id, answer)
        self.lines += int(lines)
        self.seconds += seconds
        self.errors += int(errors)
        self.done += 1
        if errors and self.first_with_errors is None:
            self.first_with_errors = mapper_id


def wrong_answer(mapper_id: int, answer: Any) -> JobError:
    """The error of an answer that is none of a mapper."""
    return JobError(
        f"mapper {mapper_id} answered {brief(answer)}, not [objects, rows, seconds, bad rows]: "
        "is the mapper function the right one?"
    )


class Listener:
    """Told what happens while a job runs; this one writes it to the log.

    `mapper_started` and `mapper_failed` are called from many threads at once.
    """

    def planned(self, request: JobRequest, plan: Plan) -> None:
        """The plan is made, nothing has been started."""

    def joined(self, job: JobInfo, sizes: list[int]) -> None:
        """The run is there already; `sizes` are the bytes that each mapper reads."""

    def recorded(self, s3: Any, job: JobInfo, events: Sequence[MapperEvent]) -> None:
        """The run's records are there, and its plan: the events of all mappers, number 1 first."""

    def mapper_started(self, mapper_id: int) -> None:
        """A try of a mapper begins."""

    def mapper_failed(self, mapper_id: int, error: JobError) -> None:
        """A try of a mapper has failed; another may follow."""

    def mapper_done(self, mapper_id: int, totals: MapperTotals, count: int) -> None:
        """A mapper has ended; `totals` is the sum of all that have, of `count` that are due."""
        log(f"mapper {mapper_id} done, {totals.done} of {count}")

    def mapped(self, s3: Any, job: JobInfo, totals: MapperTotals) -> None:
        """Every mapper has ended."""
        report_mappers(s3, job, totals)

    def moved(self, progress: Progress) -> None:
        """The job's state in S3 has changed."""
        log(str(progress))

    def finished(self, job: JobInfo) -> None:
        """The result is there."""
        log(f"the result is {result_url(job)}")


def report_mappers(s3: Any, job: JobInfo, totals: MapperTotals) -> None:
    """Say what the mappers did, with one of the bad rows where there were any."""
    rows = f"{counted(totals.lines, 'row')}, {totals.errors:,} bad"
    log(f"{counted(totals.done, 'mapper')} done: {rows}")
    if totals.first_with_errors is not None:
        key = JobKeys(job.job_id).mapper_output(totals.first_with_errors)
        found = read_counts(s3, job.job_bucket, key)
        log(f"a bad row, in s3 object {found.bad_object}: {found.example}")
        for line in badrows.lines_of(found.faults):
            log(f"mapper {totals.first_with_errors}: {line}")


def result_url(job: JobInfo) -> str:
    """Where the job's answer is, or will be."""
    return f"s3://{job.job_bucket}/{JobKeys(job.job_id).result}"
