"""Cancelling a run: a mark in the record that every function of it looks at, and nothing else.

A coordinator that finds it starts nothing; a mapper or reducer looks every few seconds, stops and
writes nothing. What is written bears the run's id, so the job id can be used again at once, whoever
is still at work.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from aws import s3json
from aws.client import Clients
from errors import JobError, log
from state.keys import JobKeys
from state.listing import has_result
from state.records import Cancelled, JobInfo
from state.runs import read_job


def caller(clients: Clients) -> str:
    """Whose credentials these are: an ARN, or a word where AWS does not say."""
    try:
        return str(clients.make("sts").get_caller_identity()["Arn"])
    except (BotoCoreError, ClientError) as error:
        log(f"whose credentials these are cannot be told: {error}")
        return "someone unknown"


def cancel(s3: Any, bucket: str, job_id: str, mark: Cancelled, run_id: str = "") -> str:
    """End the run that a job id belongs to, or only the run `run_id`; says what was done. JobError
    where it is done, or there is no such job.
    """
    job, etag = read_job(s3, bucket, job_id)
    if run_id not in ("", job.run_id):
        raise JobError(f"job {job_id} belongs to another run: that one goes on")
    if has_result(s3, job):
        raise JobError(f"job {job_id} is done: there is nothing to cancel")
    while not job.cancelled and not _replace(s3, dataclasses.replace(job, cancelled=mark), etag):
        there, etag = read_job(s3, bucket, job_id)
        if there.run_id != job.run_id:
            raise JobError(f"job {job_id} was taken by another run just now: that one goes on")
        job = there
    ended = job.cancelled or mark
    return f"job {job_id} was {ended}. What runs ends within seconds; the job id is free again"


def revive(s3: Any, job: JobInfo) -> JobInfo:
    """Let a cancelled run go on, with the mark taken away. JobError where it was changed since."""
    if not job.cancelled:
        return job
    there, etag = read_job(s3, job.job_bucket, job.job_id)
    revived = dataclasses.replace(job, cancelled=None)
    if there != job or not _replace(s3, revived, etag):
        raise JobError(f"job {job.job_id} was changed just now: look at its status")
    log(f"job {job.job_id} goes on, which was {job.cancelled}")
    return revived


def _replace(s3: Any, job: JobInfo, etag: str) -> bool:
    """Write a job's record over the version with that ETag; False where there is another by now."""
    key = JobKeys(job.job_id).jobinfo
    return s3json.create_json(s3, job.job_bucket, key, job.to_json(), etag)
