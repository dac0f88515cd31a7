"""The reducer: merges outputs of the step before, or the pairs of some buckets of them, into one.

In, from the coordinator: {"bucket", "keys", "jobBucket", "jobId", "nReducers", "stepId",
"reducerId"} and what state.tasks.ReducerEvent has besides. Out: `JOB/task/reducer/STEP/R`; or, as
the only reducer of its step, the answer `JOB/result` and then `JOB/task/reducer/done`. Either wakes
the coordinator. Returns [number of outputs merged, pairs read, seconds]. It may run twice: the
first that writes counts, and the other would have written the same.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Mapping, MutableMapping
from typing import Any

from aws import fetchahead, s3json, s3stream
from aws.client import Clients
from errors import counted, log
from jobs import loading
from jobs.base import Job
from shuffle import joining, pace, pairs
from shuffle.merging import Merged
from state.failures import failure_record
from state.keys import JobKeys
from state.lookout import until_over
from state.opening import asked, opening
from state.outputs import Counts
from state.runs import OtherRun, Run
from state.tasks import ReducerEvent

CHUNKS_AHEAD = 128
"""Chunks of each that wait, s3stream.CHUNK_BYTES each: 32 MiB."""

Head = tuple[Mapping[str, str], int]
"""An output's metadata, and its bytes; 0 where only its end tells."""

CLIENTS = Clients()
"""Made once for each environment of the function: a warm start makes none."""


def handler(event: Any, context: Any) -> list[float]:
    """What Lambda calls with an event."""
    return handle(CLIENTS.s3, event, context.aws_request_id)


def handle(s3: Any, event: Any, request_id: str) -> list[float]:
    """Carry out an event. A run that is over is left alone, which is no failure."""
    task = ReducerEvent.from_json(event)
    try:
        run = Run.joined(s3, task.job_bucket, task.job_id, task.run_id)
        with failure_record(run, task.name, request_id, task.is_async):
            return until_over(run, lambda: reduce(run, task))
    except OtherRun as error:
        log(str(error))
    return [len(task.keys), 0, 0.0]


def reduce(run: Run, task: ReducerEvent) -> list[float]:
    """Merge or join, write the output, and answer [outputs, pairs, seconds]."""
    name = f"step {task.step} reducer {task.reducer_id}"
    outputs = counted(len(task.keys), "output")
    log(f"{opening(run.run_id, run.job_id, name)} reads {outputs}{asked(task.invoked)}")
    job = loading.load(*task.choice, run.job_file)
    log(f"{name} runs job {pairs.code_of(job)}")
    start = time.monotonic()
    counts = join(run, task, job, start) if task.join else merge(run, task, job, start)
    log(
        f"{name}: {counts.lines} pairs of {len(task.keys)} outputs into {counts.groups} groups, "
        f"{counts.seconds:.3f} s"
    )
    if task.reducer_count == 1:
        keys = JobKeys(task.job_id)
        marker = {"result": keys.result, "runId": run.run_id}
        s3json.write_json(run.s3, run.bucket, keys.done, marker)
    return [len(task.keys), counts.lines, counts.seconds]


def join(run: Run, task: ReducerEvent, job: Job, start: float) -> Counts:
    """Make outputs without a key in common the answer."""

    def check(key: str, head: Mapping[str, Any]) -> None:
        pairs.checked_for(job, run, f"s3://{run.bucket}/{key}")(head)

    def metadata(done: joining.Joined) -> dict[str, str]:
        return pairs.own_metadata(run, job, _counts(start, done))

    return _counts(start, joining.join(run, task.keys, check, metadata))


def _counts(start: float, done: joining.Joined) -> Counts:
    return Counts.since(start, done.groups, groups=done.groups, input_bytes=done.size)


def merge(run: Run, task: ReducerEvent, job: Job, start: float) -> Counts:
    """Merge outputs and write what comes of it: the last reducer's is the result."""
    merged, read, size = merge_outputs(run, task, job)
    counts = Counts.since(start, read, groups=len(merged), input_bytes=size)
    keys = JobKeys(task.job_id)
    key = keys.reducer_output(task.step, task.reducer_id) if task.reducer_count > 1 else keys.result
    pairs.write_pairs(run, job, key, merged, counts)
    return counts


def merge_outputs(run: Run, task: ReducerEvent, job: Job) -> tuple[Mapping[str, Any], int, int]:
    """All outputs merged in the order given, the pairs that were read, and their bytes.

    One output at a time is in memory beside the merged ones; the next are being downloaded.
    """
    merged, size = Merged.of(task, job), 0
    heads: dict[int, Head] = {}
    begin = time.monotonic()
    opens = [
        functools.partial(_open, run, task, job, index, begin, heads)
        for index in range(len(task.keys))
    ]
    ahead = fetchahead.in_order(opens, pace.at_once(task), CHUNKS_AHEAD)
    with contextlib.closing(ahead) as bodies:
        for index, chunks in enumerate(bodies):
            body = b"".join(chunks)
            size += len(body)
            metadata, total = heads[index]
            merged.take(body, metadata, total or len(body), _where(task, index))
            del body
    return merged.pairs(), merged.read, size


def _open(
    run: Run,
    task: ReducerEvent,
    job: Job,
    index: int,
    begin: float,
    heads: MutableMapping[int, Head],
) -> Any:
    """The bytes that the task takes of one of its outputs, once it is that one's turn; what S3 says
    of the output goes into `heads`.
    """
    time.sleep(max(0.0, begin + pace.not_before(task, index) - time.monotonic()))
    ours = pairs.checked_for(job, run, _where(task, index))

    def check(head: Mapping[str, Any]) -> None:
        ours(head)
        heads[index] = head["Metadata"], s3stream.size_of(head)

    key = task.keys[index]
    if task.takes_all:
        return pairs.read_whole(run.s3, task.bucket, key, check)
    size = task.sizes[index] if task.sizes else 0
    return pairs.read_part(run.s3, task.bucket, key, task.buckets, size, check)


def _where(task: ReducerEvent, index: int) -> str:
    return f"s3://{task.bucket}/{task.keys[index]}"
