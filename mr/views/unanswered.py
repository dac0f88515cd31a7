"""Why a job has no answer, for whoever asks for it."""

from __future__ import annotations

import shlex
from typing import Any

from errors import JobError
from state.failures import failures
from state.records import JobInfo


def no_answer(s3: Any, job: JobInfo, fact: str) -> JobError:
    """The error of a view that needs an answer which is not there: `fact` says which."""
    if job.cancelled:
        return JobError(f"{fact}: job {job.job_id} was {job.cancelled}")
    if failed := failures(s3, job):
        return JobError(f"{fact}: job {job.job_id} has failed", *failed)
    words = shlex.join([job.job_bucket, job.job_id])
    return JobError(f"{fact}: the job is not done; `python job.py status {words}` tells")
