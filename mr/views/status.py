"""A job's state, from S3 alone: at any time, for asynchronous jobs too."""

from __future__ import annotations

import dataclasses
import shlex
import time
from typing import Any

from errors import visible
from running.watching import stands_still
from state.badrows import lines_of
from state.failures import failures
from state.jobcode import UNKNOWN, JobCode
from state.keys import JobKeys
from state.listing import JobListing, list_job, read_records, read_step_records
from state.progress import StepStatus, progress_of, steps_of
from state.records import Cancelled, JobInfo
from views.finished import RowTotals, read_row_totals
from views.words import with_units


@dataclasses.dataclass(frozen=True)
class JobStatus:
    """Where a job is. `age` is in seconds since its start, `result` the key of its answer.

    `state` is "done"; "cancelled"; "failed" (a function left an error and has not succeeded since);
    "stalled" (nobody is at work for it); or "running". `cancelled` is by whom and when.
    `job` and `jobdigest` are those of the last output that is there ("" before there is one).
    `rows` are those of a job that is done, `fault` is what is wrong with its answer ("": nothing).
    `idle` is for how many seconds nothing has happened where something was due (None: it was not).
    """

    job_id: str
    bucket: str
    state: str
    age: float
    steps: tuple[StepStatus, ...]
    errors: tuple[str, ...]
    result: str | None
    job: str = ""
    jobdigest: str = ""
    rows: RowTotals | None = None
    fault: str = ""
    idle: float | None = None
    cancelled: Cancelled | None = None

    @property
    def needs_help(self) -> bool:
        """Whether no answer will come by itself."""
        return self.state in ("failed", "stalled", "cancelled")

    def to_json(self) -> dict[str, Any]:
        """The form for programs; the field names are a contract."""
        return with_units(dataclasses.asdict(self), {"age": "age_s", "idle": "idle_s"})

    def lines(self) -> list[str]:
        """The form for a person."""
        shown = [f"job {self.job_id} in s3://{self.bucket}/{self.job_id}/: {self.state}"]
        if self.job:
            shown.append(f"runs job {JobCode(self.job, self.jobdigest)}")
        shown.append(f"started {self.age:.0f} s ago")
        if self.cancelled:
            shown.append(str(self.cancelled))
        for one in self.steps:
            who = f"reducers of step {one.step}" if one.step else "mappers"
            missing = f", missing: {', '.join(map(str, one.missing[:10]))}" if one.missing else ""
            more = ", ..." if one.missing[10:] else ""
            shown.append(f"{who}: {one.done} of {one.due}{missing}{more}")
        if self.idle is not None:
            shown.append(f"{self._stands()}, nothing has happened for {self.idle:.0f} s")
        shown += self.errors
        if self.needs_help:
            words = shlex.join([self.bucket, self.job_id])
            shown.append(f"`python job.py resume {words}` starts what is missing, and waits")
        if self.rows:
            shown.append(self.rows.words())
        if self.fault:
            shown += [self.fault, *lines_of(self.rows.faults if self.rows else ())]
        if self.result:
            shown.append(f"the result is s3://{self.bucket}/{self.result}")
        return list(map(visible, shown))

    def _stands(self) -> str:
        """What has not gone on."""
        last = self.steps[-1]
        if not last.missing:
            return "nobody has taken up the next step, an S3 event may be lost"
        return f"its {'reducers' if last.step else 'mappers'} should have ended"


def read_status(s3: Any, bucket: str, job_id: str, now: float | None = None) -> JobStatus:
    """Read where a job is. JobError where there is no such job."""
    job, data = read_records(s3, bucket, job_id)
    listing = list_job(s3, job)
    records = read_step_records(s3, job, listing)
    errors = tuple(failures(s3, job))
    now = time.time() if now is None else now
    progress = progress_of(job, listing, records)
    stands = stands_still(progress, now, listing.changed, data.mapper_timeout)
    state = state_of(listing.has_result, job.cancelled is not None, bool(errors), stands)
    result = JobKeys(job_id).result if listing.has_result else None
    code = read_code(s3, job, listing)
    rows = read_row_totals(s3, job, listing) if listing.has_result else None
    return JobStatus(
        job_id,
        bucket,
        state,
        now - data.start,
        steps_of(job, listing, records),
        errors,
        result,
        code.job,
        code.digest,
        rows,
        rows.fault(data.max_bad) if rows else "",
        now - listing.changed if state == "stalled" else None,
        job.cancelled,
    )


def state_of(has_result: bool, cancelled: bool, failed: bool, stands: bool) -> str:
    """A job's state in a word; pure."""
    facts = {"done": has_result, "cancelled": cancelled, "failed": failed, "stalled": stands}
    return next((state for state, is_so in facts.items() if is_so), "running")


def read_code(s3: Any, job: JobInfo, listing: JobListing) -> JobCode:
    """Which job wrote the last of the outputs that are there."""
    keys = JobKeys(job.job_id)
    there = {step: max(numbers) for step, numbers in listing.outputs.items() if numbers}
    if listing.has_result:
        key = keys.result
    elif there:
        key = keys.output(max(there), there[max(there)])
    else:
        return UNKNOWN
    return JobCode.from_metadata(s3.head_object(Bucket=job.job_bucket, Key=key)["Metadata"])
