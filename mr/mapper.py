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
from jobs.base import Job
from jobs.feeding import Feeder
from shuffle.pairs import write_pairs
from state.badrows import BadRows
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
    with failure_record(s3, task.job_bucket, task.job_id, name, context.aws_request_id):
        return run(s3, task, loading.load())


def run(s3: Any, task: MapperEvent, job: Job) -> list[float]:
    """Read the batch, write the output, and answer [objects, rows, seconds, bad rows]."""
    log(f"job {task.job_id}: mapper {task.mapper_id} reads {len(task.keys)} objects")
    start = time.monotonic()
    fed = feed(s3, task, job)
    accumulator = fed.accumulator
    pairs = job.check_keys(accumulator.pairs())
    seconds = time.monotonic() - start
    lines, errors = accumulator.lines, accumulator.errors
    metadata = output_metadata(
        lines,
        seconds,
        errors,
        accumulator.example,
        fed.bad_object,
        groups=len(pairs),
        input_bytes=fed.size,
        headers=fed.headers,
        faults=faults_of(fed),
    )
    output = JobKeys(task.job_id).mapper_output(task.mapper_id)
    write_pairs(s3, job, task.job_bucket, output, pairs, metadata)
    log(f"mapper {task.mapper_id}: {lines} rows, {errors} bad, {seconds:.3f} s")
    return [len(task.keys), lines, seconds, errors]


def feed(s3: Any, task: MapperEvent, job: Job) -> Feeder:
    """Feed the input to the job's accumulator."""
    fed = Feeder(job)
    sources = reading.read_ahead(s3, task.inputs)
    with contextlib.closing(sources):
        for source, blocks in zip(task.inputs, sources, strict=True):
            fed.take(blocks, source.key, source.from_start)
    return fed


def faults_of(fed: Feeder) -> list[BadRows]:
    """The bad rows by kind, as an output's metadata has them."""
    return [BadRows(kind, found.count, found.example) for kind, found in fed.faults.items()]
