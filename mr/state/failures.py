"""`JOB/error/NAME`: the trace of a function that failed, left until it succeeds."""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from aws import s3json
from errors import BadRecord, log
from state.keys import JobKeys
from state.listing import list_job
from state.records import JobInfo

SHOWN = 5
"""Missing mappers, failures and log lines that are listed of each kind."""


def failures(s3: Any, job: JobInfo) -> list[str]:
    """What mappers and reducers left under JOB/error/ when they failed."""
    lines = []
    for name in list_job(s3, job.job_bucket, job.job_id).errors[:SHOWN]:
        key = JobKeys(job.job_id).error(name)
        try:
            record = s3json.read_json(s3, job.job_bucket, key)
            lines.append(f"{name} failed: {record['error']} (request {record['requestId']})")
        except (BadRecord, ClientError, KeyError, TypeError) as error:
            lines.append(f"{name} failed; s3://{job.job_bucket}/{key} cannot be read: {error}")
    return lines


@contextlib.contextmanager
def failure_record(s3: Any, bucket: str, job_id: str, name: str, request_id: str) -> Iterator[None]:
    """Leave `JOB/error/NAME` behind when the body raises, before the error goes on; success
    removes it. `name` is "mapper/3" or "reducer/1/2".
    """
    key = JobKeys(job_id).error(name)
    try:
        yield
    except Exception as error:
        last_line = traceback.format_exception_only(error)[-1].strip()
        record = {"what": name, "error": last_line, "requestId": request_id, "time": time.time()}
        try:
            s3json.write_json(s3, bucket, key, record)
        except (BotoCoreError, ClientError) as second:
            log(f"s3://{bucket}/{key} could not be written: {second}")
        raise
    s3.delete_object(Bucket=bucket, Key=key)
