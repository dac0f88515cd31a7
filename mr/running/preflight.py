"""What is checked before a job starts, so that nothing is started that cannot end.

In: clients and the request. Out: the functions' timeouts, or JobError with the fact and the
remedy. Only `clear_job` writes: with `--overwrite` it deletes the outputs of an earlier run.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from aws.client import error_code, is_denied
from aws.notifications import covering_entry
from aws.s3objects import delete_objects, list_objects
from errors import JobError, counted, log
from running.request import JobRequest
from state.keys import JobKeys, parse_key

UNKNOWN_TIMEOUT = 900
"""Seconds, the most Lambda allows: for a function whose configuration may not be read."""


def function_timeout(functions: Any, name: str) -> int:
    """A function's timeout in seconds. JobError where there is no such function."""
    try:
        return int(functions.get_function_configuration(FunctionName=name)["Timeout"])
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            raise JobError(
                f"there is no function {name} in {functions.meta.region_name}: deploy it with "
                "setupApps.py, or name another one, or another --region"
            ) from error
        if not is_denied(error):
            raise
        log(f"the timeout of {name} may not be read, {UNKNOWN_TIMEOUT} s is assumed: {error}")
        return UNKNOWN_TIMEOUT


def check_trigger(s3: Any, request: JobRequest) -> None:
    """JobError where no Lambda trigger of the job bucket covers the job's outputs."""
    task_prefix = JobKeys(request.job_id).task_prefix
    try:
        configuration = s3.get_bucket_notification_configuration(Bucket=request.job_bucket)
    except ClientError as error:
        if error_code(error) == "NoSuchBucket":
            raise JobError(
                f"there is no bucket {request.job_bucket}: make it with "
                f"`aws s3 mb s3://{request.job_bucket}`"
            ) from error
        if not is_denied(error):
            raise
        log(f"the triggers of {request.job_bucket} may not be read, going on without: {error}")
        return
    if covering_entry(configuration, task_prefix) is None:
        raise JobError(
            f"bucket {request.job_bucket} has no Lambda trigger for {task_prefix}: nothing would "
            f"start the reducers. In scns.json, give reducerCoordinator the permission "
            f"{request.job_bucket} and the job_id {request.job_id}, or no job_id, and deploy again"
        )


def clear_job(s3: Any, request: JobRequest) -> None:
    """Make sure that the job id is unused; with --overwrite, delete what is there. JobError."""
    where = f"s3://{request.job_bucket}/{request.job_id}/"
    found = [
        item["Key"]
        for item in list_objects(s3, request.job_bucket, JobKeys(request.job_id).prefix)
        if parse_key(item["Key"])
    ]
    if found and not request.overwrite:
        raise JobError(
            f"{request.job_id} has {counted(len(found), 'object')} under {where}: choose a new "
            "job id, or pass --overwrite (payload overwrite)"
        )
    if found:
        log(f"deleting the {counted(len(found), 'object')} of an earlier run under {where}")
        delete_objects(s3, request.job_bucket, found)
