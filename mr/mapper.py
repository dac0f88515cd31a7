"""The mapper: runs one batch of input through the job's accumulator.

In, from the driver: {"bucket", "keys", "jobBucket", "jobId", "mapperId"}; with splits also
"ranges", one for each key, null for a whole object (splits.Range).
Out: `JOB/task/mapper/ID` in the job bucket, whose arrival wakes the coordinator, and the answer
[number of objects, rows, seconds, bad rows]. What it computes is the job module's (jobs.py).
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

from aws.client import Clients
from errors import log
from inputs import reading
from jobs import loading
from jobs.base import Accumulator, Job
from shuffle.pairs import code_of, write_pairs
from state.failures import failure_record
from state.keys import JobKeys
from state.outputs import output_metadata
from state.tasks import MapperEvent

CLIENTS = Clients()
"""Made once for each environment of the function: a warm start makes none."""


def handler(event: Any, context: Any) -> list[float]:
    """The function's entry."""
    task = MapperEvent.from_json(event)
    s3 = CLIENTS.s3
    name = f"mapper/{task.mapper_id}"
    request_id = context.aws_request_id
    answer: list[float] = []  # so of a final failure, where nobody waits for the answer
    with failure_record(s3, task.job_bucket, task.job_id, name, request_id, task.is_async):
        answer = run(s3, task, loading.load())
    return answer


def run(s3: Any, task: MapperEvent, job: Job) -> list[float]:
    """Read the batch, write the output, and answer [objects, rows, seconds, bad rows]."""
    log(f"job {task.job_id}: mapper {task.mapper_id} reads {len(task.keys)} objects")
    log(f"mapper {task.mapper_id} runs job {code_of(job)}")
    start = time.monotonic()
    accumulator = job.start()
    size, bad_object = accumulate(s3, task, job, accumulator)
    pairs = job.pairs(accumulator)
    seconds = time.monotonic() - start
    lines, errors, example = job.counts(accumulator)
    metadata = output_metadata(
        lines,
        seconds,
        errors,
        example,
        bad_object,
        groups=len(pairs),
        input_bytes=size,
    )
    output = JobKeys(task.job_id).mapper_output(task.mapper_id)
    write_pairs(s3, job, task.job_bucket, output, pairs, metadata)
    log(f"mapper {task.mapper_id}: {lines} rows, {errors} bad, {seconds:.3f} s")
    return [len(task.keys), lines, seconds, errors]


def accumulate(s3: Any, task: MapperEvent, job: Job, accumulator: Accumulator) -> tuple[int, str]:
    """Feed the input to the accumulator; the bytes it was, and the first key with a bad row."""
    size, bad_object = 0, ""
    sources = reading.read_ahead(s3, task.bucket, task.keys, task.ranges)
    with contextlib.closing(sources):
        for key, blocks in zip(task.keys, sources, strict=True):
            for block in blocks:
                job.add(accumulator, block, key)
                size += len(block)
            if accumulator.errors and not bad_object:
                bad_object = key
    return size, bad_object
