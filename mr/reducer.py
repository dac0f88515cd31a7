"""The reducer: merges one batch of outputs into one.

In, from the coordinator: {"bucket", "keys", "jobBucket", "jobId", "nReducers", "stepId",
"reducerId"}. Out: `JOB/task/reducer/STEP/R`; or, as the only reducer of its step, the answer
`JOB/result` and then `JOB/task/reducer/done`. Either wakes the coordinator. Returns [number of
outputs merged, pairs read, seconds]. Run twice it writes the same bytes to the same keys.
"""

from __future__ import annotations

import contextlib
import functools
import time
from typing import Any

from aws import fetchahead, s3json
from aws.client import Clients
from errors import log
from jobs import loading
from jobs.base import Job
from shuffle.pairs import code_of, parse_output, read_output, write_pairs
from state.failures import failure_record
from state.keys import JobKeys
from state.outputs import output_metadata
from state.tasks import ReducerEvent

OUTPUTS_AHEAD = 3
"""Outputs that are downloaded while one is merged."""
CHUNKS_AHEAD = 128
"""Chunks of each that wait, s3stream.CHUNK_BYTES each: so 96 MiB in all."""

CLIENTS = Clients()
"""Made once for each environment of the function: a warm start makes none."""


def handler(event: Any, context: Any) -> list[float]:
    """The function's entry."""
    task = ReducerEvent.from_json(event)
    s3 = CLIENTS.s3
    name = f"reducer/{task.step}/{task.reducer_id}"
    request_id = context.aws_request_id
    answer: list[float] = []  # so of a final failure, where nobody waits for the answer
    with failure_record(s3, task.job_bucket, task.job_id, name, request_id, task.is_async):
        answer = run(s3, task, loading.load())
    return answer


def run(s3: Any, task: ReducerEvent, job: Job) -> list[float]:
    """Merge the batch, write the output, and answer [outputs, pairs, seconds]."""
    log(
        f"job {task.job_id}: step {task.step} reducer {task.reducer_id} reads "
        f"{len(task.keys)} outputs"
    )
    log(f"step {task.step} reducer {task.reducer_id} runs job {code_of(job)}")
    start = time.monotonic()
    merged, pairs, size = merge_outputs(s3, task, job)
    seconds = time.monotonic() - start
    metadata = output_metadata(pairs, seconds, groups=len(merged), input_bytes=size)
    write(s3, task, job, merged, metadata)
    log(
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


def write(
    s3: Any, task: ReducerEvent, job: Job, merged: dict[str, Any], metadata: dict[str, str]
) -> None:
    """Write the output where it belongs; the last reducer's is the result, and `done` follows."""
    keys = JobKeys(task.job_id)
    if task.reducer_count > 1:
        output_key = keys.reducer_output(task.step, task.reducer_id)
        write_pairs(s3, job, task.job_bucket, output_key, merged, metadata)
        return
    write_pairs(s3, job, task.job_bucket, keys.result, merged, metadata)
    s3json.write_json(s3, task.job_bucket, keys.done, {"result": keys.result})
