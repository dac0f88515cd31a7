"""Where a job is: which outputs of which step are there, and which are missing."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from state.listing import JobListing, list_job, read_step_records
from state.records import JobInfo, StepRecord
from state.runs import Run


@dataclasses.dataclass(frozen=True)
class StepStatus:
    """A step: outputs that are there, and are due; `step` 0 are the mappers."""

    step: int
    done: int
    due: int
    missing: tuple[int, ...]


def steps_of(
    job: JobInfo, listing: JobListing, records: Mapping[int, StepRecord]
) -> tuple[StepStatus, ...]:
    """The mappers and every claimed step; pure. The last reducer writes the result instead."""
    steps = []
    for step in [0, *sorted(records)]:
        due = records[step].grid.count if step else job.map_count
        there: Iterable[int] = listing.outputs.get(step, {})
        if step and due == 1 and listing.has_result:
            there = {1}
        missing = tuple(number for number in range(1, due + 1) if number not in there)
        steps.append(StepStatus(step, due - len(missing), due, missing))
    return tuple(steps)


@dataclasses.dataclass(frozen=True)
class Progress:
    """Where a job is: outputs of the current step (0: mappers) that are there, and are due.

    `missing` are the numbers that are not there yet, `expires` when the claim's reducers must
    have ended, `began` when it was made (None while the mappers are at work). `failed` are the
    names of the failures that lie there.
    """

    step: int
    done: int
    due: int
    missing: tuple[int, ...]
    expires: float | None = None
    finished: bool = False
    failed: tuple[str, ...] = dataclasses.field(default=(), compare=False)
    began: float | None = None

    def __str__(self) -> str:
        if self.finished:
            return "the result is there"
        if not self.missing:
            return f"step {self.step} is complete and the next one has not been started"
        who = f"reducers of step {self.step}" if self.step else "mappers"
        numbers = ", ".join(map(str, self.missing[:20])) + (", ..." if self.missing[20:] else "")
        return f"{self.done} of {self.due} {who} are done, missing: {numbers}"


def progress_of(job: JobInfo, listing: JobListing, records: Mapping[int, StepRecord]) -> Progress:
    """Where the job is; pure. The current step is the last one claimed."""
    last = steps_of(job, listing, records)[-1]
    record = records.get(last.step)
    if listing.has_result:
        last = dataclasses.replace(last, done=last.due, missing=())
    expires, began = (record.expires, record.start_time) if record else (None, None)
    numbers = last.step, last.done, last.due, last.missing
    return Progress(*numbers, expires, listing.has_result, listing.errors, began)


def look(s3: Any, job: JobInfo) -> Progress:
    """Read where the job is. OtherRun where its job id belongs to another run by now."""
    Run(s3, job.job_bucket, job.job_id, job.run_id).check()
    listing = list_job(s3, job)
    return progress_of(job, listing, read_step_records(s3, job, listing))
