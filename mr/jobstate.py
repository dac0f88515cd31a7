"""A job, as S3 has it: its two records, what its listing shows, and the traces of failures.

In: the objects of one job. Out: `JobInfo`, `StepRecord` and `JobListing`, from which the
coordinator and the driver tell where the job is. Nothing here decides or starts anything.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
import traceback
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

import lambdautils
import s3json
from lambdautils import BadRecord, Fields, JobKeys, log, parse_key


@dataclasses.dataclass(frozen=True)
class JobInfo:
    """JOB/jobinfo.json: what the coordinator must know of a job.

    `reducer_timeout` is the reducer function's timeout in seconds.
    """

    job_id: str
    job_bucket: str
    map_count: int
    reducer_function: str
    reducer_handler: str = "reducer.handler"
    reducer_timeout: int = 900

    def to_json(self) -> dict[str, Any]:
        return {
            "jobId": self.job_id,
            "jobBucket": self.job_bucket,
            "mapCount": self.map_count,
            "reducerFunction": self.reducer_function,
            "reducerHandler": self.reducer_handler,
            "reducerTimeout": self.reducer_timeout,
        }

    @classmethod
    def from_json(cls, value: Any, job_id: str) -> JobInfo:
        """Read the record of `job_id`. BadRecord where a field is missing or wrong."""
        fields = Fields(value, JobKeys(job_id).jobinfo)
        if fields.text("jobId") != job_id:
            raise BadRecord(f"{fields.where}: jobId is {value['jobId']!r}, not {job_id!r}")
        return cls(
            job_id,
            fields.text("jobBucket"),
            fields.count("mapCount"),
            fields.text("reducerFunction"),
            fields.text("reducerHandler", "reducer.handler"),
            fields.count("reducerTimeout", 900),
        )


@dataclasses.dataclass(frozen=True)
class StepRecord:
    """JOB/reducerstate.STEP: the claim of a step, made before any of its reducers starts.

    `batches` are the keys each reducer merges, reducer 1 first; `owner` is the request id of the
    coordinator that holds the claim since `start_time`; after `expires` every function that the
    claim started has ended, one way or the other (both in seconds since the epoch).
    """

    batches: tuple[tuple[str, ...], ...]
    owner: str
    start_time: float
    expires: float

    @property
    def reducer_count(self) -> int:
        return len(self.batches)

    def to_json(self) -> dict[str, Any]:
        return {
            "reducerCount": self.reducer_count,
            "totalS3Files": sum(map(len, self.batches)),
            "start_time": self.start_time,
            "expires": self.expires,
            "owner": self.owner,
            "batches": self.batches,
        }

    @classmethod
    def from_json(cls, value: Any, where: str) -> StepRecord:
        """Read the record found at key `where`. BadRecord where a field is missing or wrong."""
        fields = Fields(value, where)
        batches = value.get("batches") if isinstance(value, dict) else None
        if not (
            isinstance(batches, list) and batches and all(map(lambdautils.is_text_list, batches))
        ):
            raise BadRecord(f"{where}: batches is not a list of lists of keys")
        if fields.count("reducerCount") != len(batches):
            raise BadRecord(f"{where}: reducerCount does not match its {len(batches)} batches")
        return cls(
            tuple(map(tuple, batches)),
            fields.text("owner"),
            fields.number("start_time"),
            fields.number("expires"),
        )


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
    return summarize_listing(job_id, lambdautils.list_objects(s3, bucket, JobKeys(job_id).prefix))


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


@dataclasses.dataclass(frozen=True)
class BadRow:
    """One row that a mapper could not read, and the object it stands in."""

    key: str
    line: str


def bad_row(s3: Any, job: JobInfo, mapper_id: int) -> BadRow:
    """The example that a mapper left in its output's metadata."""
    key = JobKeys(job.job_id).mapper_output(mapper_id)
    metadata = s3.head_object(Bucket=job.job_bucket, Key=key)["Metadata"]
    return BadRow(
        urllib.parse.unquote(metadata.get("errobject", "")),
        urllib.parse.unquote(metadata.get("errexample", "")),
    )


def reducer_seconds(s3: Any, job: JobInfo) -> float:
    """Seconds that the reducers of a finished job took in all, from their outputs' metadata."""
    keys = JobKeys(job.job_id)
    listing = list_job(s3, job.job_bucket, job.job_id)
    outputs = [
        keys.output(step, number)
        for step, numbers in listing.outputs.items()
        if step
        for number in numbers
    ]
    heads = (s3.head_object(Bucket=job.job_bucket, Key=key) for key in [*outputs, keys.result])
    return sum(float(head["Metadata"].get("processingtime", 0)) for head in heads)


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
