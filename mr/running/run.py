"""A run from its request to its result: plan, check, record, start the mappers, wait.

In: a `JobRequest`. Out: an `Outcome` with the timing line that scripts parse,
`TIMER:CALL:<ms>:mappers:<s>:reducer:<s>` or `TIMER:CALL:<ms>:dryrun:0`. On the way `JOB/jobdata`
and `JOB/jobinfo.json` are written, and one mapper a batch is invoked.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from aws import s3json
from aws.client import Clients
from aws.invoker import Function, call_all
from aws.s3objects import list_input
from errors import JobError, log
from running import diagnosis, planning, preflight, watching
from running.listener import Listener, MapperTotals, result_url
from running.planning import Plan
from running.request import JobRequest
from running.watching import JobTimedOut
from state import badrows
from state.keys import JobKeys
from state.outputs import reducer_seconds
from state.progress import Progress
from state.records import JobInfo
from state.tasks import Range

READ_TIMEOUT_MARGIN = 60
"""Seconds a client waits for a function's answer past the function's own timeout."""
STARTING_THREADS = 32
LEAVE_SECONDS = 5
"""What a driver inside Lambda keeps of its time to say what is missing."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run ended: its timing line, its plan, and the job unless it was a dry run.

    `fault` says what is wrong with the answer, which is there all the same; "" where nothing is.
    """

    timer: str
    plan: Plan
    job: JobInfo | None = None
    fault: str = ""


def record_job(s3: Any, request: JobRequest, plan: Plan, reducer_timeout: int) -> JobInfo:
    """Write the job's two records."""
    keys = JobKeys(request.job_id)
    job = JobInfo(
        request.job_id,
        request.job_bucket,
        len(plan.batches),
        request.reducer,
        reducer_timeout=reducer_timeout,
    )
    data = {
        "mapCount": job.map_count,
        "totalS3Files": plan.objects,
        "startTime": time.time(),
        "totalBytes": plan.size,
        "inputReads": sum(map(len, plan.batches)),
        "maxBad": request.max_bad,
        "mapperFunction": request.mapper,
        "driverFunction": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
    }
    s3json.write_json(s3, request.job_bucket, keys.jobdata, data)
    s3json.write_json(s3, request.job_bucket, keys.jobinfo, job.to_json())
    return job


def mapper_payload(
    request: JobRequest,
    mapper_id: int,
    keys: list[str],
    etags: list[str],
    ranges: list[Range | None] | None = None,
) -> dict[str, Any]:
    """The event of one mapper; ids count from 1. Only with splits does it have `ranges`."""
    payload: dict[str, Any] = {
        "bucket": request.bucket,
        "keys": keys,
        "etags": etags,
        "jobBucket": request.job_bucket,
        "jobId": request.job_id,
        "mapperId": mapper_id,
    }
    if ranges is not None:
        payload["ranges"] = [part and part.to_json() for part in ranges]
    if request.requester_pays:
        payload["requestPayer"] = "requester"
    return {**payload, "eventSource": request.event_source} if request.event_source else payload


def told(call: Callable[[Any], Any], listener: Listener) -> Callable[[Any], Any]:
    """`call`, of which the listener hears; its errors also say which mapper was to read what."""

    def named(payload: Mapping[str, Any]) -> Any:
        listener.mapper_started(payload["mapperId"])
        try:
            return call(payload)
        except JobError as error:
            listener.mapper_failed(payload["mapperId"], error)
            keys = payload["keys"]
            batch = (
                f"mapper {payload['mapperId']}, {len(keys)} objects from {keys[0]} to {keys[-1]}"
            )
            raise type(error)(f"{error} ({batch})") from error

    return named


def run_mappers(
    request: JobRequest, plan: Plan, mapper: Function, listener: Listener
) -> MapperTotals:
    """Invoke every mapper: by Event and without answers, or waiting for each answer."""
    ranges = plan.ranges or itertools.repeat(None, len(plan.batches))
    payloads = [
        mapper_payload(request, number, keys, etags, parts)
        for number, (keys, etags, parts) in enumerate(
            zip(plan.batches, plan.etags, ranges, strict=True), 1
        )
    ]
    totals = MapperTotals()
    if request.full_async:
        start = told(mapper.start, listener)
        call_all(start, payloads, STARTING_THREADS, request.retries, lambda index, _: None)
        return totals

    def on_answer(index: int, answer: Any) -> None:
        totals.add(index + 1, answer)
        listener.mapper_done(index + 1, totals, len(payloads))

    call = told(mapper.call, listener)
    call_all(call, payloads, request.concurrency, request.retries, on_answer)
    return totals


def run(
    clients: Clients,
    request: JobRequest,
    seconds_left: float | None = None,
    listener: Listener | None = None,
) -> Outcome:
    """Run a job. `seconds_left`: what Lambda leaves this driver.

    JobError (UsageError for a wrong request) with what a user can do; nothing is started then.
    """
    start = time.monotonic()
    deadline = None if seconds_left is None else start + seconds_left
    listener = listener or Listener()
    s3 = clients.s3
    listed = list_input(s3, request.bucket, request.prefix, request.requester_pays)
    plan = planning.plan_batches(listed, request)
    log(f"{plan.objects} objects, {plan.size} bytes in s3://{request.bucket}/{request.prefix}")
    if plan.hidden:
        log(f"left out, since a part of their name begins with _ or .: {plan.hidden} objects")
    log(f"Num. of Mappers (and Reducers)  {len(plan.batches)}")
    listener.planned(request, plan)
    if request.dryrun:
        return Outcome(f"TIMER:CALL:{_milliseconds_since(start)}:dryrun:0", plan)

    job, mapper = prepare(clients, request, plan)
    log(f"job {request.job_id}: driver starts {job.map_count} mappers")
    totals = run_mappers(request, plan, mapper, listener)
    if request.full_async:
        log(f"{job.map_count} mappers started; the result will be {result_url(job)}")
        return Outcome(f"TIMER:CALL:{_milliseconds_since(start)}:mappers:0:reducer:0", plan, job)
    listener.mapped(s3, job, totals)
    timeout: float = request.timeout
    if deadline is not None:
        timeout = min(timeout, max(0.0, deadline - LEAVE_SECONDS - time.monotonic()))
    try:
        watching.wait_for_result(s3, job, timeout, listener.moved)
    except JobTimedOut as error:
        for hint in explain_timeout(clients, request, plan, job, error.progress, start):
            log(hint)
        raise
    listener.finished(job)
    seconds = f"mappers:{totals.seconds:.3f}:reducer:{reducer_seconds(s3, job):.3f}"
    fault = badrows.too_many(totals.lines, totals.errors, request.max_bad)
    return Outcome(f"TIMER:CALL:{_milliseconds_since(start)}:{seconds}", plan, job, fault)


def explain_timeout(
    clients: Clients,
    request: JobRequest,
    plan: Plan,
    job: JobInfo,
    progress: Progress,
    start: float,
) -> list[str]:
    """What helps to find out why a job, started at `start` on the monotonic clock, did not end."""
    return diagnosis.diagnose(
        clients.s3,
        clients.logs,
        job,
        progress,
        plan.batches,
        [request.mapper, request.reducer],
        time.time() - (time.monotonic() - start),
    )


def prepare(clients: Clients, request: JobRequest, plan: Plan) -> tuple[JobInfo, Function]:
    """Check everything a run needs, then write its records; returns them and the mapper."""
    mapper_timeout = preflight.function_timeout(clients.functions, request.mapper)
    reducer_timeout = preflight.function_timeout(clients.functions, request.reducer)
    preflight.check_trigger(clients.s3, request)
    preflight.clear_job(clients.s3, request)
    job = record_job(clients.s3, request, plan, reducer_timeout)
    # The answer always comes before this client gives up, so a call that botocore sends again
    # finds no other one of the same mapper at work.
    patient = clients.make(
        "lambda",
        read_timeout=mapper_timeout + READ_TIMEOUT_MARGIN,
        connections=max(request.concurrency, STARTING_THREADS),
    )
    return job, Function(patient, request.mapper)


def _milliseconds_since(start: float) -> int:
    return round((time.monotonic() - start) * 1000)
