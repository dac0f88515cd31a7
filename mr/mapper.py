"""The mapper: sums one batch of input objects.

In, from the driver: {"bucket", "keys", "jobBucket", "jobId", "mapperId"}.
Out: `JOB/task/mapper/ID` in the job bucket, whose arrival wakes the coordinator, and the answer
[number of objects, rows, seconds, bad rows].
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import jobstate
import lambdautils
import s3stream
import uservisits
from lambdautils import Fields, JobKeys


@dataclasses.dataclass(frozen=True)
class MapperEvent:
    """What a mapper is asked to do."""

    bucket: str
    keys: list[str]
    job_bucket: str
    job_id: str
    mapper_id: int

    @classmethod
    def from_json(cls, event: Any) -> MapperEvent:
        """Read an event. BadRecord where a field is missing or wrong."""
        fields = Fields(event, "mapper event")
        return cls(
            fields.text("bucket"),
            fields.texts("keys"),
            fields.text("jobBucket"),
            fields.text("jobId"),
            fields.count("mapperId"),
        )


def handler(event: Any, context: Any) -> list[float]:
    """The function's entry."""
    task = MapperEvent.from_json(event)
    s3 = lambdautils.client("s3")
    name = f"mapper/{task.mapper_id}"
    with jobstate.failure_record(s3, task.job_bucket, task.job_id, name, context.aws_request_id):
        return run(s3, task)


def run(s3: Any, task: MapperEvent) -> list[float]:
    """Sum the batch, write the output, and answer [objects, rows, seconds, bad rows]."""
    lambdautils.log(f"job {task.job_id}: mapper {task.mapper_id} reads {len(task.keys)} objects")
    start = time.monotonic()
    sums = uservisits.Accumulator()
    bad_object = ""
    size = 0
    for key in task.keys:
        for block in s3stream.read_lines(s3, task.bucket, key):
            sums.add(block)
            size += len(block)
        if sums.errors and not bad_object:
            bad_object = key
    seconds = time.monotonic() - start
    groups = sums.pairs()
    metadata = lambdautils.output_metadata(
        sums.lines,
        seconds,
        sums.errors,
        sums.example,
        bad_object,
        groups=len(groups),
        input_bytes=size,
    )
    output = JobKeys(task.job_id).mapper_output(task.mapper_id)
    lambdautils.write_json(s3, task.job_bucket, output, groups, metadata)
    lambdautils.log(
        f"mapper {task.mapper_id}: {sums.lines} rows, {sums.errors} bad, {seconds:.3f} s"
    )
    return [len(task.keys), sums.lines, seconds, sums.errors]
