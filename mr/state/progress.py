"""Where a job is: which outputs of which step are there, and which are missing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from state.listing import JobListing, list_job, read_step_records
from state.records import JobInfo, StepRecord


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
        due = records[step].reducer_count if step else job.map_count
        there = set(listing.outputs.get(step, {}))
        if step and due == 1 and listing.has_result:
            there = {1}
        missing = tuple(number for number in range(1, due + 1) if number not in there)
        steps.append(StepStatus(step, due - len(missing), due, missing))
    return tuple(steps)


@dataclasses.dataclass(frozen=True)
class Progress:
    """Where a job is: outputs of the current step (0: mappers) that are there, and are due.

    `missing` are the numbers that are not there yet, `claimed` whether the step's claim is made
    (a job's mappers always are), `expires` when the claim's reducers must have ended. `failed` are
    the names of the failures that lie there.
    """

    step: int
    done: int
    due: int
    missing: tuple[int, ...]
    expires: float | None = None
    finished: bool = False
    failed: tuple[str, ...] = dataclasses.field(default=(), compare=False)

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
    step = max(records, default=0)
    record = records.get(step)
    due = record.reducer_count if record else job.map_count
    outputs = listing.outputs.get(step, {})
    missing = tuple(number for number in range(1, due + 1) if number not in outputs)
    if listing.has_result:
        missing = ()
    expires = record.expires if record else None
    done = due - len(missing)
    return Progress(step, done, due, missing, expires, listing.has_result, listing.errors)


def look(s3: Any, job: JobInfo) -> Progress:
    """Read where the job is."""
    listing = list_job(s3, job.job_bucket, job.job_id)
    records = read_step_records(s3, job.job_bucket, job.job_id, listing)
    return progress_of(job, listing, records)
