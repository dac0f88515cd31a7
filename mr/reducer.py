"""The reducer: merges one batch of outputs into one.

In, from the coordinator: {"bucket", "keys", "jobBucket", "jobId", "nReducers", "stepId",
"reducerId"}. Out: `JOB/task/reducer/STEP/R`; or, as the only reducer of its step, the answer
`JOB/result` and then `JOB/task/reducer/done`. Either wakes the coordinator. Returns [number of
outputs merged, pairs read, seconds]. Run twice it writes the same bytes to the same keys.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import time
from collections.abc import Iterator
from typing import Any

import fetchahead
import jobs
import jobstate
import lambdautils
import s3json
import s3stream
from jobs import Job
from lambdautils import BadRecord, Fields, JobKeys

try:  # reading JSON is most of a reducer's time; orjson is an option of the deployment
    from orjson import loads
except ImportError:
    from json import loads

OUTPUTS_AHEAD = 3
"""Outputs that are downloaded while one is merged."""

CHUNKS_AHEAD = 128
"""Chunks of each that wait, s3stream.CHUNK_BYTES each: so 96 MiB in all."""


@dataclasses.dataclass(frozen=True)
class ReducerEvent:
    """What a reducer is asked to do."""

    bucket: str
    keys: list[str]
    job_bucket: str
    job_id: str
    reducer_count: int
    step: int
    reducer_id: int

    @classmethod
    def from_json(cls, event: Any) -> ReducerEvent:
        """Read an event. BadRecord where a field is missing or wrong."""
        fields = Fields(event, "reducer event")
        return cls(
            fields.text("bucket"),
            fields.texts("keys"),
            fields.text("jobBucket"),
            fields.text("jobId"),
            fields.count("nReducers"),
            fields.count("stepId"),
            fields.count("reducerId"),
        )


def handler(event: Any, context: Any) -> list[float]:
    """The function's entry."""
    task = ReducerEvent.from_json(event)
    s3 = lambdautils.client("s3")
    name = f"reducer/{task.step}/{task.reducer_id}"
    with jobstate.failure_record(s3, task.job_bucket, task.job_id, name, context.aws_request_id):
        return run(s3, task, jobs.load())


def run(s3: Any, task: ReducerEvent, job: Job) -> list[float]:
    """Merge the batch, write the output, and answer [outputs, pairs, seconds]."""
    lambdautils.log(
        f"job {task.job_id}: step {task.step} reducer {task.reducer_id} reads "
        f"{len(task.keys)} outputs"
    )
    start = time.monotonic()
    merged, pairs, size = merge_outputs(s3, task, job)
    seconds = time.monotonic() - start
    metadata = lambdautils.output_metadata(pairs, seconds, groups=len(merged), input_bytes=size)
    write(s3, task, job, merged, metadata)
    lambdautils.log(
        f"step {task.step} reducer {task.reducer_id}: {pairs} pairs of {len(task.keys)} outputs "
        f"into {len(merged)} groups, {seconds:.3f} s"
    )
    return [len(task.keys), pairs, seconds]


def merge_outputs(s3: Any, task: ReducerEvent, job: Job) -> tuple[dict[str, Any], int, int]:
    """All outputs merged in the order given, the pairs that were read, and their bytes.

    One output at a time is in memory beside the merged ones; the next are being downloaded.
    """
    merged: dict[str, Any] = {}
    pairs = size = 0
    opens = [functools.partial(read_output, s3, task.bucket, key, job) for key in task.keys]
    with contextlib.closing(fetchahead.in_order(opens, OUTPUTS_AHEAD, CHUNKS_AHEAD)) as bodies:
        for key, chunks in zip(task.keys, bodies, strict=True):
            body = b"".join(chunks)
            size += len(body)
            output = parse_output(body, f"s3://{task.bucket}/{key}")
            del body
            pairs += len(output)
            job.merge(merged, output)
    return merged, pairs, size


def read_output(s3: Any, bucket: str, key: str, job: Job) -> Iterator[bytes]:
    """The chunks of an output. JobError where the reducer's job is not the mapper's."""
    return s3stream.read_chunks(
        s3,
        bucket,
        key,
        lambda response: job.check_written_for(response["Metadata"], f"s3://{bucket}/{key}"),
    )


def parse_output(body: bytes, where: str) -> dict[str, Any]:
    """The pairs of an output. BadRecord where it is none."""
    try:
        output = loads(body)
    except ValueError as error:
        raise BadRecord(f"{where} is not JSON: {error}") from error
    if not isinstance(output, dict):
        raise BadRecord(f"{where} is no output: not a JSON object but {type(output).__name__}")
    return output


def write(
    s3: Any, task: ReducerEvent, job: Job, merged: dict[str, Any], metadata: dict[str, str]
) -> None:
    """Write the output where it belongs; the last reducer's is the result, and `done` follows."""
    keys = JobKeys(task.job_id)
    if task.reducer_count > 1:
        output_key = keys.reducer_output(task.step, task.reducer_id)
        jobs.write_pairs(s3, job, task.job_bucket, output_key, merged, metadata)
        return
    jobs.write_pairs(s3, job, task.job_bucket, keys.result, merged, metadata)
    s3json.write_json(s3, task.job_bucket, keys.done, {"result": keys.result})
