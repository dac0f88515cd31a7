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
from inputs.ranged import Ranged
from jobs import loading
from jobs.base import Job
from jobs.feeding import Feeder
from shuffle.pairs import code_of, write_pairs
from state.badrows import BadRows
from state.failures import failure_record
from state.keys import JobKeys
from state.lookout import until_over
from state.opening import asked, opening
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
            return until_over(run, lambda: map_batch(run, task))
    except OtherRun as error:
        log(str(error))
    return [len(task.keys), 0, 0.0, 0]


def map_batch(run: Run, task: MapperEvent) -> list[float]:
    """Read the batch, write the output, and answer [objects, rows, seconds, bad rows]."""
    objects = counted(len(task.keys), "object")
    begin = opening(run.run_id, run.job_id, f"mapper {task.mapper_id}")
    log(f"{begin} reads {objects}{asked(task.invoked)}")
    job = loading.load(*task.choice, run.job_file)
    log(f"mapper {task.mapper_id} runs job {code_of(job)}")
    start = time.monotonic()
    fed = feed(run, task, job)
    found = job.pairs(fed.accumulator)
    lines, errors, example = job.counts(fed.accumulator)
    counts = Counts.since(
        start,
        lines,
        groups=len(found),
        input_bytes=fed.size,
        headers=fed.headers,
        errors=errors,
        example=example,
        bad_object=fed.bad_object,
        faults=faults_of(fed),
    )
    key = JobKeys(task.job_id).mapper_output(task.mapper_id)
    write_pairs(run, job, key, found, counts)
    log(
        f"mapper {task.mapper_id}: {counted(counts.lines, 'row')}, {counts.errors:,} bad, "
        f"{counts.seconds:.3f} s"
    )
    return [len(task.keys), counts.lines, counts.seconds, counts.errors]


def feed(run: Run, task: MapperEvent, job: Job) -> Feeder:
    """Feed the input to the job's accumulator."""
    fed = Feeder(job)
    if fed.takes_objects:
        for source in task.inputs:
            fed.take_object(Ranged(run.s3, source))
        return fed
    sources = reading.read_ahead(run.s3, task.inputs)
    with contextlib.closing(sources):
        for source, blocks in zip(task.inputs, sources, strict=True):
            fed.take(blocks, source.key, source.from_start)
    return fed


def faults_of(fed: Feeder) -> tuple[BadRows, ...]:
    """The bad rows by kind, as an output's metadata has them."""
    faults = fed.job.faults(fed.accumulator)
    return tuple(BadRows(kind, found.count, found.example) for kind, found in faults.items())
