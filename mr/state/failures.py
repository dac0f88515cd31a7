"""`JOB/error/NAME`: the trace of a function that failed, left until it succeeds."""

from __future__ import annotations

import contextlib
import dataclasses
import time
import traceback
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from aws import s3json
from errors import BadRecord, log
from state.fields import Fields
from state.keys import JobKeys
from state.listing import list_job
from state.records import JobInfo
from state.runs import OtherRun, Run

SHOWN = 5
"""Failures that are listed."""


@dataclasses.dataclass(frozen=True)
class Failure:
    """What failed, "mapper/3" or "reducer/1/2", with which error, in which request, and when
    (seconds since the epoch).
    """

    name: str
    error: str
    request_id: str
    time: float
    run_id: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "what": self.name,
            "error": self.error,
            "requestId": self.request_id,
            "time": self.time,
            "runId": self.run_id,
        }

    @classmethod
    def from_json(cls, value: Any, where: str) -> Failure:
        """Read the record found at key `where`. BadRecord where a field is missing or wrong."""
        fields = Fields(value, where)
        return cls(
            fields.text("what"),
            fields.text("error"),
            fields.text("requestId"),
            fields.number("time"),
            fields.text("runId", ""),
        )


def failures(s3: Any, job: JobInfo) -> list[str]:
    """What mappers and reducers of this run left under JOB/error/ when they failed."""
    lines = []
    for name in list_job(s3, job).errors[:SHOWN]:
        key = JobKeys(job.job_id).error(name)
        try:
            failure = Failure.from_json(s3json.read_json(s3, job.job_bucket, key), key)
        except (BadRecord, ClientError) as error:
            lines.append(f"{name} failed; s3://{job.job_bucket}/{key} cannot be read: {error}")
            continue
        if failure.run_id in ("", job.run_id):
            lines.append(f"{name} failed: {failure.error} (request {failure.request_id})")
    return lines


@contextlib.contextmanager
def failure_record(run: Run, name: str, request_id: str) -> Iterator[None]:
    """Leave `JOB/error/NAME` behind when the body raises, before the error goes on; success
    removes it. A run that is over leaves nothing.
    """
    key = JobKeys(run.job_id).error(name)
    try:
        yield
    except OtherRun:
        raise
    except Exception as error:
        last_line = traceback.format_exception_only(error)[-1].strip()
        failure = Failure(name, last_line, request_id, time.time(), run.run_id)
        try:
            s3json.write_json(run.s3, run.bucket, key, failure.to_json())
        except (BotoCoreError, ClientError) as second:
            log(f"s3://{run.bucket}/{key} could not be written: {second}")
        raise
    run.s3.delete_object(Bucket=run.bucket, Key=key)
