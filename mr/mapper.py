"""The mapper: runs one batch of input through the job's accumulator.

In, from the driver: {"bucket", "keys", "jobBucket", "jobId", "mapperId"}; with splits also
"ranges", one for each key, null for a whole object (splits.Range).
Out: `JOB/task/mapper/ID` in the job bucket, whose arrival wakes the coordinator, and the answer
[number of objects, rows, seconds, bad rows]. What it computes is the job module's (jobs.py).
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from typing import Any

import inputs
import jobs
import jobstate
import lambdautils
from jobs import Accumulator, Job
from lambdautils import BadRecord, Fields, JobKeys
from splits import Range


@dataclasses.dataclass(frozen=True)
class MapperEvent:
    """What a mapper is asked to do: `ranges` has an entry for each key, None for all of it."""

    bucket: str
    keys: list[str]
    ranges: list[Range | None]
    job_bucket: str
    job_id: str
    mapper_id: int

    @classmethod
    def from_json(cls, event: Any) -> MapperEvent:
        """Read an event. BadRecord where a field is missing or wrong."""
        fields = Fields(event, "mapper event")
        keys = fields.texts("keys")
        return cls(
            fields.text("bucket"),
            keys,
            _ranges(event.get("ranges"), len(keys)),
            fields.text("jobBucket"),
            fields.text("jobId"),
            fields.count("mapperId"),
        )


def _ranges(value: Any, count: int) -> list[Range | None]:
    if value is None:
        return [None] * count
    if not isinstance(value, list) or len(value) != count:
        raise BadRecord(f"mapper event: ranges is not a list of {count}, one for each key")
    return [Range.from_json(entry, "mapper event: ranges") for entry in value]


def handler(event: Any, context: Any) -> list[float]:
    """The function's entry."""
    task = MapperEvent.from_json(event)
    s3 = lambdautils.client("s3")
    name = f"mapper/{task.mapper_id}"
    with jobstate.failure_record(s3, task.job_bucket, task.job_id, name, context.aws_request_id):
        return run(s3, task, jobs.load())


def run(s3: Any, task: MapperEvent, job: Job) -> list[float]:
    """Read the batch, write the output, and answer [objects, rows, seconds, bad rows]."""
    lambdautils.log(f"job {task.job_id}: mapper {task.mapper_id} reads {len(task.keys)} objects")
    start = time.monotonic()
    accumulator = job.accumulator()
    size, bad_object = accumulate(s3, task, job, accumulator)
    pairs = job.check_keys(accumulator.pairs())
    seconds = time.monotonic() - start
    lines, errors = accumulator.lines, accumulator.errors
    metadata = lambdautils.output_metadata(
        lines,
        seconds,
        errors,
        accumulator.example,
        bad_object,
        groups=len(pairs),
        input_bytes=size,
    )
    output = JobKeys(task.job_id).mapper_output(task.mapper_id)
    jobs.write_pairs(s3, job, task.job_bucket, output, pairs, metadata)
    lambdautils.log(f"mapper {task.mapper_id}: {lines} rows, {errors} bad, {seconds:.3f} s")
    return [len(task.keys), lines, seconds, errors]


def accumulate(s3: Any, task: MapperEvent, job: Job, accumulator: Accumulator) -> tuple[int, str]:
    """Feed the input to the accumulator; the bytes it was, and the first key with a bad row."""
    size, bad_object = 0, ""
    sources = inputs.read_ahead(s3, task.bucket, task.keys, task.ranges)
    with contextlib.closing(sources):
        for key, blocks in zip(task.keys, sources, strict=True):
            for block in blocks:
                job.add(accumulator, block, key)
                size += len(block)
            if accumulator.errors and not bad_object:
                bad_object = key
    return size, bad_object
