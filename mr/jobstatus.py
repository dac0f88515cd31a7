"""A job's state, from S3 alone: at any time, for asynchronous jobs too.

In: the job bucket and the job id. Out: a `JobStatus`, as text for a person, or JSON.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

import diagnosis
import jobstate
import s3json
from jobstate import JobInfo, JobListing, StepRecord
from lambdautils import Fields, JobError, JobKeys, error_code


@dataclasses.dataclass(frozen=True)
class StepStatus:
    """A step: outputs that are there, and are due; `step` 0 are the mappers."""

    step: int
    done: int
    due: int
    missing: tuple[int, ...]


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


def read_records(s3: Any, bucket: str, job_id: str) -> tuple[JobInfo, Fields]:
    """A job's records, JOB/jobinfo.json and JOB/jobdata. JobError where there is no such job."""
    keys = JobKeys(job_id)
    try:
        job = JobInfo.from_json(s3json.read_json(s3, bucket, keys.jobinfo), job_id)
        return job, Fields(s3json.read_json(s3, bucket, keys.jobdata), keys.jobdata)
    except ClientError as error:
        if error_code(error) != "NoSuchKey":
            raise
        raise JobError(
            f"there is no job {job_id} in s3://{bucket}/{job_id}/: check the bucket and the job id"
        ) from error


def read_status(s3: Any, bucket: str, job_id: str, now: float | None = None) -> JobStatus:
    """Read where a job is. JobError where there is no such job."""
    job, data = read_records(s3, bucket, job_id)
    listing = jobstate.list_job(s3, bucket, job_id)
    records = jobstate.read_step_records(s3, bucket, job_id, listing)
    errors = tuple(diagnosis.failures(s3, job))
    state = "done" if listing.has_result else "failed" if errors else "running"
    age = (time.time() if now is None else now) - data.number("startTime")
    result = JobKeys(job_id).result if listing.has_result else None
    return JobStatus(job_id, bucket, state, age, steps_of(job, listing, records), errors, result)
