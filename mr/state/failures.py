"""`JOB/error/NAME`: the trace of a function that failed, left until it succeeds.

A failure is final where another try would end in the same way: a job that breaks its contract, a
record that is none. It is not given to Lambda to try again, and ends the waiting for the job.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
import traceback
from collections.abc import Iterator, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from aws import s3json
from errors import BadRecord, is_final, log, visible
from state.fields import Fields
from state.keys import JobKeys
from state.listing import list_job
from state.records import JobInfo

SHOWN = 5
"""Missing mappers, failures and log lines that are listed of each kind."""
MAX_ERROR = 2000
"""Characters of an error that are kept."""
LOOKED_AT = 20
"""Failures that are read to find one that is final."""


@dataclasses.dataclass(frozen=True)
class Failure:
    """What a mapper or reducer left: `name` is "mapper/3" or "reducer/1/2"."""

    name: str
    error: str
    request_id: str
    is_final: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "what": self.name,
            "error": self.error,
            "requestId": self.request_id,
            "final": self.is_final,
            "time": time.time(),
        }

    @classmethod
    def from_json(cls, value: Any, name: str, where: str) -> Failure:
        """Read a record. BadRecord where a field is missing."""
        fields = Fields(value, where)
        is_final = value.get("final") is True
        return cls(name, fields.text("error"), fields.text("requestId"), is_final)

    def __str__(self) -> str:
        return f"{self.name} failed: {self.error} (request {self.request_id})"


def read_failure(s3: Any, job: JobInfo, name: str) -> Failure:
    """The record under JOB/error/NAME. BadRecord, or ClientError as S3 gives it."""
    key = JobKeys(job.job_id).error(name)
    return Failure.from_json(s3json.read_json(s3, job.job_bucket, key), name, key)


def failures(s3: Any, job: JobInfo) -> list[str]:
    """What mappers and reducers left under JOB/error/ when they failed."""
    lines = []
    for name in list_job(s3, job.job_bucket, job.job_id).errors[:SHOWN]:
        try:
            lines.append(str(read_failure(s3, job, name)))
        except (BadRecord, ClientError) as error:
            key = JobKeys(job.job_id).error(name)
            lines.append(f"{name} failed; s3://{job.job_bucket}/{key} cannot be read: {error}")
    return lines


def final_failure(s3: Any, job: JobInfo, names: Sequence[str]) -> Failure | None:
    """The first of these failures after which no other try follows."""
    for name in names[:LOOKED_AT]:
        try:
            failure = read_failure(s3, job, name)
        except (BadRecord, BotoCoreError, ClientError):
            continue  # it is gone by now, or no record; or it is read the next time
        if failure.is_final:
            return failure
    return None


@contextlib.contextmanager
def failure_record(
    s3: Any, bucket: str, job_id: str, name: str, request_id: str, is_async: bool = False
) -> Iterator[None]:
    """Leave `JOB/error/NAME` behind when the body raises, before the error goes on; success
    removes it. `name` is "mapper/3" or "reducer/1/2".

    Lambda runs an asynchronous event again when its function fails. A final failure of such a one
    is recorded and logged, and goes no further.
    """
    key = JobKeys(job_id).error(name)
    try:
        yield
    except Exception as error:
        last_line = visible(traceback.format_exception_only(error)[-1].strip())[:MAX_ERROR]
        failure = Failure(name, last_line, request_id, is_final(error))
        if _is_written(s3, bucket, key, failure) and failure.is_final and is_async:
            log(last_line)
            return
        raise
    s3.delete_object(Bucket=bucket, Key=key)


def _is_written(s3: Any, bucket: str, key: str, failure: Failure) -> bool:
    try:
        s3json.write_json(s3, bucket, key, failure.to_json())
    except (BotoCoreError, ClientError) as error:
        log(f"s3://{bucket}/{key} could not be written: {error}")
        return False
    return True
