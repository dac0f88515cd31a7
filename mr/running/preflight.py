"""What is checked before a job starts, so that nothing is started that cannot end.

Each fault is a JobError with the fact and the remedy. Only `take_job` writes: it takes the job id,
and deletes what an earlier run left.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from aws import s3json
from aws.client import error_code, is_denied
from aws.notifications import covering_entry
from aws.s3objects import delete_objects, list_objects
from errors import BadRecord, JobError, counted, log, visible
from jobs import shipped
from lambdautils import LAMBDA_MEMORY_MB
from running.request import JobRequest
from shuffle.plan import MOST_REDUCERS
from state.keys import JobKeys, parse_key
from state.listing import has_result
from state.records import JobInfo
from state.runs import NoSuchJob, read_job
from state.tasks import REDUCERS

UNKNOWN_TIMEOUT = 900
"""Seconds, the most Lambda allows: for a function whose configuration may not be read."""


@dataclasses.dataclass(frozen=True)
class FunctionFacts:
    """A function's timeout in seconds, its memory in MB, and whether it may run a job's file that
    goes with the run: of one that does not tell, the function itself says so.
    """

    timeout: int = UNKNOWN_TIMEOUT
    memory: int = LAMBDA_MEMORY_MB
    runs_files: bool = True


def function_facts(functions: Any, name: str) -> FunctionFacts:
    """How a function is configured. JobError where there is no such function."""
    try:
        found = functions.get_function_configuration(FunctionName=name)
        variables = found.get("Environment", {}).get("Variables", {})
        runs_files = variables.get(shipped.ALLOWED) == "yes"
        return FunctionFacts(int(found["Timeout"]), int(found["MemorySize"]), runs_files)
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            raise JobError(
                f"there is no function {name} in {functions.meta.region_name}: deploy it with "
                "setupApps.py, or name another one, or another --region"
            ) from error
        if not is_denied(error):
            raise
        log(
            f"the configuration of {name} may not be read, a timeout of {UNKNOWN_TIMEOUT} s and "
            f"{LAMBDA_MEMORY_MB} MB are assumed: {error}"
        )
        return FunctionFacts()


def functions_at_once(functions: Any) -> int:
    """How many functions the account runs at once; AWS's default where that may not be read."""
    try:
        limits = functions.get_account_settings()["AccountLimit"]
    except ClientError as error:
        if not is_denied(error):
            raise
        log(
            f"the account's limits may not be read, {MOST_REDUCERS:,} functions at once are assumed"
        )
        return MOST_REDUCERS
    return max(1, int(limits["UnreservedConcurrentExecutions"]))


def check_files(facts: Mapping[str, FunctionFacts]) -> None:
    """JobError where one of the functions, by their names, runs no job's file."""
    for name, found in facts.items():
        if not found.runs_files:
            raise JobError(shipped.refusal(name))


def check_trigger(
    s3: Any, functions: Any, request: JobRequest, from_s3: Sequence[str] = ()
) -> None:
    """JobError where no Lambda trigger of the job bucket covers the job's outputs, or where what
    it wakes is not there.

    `from_s3` are functions whose names stand in S3, where anyone may have written them: JobError
    unless the deployment is known to name them too.
    """
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
        _go_on_without(f"the triggers of {request.job_bucket} may not be read", error, from_s3)
        return
    entry = covering_entry(configuration, task_prefix)
    if entry is None:
        raise JobError(
            f"bucket {request.job_bucket} has no Lambda trigger for {task_prefix}: nothing would "
            f"start the reducers. In scns.json, give reducerCoordinator the permission "
            f"{request.job_bucket} and the job_id {request.job_id}, or no job_id, and deploy again"
        )
    _check_coordinator(functions, request, entry["LambdaFunctionArn"], from_s3)


def _go_on_without(what: str, error: ClientError, from_s3: Sequence[str]) -> None:
    """Say what may not be looked at. JobError where names out of S3 cannot be checked so."""
    if from_s3:
        raise JobError(
            f"{what}, and whether the deployment has {' and '.join(from_s3)} cannot be told, whose "
            f"names are from a record in S3: {error}"
        ) from error
    log(f"{what}, going on without: {error}")


def _check_coordinator(
    functions: Any, request: JobRequest, arn: str, from_s3: Sequence[str]
) -> None:
    """JobError where the function that a bucket wakes is gone, of another region's deployment, or
    deployed for other reducers.

    `arn` is the function's, as the bucket has it.
    """
    region = functions.meta.region_name
    wakes = f"the trigger of bucket {request.job_bucket} wakes {visible(arn)}"
    if arn.split(":")[3:4] != [region]:
        raise JobError(
            f"{wakes}, which is not in {region}: name the --region of that deployment, or a job "
            "bucket whose trigger is of this one"
        )
    try:
        found = functions.get_function_configuration(FunctionName=arn)
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            raise JobError(f"{wakes}, which does not exist: deploy it with setupApps.py") from error
        if not is_denied(error):
            raise
        _go_on_without(f"whether {visible(arn)} exists may not be looked at", error, from_s3)
        return
    starts = found.get("Environment", {}).get("Variables", {}).get(REDUCERS, "").split()
    for name in (request.reducer, *from_s3):
        if name not in starts:
            raise JobError(
                f"{wakes}, which starts no {name} but {', '.join(starts) or 'nothing'} "
                f"({REDUCERS} in its environment): deploy both from one scns.json, or name it there"
            )


def take_job(s3: Any, request: JobRequest, job: JobInfo) -> None:
    """Take the job id for a run, then delete what earlier ones left, where that is asked for, or
    the one before was cancelled.

    JobError where the id is used, or another driver was first: nothing has been changed then.
    """
    bucket, keys = request.job_bucket, JobKeys(request.job_id)
    where = f"s3://{bucket}/{request.job_id}/"
    found = _objects_of(s3, bucket, keys)
    seen = found.get(keys.jobinfo, "")
    if found and not request.overwrite and not (seen := _cancelled(s3, bucket, request.job_id)):
        raise JobError(
            f"{request.job_id} has {counted(len(found), 'object')} under {where}: choose a new "
            "job id, or pass --overwrite (payload overwrite)"
        )
    if not s3json.create_json(s3, bucket, keys.jobinfo, job.to_json(), seen):
        raise JobError(
            f"another driver has taken the job id {request.job_id} in {where} just now: choose "
            "a new job id, or pass --overwrite (payload overwrite) when that job is to end"
        )
    # Listed anew: functions of the earlier run may have written until they saw the new one.
    left = [key for key in _objects_of(s3, bucket, keys) if key != keys.jobinfo]
    if left:
        log(f"deleting the {counted(len(left), 'object')} of an earlier run under {where}")
        delete_objects(s3, bucket, left)


def _cancelled(s3: Any, bucket: str, job_id: str) -> str:
    """The ETag of the record of a run that was cancelled before it had a result: nothing is lost
    with it. "" where the job id is another's.
    """
    try:
        job, etag = read_job(s3, bucket, job_id)
    except (BadRecord, NoSuchJob):
        return ""
    return etag if job.cancelled and not has_result(s3, job) else ""


def _objects_of(s3: Any, bucket: str, keys: JobKeys) -> dict[str, str]:
    """The keys of a job's objects, and their ETags; what others put under its prefix is theirs."""
    listed = list_objects(s3, bucket, keys.prefix)
    return {item["Key"]: item["ETag"] for item in listed if parse_key(item["Key"])}
