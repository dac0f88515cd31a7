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
from state.runs import OtherRun, Run

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
    run_id: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "what": self.name,
            "error": self.error,
            "requestId": self.request_id,
            "final": self.is_final,
            "time": time.time(),
            "runId": self.run_id,
        }

    @classmethod
    def from_json(cls, value: Any, name: str, where: str) -> Failure:
        """Read a record. BadRecord where a field is missing."""
        fields = Fields(value, where)
        is_final = value.get("final") is True
        run_id = fields.text("runId", "")
        return cls(name, fields.text("error"), fields.text("requestId"), is_final, run_id)

    def is_of(self, job: JobInfo) -> bool:
        """Whether it belongs to this run of the job."""
        return self.run_id in ("", job.run_id)

    def __str__(self) -> str:
        return f"{self.name} failed: {self.error} (request {self.request_id})"


def read_failure(s3: Any, job: JobInfo, name: str) -> Failure:
    """The record under JOB/error/NAME. BadRecord, or ClientError as S3 gives it."""
    key = JobKeys(job.job_id).error(name)
    return Failure.from_json(s3json.read_json(s3, job.job_bucket, key), name, key)


def failures(s3: Any, job: JobInfo) -> list[str]:
    """What mappers and reducers of this run left under JOB/error/ when they failed: by number, and
    what several say once.
    """
    names = sorted(list_job(s3, job).errors, key=in_order)
    said: dict[str, list[Failure]] = {}
    unreadable = []
    for name in names[:LOOKED_AT]:
        try:
            failure = read_failure(s3, job, name)
        except (BadRecord, ClientError) as error:
            key = JobKeys(job.job_id).error(name)
            unreadable.append(f"{name} failed; s3://{job.job_bucket}/{key} cannot be read: {error}")
            continue
        if failure.is_of(job):
            said.setdefault(failure.error, []).append(failure)
    more = [f"and {len(names) - LOOKED_AT:,} more failed"] if names[LOOKED_AT:] else []
    return [told_once(same) for same in said.values()] + unreadable + more


def told_once(same: Sequence[Failure]) -> str:
    """Failures with one and the same error, as a person reads them; pure."""
    first, *others = same
    names = ", ".join(failure.name for failure in same[:SHOWN])
    more = f" and {len(same) - SHOWN} more" if same[SHOWN:] else ""
    which = f"request {first.request_id}{' and others' if others else ''}"
    return f"{names}{more} failed: {first.error} ({which})"


def in_order(name: str) -> list[tuple[int, str]]:
    """What sorts names of failures: numbers in them count as numbers; pure."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in name.split("/")]


def final_failure(s3: Any, job: JobInfo, names: Sequence[str]) -> Failure | None:
    """The first of these failures after which no other try follows."""
    for name in names[:LOOKED_AT]:
        try:
            failure = read_failure(s3, job, name)
        except (BadRecord, BotoCoreError, ClientError):
            continue  # it is gone by now, or no record; or it is read the next time
        if failure.is_final and failure.is_of(job):
            return failure
    return None


@contextlib.contextmanager
def failure_record(run: Run, name: str, request_id: str, is_async: bool = False) -> Iterator[None]:
    """Leave `JOB/error/NAME` behind when the body raises, before the error goes on; success
    removes it. A run that is over leaves nothing.

    Lambda runs an asynchronous event again when its function fails. A final failure of such a one
    is recorded and logged, and goes no further.
    """
    try:
        yield
    except OtherRun:
        raise
    except Exception as error:
        last_line = visible(traceback.format_exception_only(error)[-1].strip())[:MAX_ERROR]
        failure = Failure(name, last_line, request_id, is_final(error), run.run_id)
        if _is_written(run, failure) and failure.is_final and is_async:
            log(last_line)
            return
        raise
    run.s3.delete_object(Bucket=run.bucket, Key=JobKeys(run.job_id).error(name))


def _is_written(run: Run, failure: Failure) -> bool:
    key = JobKeys(run.job_id).error(failure.name)
    try:
        s3json.write_json(run.s3, run.bucket, key, failure.to_json())
    except (BotoCoreError, ClientError) as error:
        log(f"s3://{run.bucket}/{key} could not be written: {error}")
        return False
    return True
