"""A job's state, from S3 alone: at any time, for asynchronous jobs too.

In: the job bucket and the job id. Out: a `JobStatus`, as text for a person, or JSON.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from state.failures import failures
from state.keys import JobKeys
from state.listing import list_job, read_records, read_step_records
from state.progress import StepStatus, steps_of


@dataclasses.dataclass(frozen=True)
class JobStatus:
    """Where a job is. `age` is in seconds since its start, `result` the key of its answer.

    `state` is "done", "failed" (a function left an error and has not succeeded since) or "running".
    """

    job_id: str
    bucket: str
    state: str
    age: float
    steps: tuple[StepStatus, ...]
    errors: tuple[str, ...]
    result: str | None

    def to_json(self) -> dict[str, Any]:
        """The form for programs; the field names are a contract."""
        return dataclasses.asdict(self)

    def lines(self) -> list[str]:
        """The form for a person."""
        shown = [f"job {self.job_id} in s3://{self.bucket}/{self.job_id}/: {self.state}"]
        shown.append(f"started {self.age:.0f} s ago")
        for one in self.steps:
            who = f"reducers of step {one.step}" if one.step else "mappers"
            missing = f", missing: {', '.join(map(str, one.missing[:10]))}" if one.missing else ""
            more = ", ..." if one.missing[10:] else ""
            shown.append(f"{who}: {one.done} of {one.due}{missing}{more}")
        shown += self.errors
        if self.result:
            shown.append(f"the result is s3://{self.bucket}/{self.result}")
        return shown


def read_status(s3: Any, bucket: str, job_id: str, now: float | None = None) -> JobStatus:
    """Read where a job is. JobError where there is no such job."""
    job, data = read_records(s3, bucket, job_id)
    listing = list_job(s3, bucket, job_id)
    records = read_step_records(s3, bucket, job_id, listing)
    errors = tuple(failures(s3, job))
    state = "done" if listing.has_result else "failed" if errors else "running"
    age = (time.time() if now is None else now) - data.number("startTime")
    result = JobKeys(job_id).result if listing.has_result else None
    return JobStatus(job_id, bucket, state, age, steps_of(job, listing, records), errors, result)
