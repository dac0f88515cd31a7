"""A job's objects, as S3 lists them, and its records, as they are read together."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from aws import s3json
from aws.client import error_code
from aws.s3objects import list_objects
from state.keys import JobKeys, parse_key
from state.records import JobData, JobInfo, StepRecord
from state.runs import NoSuchJob, is_of, read_job


def read_records(s3: Any, bucket: str, job_id: str) -> tuple[JobInfo, JobData]:
    """A job's records, JOB/jobinfo.json and JOB/jobdata. NoSuchJob where there is none."""
    job, _ = read_job(s3, bucket, job_id)
    key = JobKeys(job_id).jobdata
    try:
        data = JobData.from_json(s3json.read_json(s3, bucket, key), key)
    except ClientError as error:
        if error_code(error) != "NoSuchKey":
            raise
        data = None
    if data is None or data.run_id != job.run_id:
        raise NoSuchJob(
            f"the driver of job {job_id} in s3://{bucket}/{job_id}/ has not written {key} yet: "
            "look again, or start the job anew with --overwrite"
        )
    return job, data


_NEVER = datetime.datetime.fromtimestamp(0, datetime.UTC)


@dataclasses.dataclass(frozen=True)
class JobListing:
    """What S3 shows of a job: `outputs` is step -> number -> bytes, `records` the claimed steps.

    `changed` is when the last of its objects was written, seconds since the epoch.
    """

    outputs: Mapping[int, Mapping[int, int]]
    records: frozenset[int]
    errors: tuple[str, ...] = ()
    has_result: bool = False
    changed: float = 0.0


def summarize_listing(job_id: str, objects: Iterable[Mapping[str, Any]]) -> JobListing:
    """Sort a job's objects ({"Key", "Size", "LastModified"}) by what they are; foreign keys are
    passed over.
    """
    outputs: dict[int, dict[int, int]] = {}
    records = set()
    errors = []
    has_result = False
    changed = _NEVER
    for item in objects:
        key = parse_key(item["Key"])
        if key is None or key.job_id != job_id:
            continue
        changed = max(changed, item["LastModified"])
        if key.kind == "output":
            outputs.setdefault(key.step, {})[key.number] = item["Size"]
        elif key.kind == "record":
            records.add(key.step)
        elif key.kind == "error":
            errors.append(key.name)
        elif key.kind == "result":
            has_result = True
    return JobListing(outputs, frozenset(records), tuple(errors), has_result, changed.timestamp())


def list_job(s3: Any, job: JobInfo) -> JobListing:
    """List one job: job1 never sees job10. A result of another run is as if missing."""
    objects = list_objects(s3, job.job_bucket, JobKeys(job.job_id).prefix)
    listing = summarize_listing(job.job_id, objects)
    if listing.has_result and not has_result(s3, job):
        return dataclasses.replace(listing, has_result=False)
    return listing


def has_result(s3: Any, job: JobInfo) -> bool:
    """Whether the job's answer is there, and of this run."""
    try:
        found = s3.head_object(Bucket=job.job_bucket, Key=JobKeys(job.job_id).result)
    except ClientError as error:
        if error_code(error) not in ("404", "NoSuchKey"):
            raise
        return False
    return is_of(job.run_id, found["Metadata"])


def read_step_record(s3: Any, job: JobInfo, step: int) -> tuple[StepRecord, str]:
    """The record of a step, of whatever run, and its ETag. BadRecord where it is not one."""
    key = JobKeys(job.job_id).step_record(step)
    value, etag = s3json.read_json_and_etag(s3, job.job_bucket, key)
    return StepRecord.from_json(value, key), etag


def read_step_records(s3: Any, job: JobInfo, listing: JobListing) -> dict[int, StepRecord]:
    """The records of this run's steps in the listing. BadRecord where one is not a record."""
    found = {step: read_step_record(s3, job, step)[0] for step in sorted(listing.records)}
    return {step: record for step, record in found.items() if record.run_id == job.run_id}
