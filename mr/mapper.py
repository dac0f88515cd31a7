"""The mapper: runs one batch of input through the job's accumulator.

In, from the driver: {"bucket", "keys", "jobBucket", "jobId", "mapperId"} and what
state.tasks.MapperEvent has besides. Out: `JOB/task/mapper/ID` in the job bucket, whose arrival
wakes the coordinator, and the answer [number of objects, rows, seconds, bad rows]. What it computes
is the job's: jobs/wordcount.py is one.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

from aws.client import Clients
from errors import counted, log
from inputs import reading
from jobs import loading
from jobs.base import Accumulator, Job
from shuffle.pairs import code_of, write_pairs
from state.failures import failure_record
from state.keys import JobKeys
from state.outputs import Counts
from state.runs import OtherRun, Run
from state.tasks import MapperEvent

CLIENTS = Clients()
"""Made once for each environment of the function: a warm start makes none."""


def handler(event: Any, context: Any) -> list[float]:
    """What Lambda calls with an event."""
    return handle(CLIENTS.s3, event, context.aws_request_id)


def handle(s3: Any, event: Any, request_id: str) -> list[float]:
    """Carry out an event. A run that is over is left alone, which is no failure."""
    task = MapperEvent.from_json(event)
    try:
        run = Run.joined(s3, task.job_bucket, task.job_id, task.run_id)
        with failure_record(run, task.name, request_id, task.is_async):
            return map_batch(run, task, loading.load())
    except OtherRun as error:
        log(str(error))
    return [len(task.keys), 0, 0.0, 0]


def map_batch(run: Run, task: MapperEvent, job: Job) -> list[float]:
    """Read the batch, write the output, and answer [objects, rows, seconds, bad rows]."""
    log(
        f"job {task.job_id}: mapper {task.mapper_id} reads {counted(len(task.keys), 'object')}, "
        f"runs {code_of(job)}"
    )
    start = time.monotonic()
    accumulator = job.start()
    size, bad_object = accumulate(run.s3, task, job, accumulator)
    found = job.pairs(accumulator)
    lines, errors, example = job.counts(accumulator)
    counts = Counts.since(
        start,
        lines,
        groups=len(found),
        input_bytes=size,
        errors=errors,
        example=example,
        bad_object=bad_object,
    )
    key = JobKeys(task.job_id).mapper_output(task.mapper_id)
    write_pairs(run, job, key, found, counts)
    log(
        f"mapper {task.mapper_id}: {counted(counts.lines, 'row')}, {counts.errors:,} bad, "
        f"{counts.seconds:.3f} s"
    )
    return [len(task.keys), counts.lines, counts.seconds, counts.errors]


def accumulate(s3: Any, task: MapperEvent, job: Job, accumulator: Accumulator) -> tuple[int, str]:
    """Feed the input to the accumulator; the bytes it was, and the first key with a bad row."""
    size, bad_object = 0, ""
    sources = reading.read_ahead(s3, task.inputs)
    with contextlib.closing(sources):
        for key, blocks in zip(task.keys, sources, strict=True):
            for block in blocks:
                job.add(accumulator, block, key)
                size += len(block)
            if accumulator.errors and not bad_object:
                bad_object = key
    return size, bad_object
