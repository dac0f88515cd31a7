"""`JOB/batches.jsonl.gz`: the plan of a job, from which anyone can start mappers that are missing.

In and out: the events of all mappers, number 1 first, each as one line of JSON; gzipped, since keys
are much alike. The driver writes it before it starts the first mapper.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from aws import s3json, s3stream
from aws.client import error_code
from errors import BadRecord
from state.keys import JobKeys
from state.records import JobInfo
from state.runs import RUN, NoSuchJob, Run, is_of
from state.tasks import MapperEvent

MAX_BYTES = 1 << 28
"""Bytes of a plan, packed: far more than Lambda takes events of."""
MAX_LINE = 1 << 20
"""An event of Lambda has no more bytes."""
MAX_UNPACKED = 1 << 30
"""Bytes of a plan, unpacked: some ten million objects. gzip can make much of little."""
FASTEST = 1
"""Level of gzip: the driver function has 1/14 of a core, and a better one saves little."""


def write_batches(run: Run, events: Iterable[MapperEvent]) -> None:
    """Write the plan of a run. OtherRun where the job id is another's by now."""
    body = packed(events)

    def put(condition: Mapping[str, str]) -> None:
        run.s3.put_object(
            Bucket=run.bucket,
            Key=JobKeys(run.job_id).batches,
            Body=body,
            ContentType="application/gzip",
            Metadata={RUN: run.run_id},
            **condition,
        )

    run.write(JobKeys(run.job_id).batches, put)


def packed(events: Iterable[MapperEvent]) -> bytes:
    """The plan as it is stored: the same events give the same bytes; pure."""
    body = io.BytesIO()
    with gzip.GzipFile(fileobj=body, mode="wb", compresslevel=FASTEST, mtime=0) as file:
        for event in events:
            file.write(s3json.json_bytes(event.to_json()) + b"\n")
    return body.getvalue()


def read_batches(s3: Any, job: JobInfo) -> list[MapperEvent]:
    """The plan of a job. NoSuchJob where there is none of this run, BadRecord where what is there
    is no plan, or one of other mappers.
    """
    key = JobKeys(job.job_id).batches
    where = f"s3://{job.job_bucket}/{key}"
    found: list[dict[str, Any]] = []
    chunks = s3stream.read_chunks(s3, job.job_bucket, key, found.append)
    try:
        body = b"".join(s3json.at_most(chunks, MAX_BYTES, where))
    except ClientError as error:
        if error_code(error) != "NoSuchKey":
            raise
        raise no_plan(job) from error
    if not is_of(job.run_id, found[-1]["Metadata"]):
        raise no_plan(job)
    return list(unpacked(body, job, where))


def no_plan(job: JobInfo) -> NoSuchJob:
    """The error of a job without a plan: its driver ended before it started anything."""
    return NoSuchJob(
        f"job {job.job_id} in s3://{job.job_bucket}/{job.job_id}/ has no plan, so nothing of it "
        "was started: run driver.py once more, with --overwrite"
    )


def unpacked(
    body: bytes, job: JobInfo, where: str, most: int = MAX_UNPACKED
) -> Iterator[MapperEvent]:
    """The events of a plan of no more than `most` bytes; pure. BadRecord."""
    size = 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as file:
            for number in range(1, job.map_count + 1):
                line = file.readline(MAX_LINE)
                size += len(line)
                if size > most:
                    raise BadRecord(f"{where} has more than {most:,} bytes, unpacked")
                yield checked(line, number, job, where)
            if file.read(1):
                raise BadRecord(f"{where} has more than {job.map_count} lines")
    except (OSError, EOFError, zlib.error) as error:
        raise BadRecord(f"{where} is no plan of a job: {error}") from error


def checked(line: bytes, number: int, job: JobInfo, where: str) -> MapperEvent:
    """The event of mapper `number`, out of its line. BadRecord where it is another's."""
    event = MapperEvent.from_json(s3json.parse(line, f"{where}, line {number}"))
    mine = (job.job_bucket, job.job_id, job.run_id, number)
    if (event.job_bucket, event.job_id, event.run_id, event.mapper_id) != mine:
        raise BadRecord(f"{where}: line {number} is not of mapper {number} of this run")
    return event
