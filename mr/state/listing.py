"""A job's objects, as S3 lists them, and its records, as they are read together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from aws import s3json
from aws.client import error_code
from aws.s3objects import list_objects
from errors import JobError
from state.fields import Fields
from state.keys import JobKeys, parse_key
from state.records import JobInfo, StepRecord


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


@dataclasses.dataclass(frozen=True)
class JobListing:
    """What S3 shows of a job: `outputs` is step -> number -> bytes, `records` the claimed steps."""

    outputs: Mapping[int, Mapping[int, int]]
    records: frozenset[int]
    errors: tuple[str, ...] = ()
    has_result: bool = False


def summarize_listing(job_id: str, objects: Iterable[Mapping[str, Any]]) -> JobListing:
    """Sort a job's objects ({"Key", "Size"}) by what they are; foreign keys are passed over."""
    outputs: dict[int, dict[int, int]] = {}
    records = set()
    errors = []
    has_result = False
    for item in objects:
        key = parse_key(item["Key"])
        if key is None or key.job_id != job_id:
            continue
        if key.kind == "output":
            outputs.setdefault(key.step, {})[key.number] = item["Size"]
        elif key.kind == "record":
            records.add(key.step)
        elif key.kind == "error":
            errors.append(key.name)
        elif key.kind == "result":
            has_result = True
    return JobListing(outputs, frozenset(records), tuple(errors), has_result)


def list_job(s3: Any, bucket: str, job_id: str) -> JobListing:
    """List one job: job1 never sees job10."""
    return summarize_listing(job_id, list_objects(s3, bucket, JobKeys(job_id).prefix))


def read_step_record(s3: Any, bucket: str, job_id: str, step: int) -> tuple[StepRecord, str]:
    """The record of a step and its ETag. BadRecord where it is not one."""
    key = JobKeys(job_id).step_record(step)
    value, etag = s3json.read_json_and_etag(s3, bucket, key)
    return StepRecord.from_json(value, key), etag


def read_step_records(
    s3: Any, bucket: str, job_id: str, listing: JobListing
) -> dict[int, StepRecord]:
    """The records of all steps in the listing. BadRecord where one is not a record."""
    return {step: read_step_record(s3, bucket, job_id, step)[0] for step in sorted(listing.records)}
