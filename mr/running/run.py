"""A run from its request to its result: plan, check, record, start the mappers, wait.

In: a `JobRequest`. Out: an `Outcome` with the timing line that scripts parse,
`TIMER:CALL:<ms>:mappers:<s>:reducer:<s>` or `TIMER:CALL:<ms>:dryrun:0`. On the way `JOB/jobdata`
and `JOB/jobinfo.json` are written, and one mapper a batch is invoked.
"""

from __future__ import annotations

import dataclasses
import os
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from aws.client import Clients
from aws.invoker import FailedForGood, Function, FunctionFailed, call_all
from aws.s3objects import list_input
from errors import JobError, counted, log
from running import choosing, diagnosis, planning, preflight, watching
from running.costs import Prices
from running.goals import Weighed, weigh
from running.listener import Listener, MapperTotals, result_url
from running.planning import Plan
from running.request import JobRequest
from running.watching import JobTimedOut
from shuffle.plan import Wish, check_wish
from state import badrows
from state.choice import BY_ENVIRONMENT, Choice
from state.failures import final_failure
from state.keys import JobKeys
from state.opening import opening
from state.outputs import reducer_seconds
from state.progress import Progress
from state.records import JobData, JobInfo
from state.runs import Run
from state.standing import in_key_order
from state.tasks import MapperEvent

READ_TIMEOUT_MARGIN = 60
"""Seconds a client waits for a function's answer past the function's own timeout."""
STARTING_THREADS = 32
LEAVE_SECONDS = 5
"""What a driver inside Lambda keeps of its time to say what is missing."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run ended: its timing line, its plan, and the job unless it was a dry run.

    `fault` says what is wrong with the answer, which is there all the same; "" where nothing is.
    `weighed` are the ways that were weighed for a goal.
    """

    timer: str
    plan: Plan
    job: JobInfo | None = None
    fault: str = ""
    weighed: Weighed | None = None


def new_job(
    request: JobRequest,
    plan: Plan,
    reducer: preflight.FunctionFacts,
    choice: Choice = BY_ENVIRONMENT,
    at_once: int = 0,
) -> JobInfo:
    """The record of a new run of the job; its run id is no other's."""
    return JobInfo(
        request.job_id,
        request.job_bucket,
        len(plan.batches),
        request.reducer,
        reducer_timeout=reducer.timeout,
        reducer_memory=reducer.memory,
        run_id=uuid.uuid4().hex,
        reducers=request.reducers,
        fan_in=request.fan_in,
        goal=request.goal,
        at_once=at_once,
        choice=choice,
    )


def run_of(clients: Clients, job: JobInfo) -> Run:
    """The run that a record stands for, to write for it."""
    return Run(clients.s3, job.job_bucket, job.job_id, job.run_id)


def job_data(request: JobRequest, plan: Plan, job: JobInfo, now: float) -> JobData:
    """What the views are told of the job, which begins `now`, in seconds since the epoch."""
    return JobData(
        job.map_count,
        plan.objects,
        now,
        plan.size,
        sum(map(len, plan.batches)),
        request.mapper,
        os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
        job.run_id,
        request.max_bad,
    )


def mapper_events(request: JobRequest, plan: Plan, job: JobInfo) -> list[dict[str, Any]]:
    """The events of all mappers; ids count from 1.

    In the reverse order of their outputs' keys: what was started last is missing longest, and so
    a coordinator that compares keys in their order meets it at once.
    """
    ranges = plan.ranges or [[None] * len(keys) for keys in plan.batches]
    batches = list(zip(plan.batches, plan.etags, ranges, strict=True))
    last_listed_first = reversed(list(in_key_order(len(batches))))
    return [
        MapperEvent(
            request.bucket,
            keys,
            parts,
            request.job_bucket,
            request.job_id,
            number,
            job.run_id,
            request.event_source,
            request.full_async,
            etags,
            request.requester_pays,
            job.choice,
        ).to_json()
        for number in last_listed_first
        for keys, etags, parts in [batches[number - 1]]
    ]


def told(
    call: Callable[[Any], Any], listener: Listener, s3: Any, job: JobInfo
) -> Callable[[Any], Any]:
    """`call`, of which the listener hears; FailedForGood where the mapper left a record of that."""

    def heard(payload: Mapping[str, Any]) -> Any:
        mapper_id = payload["mapperId"]
        listener.mapper_started(mapper_id)
        try:
            return call(payload)
        except JobError as error:
            listener.mapper_failed(mapper_id, error)
            if type(error) is FunctionFailed and final_failure(s3, job, [f"mapper/{mapper_id}"]):
                raise FailedForGood(str(error)) from error
            raise

    return heard


def named_batch(payload: Mapping[str, Any]) -> str:
    """Which mapper was to read what, for an error of it."""
    keys = payload["keys"]
    batch = f"{counted(len(keys), 'object')} from {keys[0]} to {keys[-1]}"
    return f"mapper {payload['mapperId']}, {batch}"


def run_mappers(
    clients: Clients,
    request: JobRequest,
    plan: Plan,
    job: JobInfo,
    mapper: Function,
    listener: Listener,
) -> MapperTotals:
    """Invoke every mapper: by Event and without answers, or waiting for each answer."""
    payloads = mapper_events(request, plan, job)
    totals, s3, threads = MapperTotals(), clients.s3, clients.threads()
    if request.full_async:
        start, ignore = told(mapper.start, listener, s3, job), lambda *_: None
        call_all(start, payloads, STARTING_THREADS, request.retries, ignore, named_batch, threads)
        return totals

    def on_answer(index: int, answer: Any) -> None:
        mapper_id = payloads[index]["mapperId"]
        totals.add(mapper_id, answer)
        listener.mapper_done(mapper_id, totals, len(payloads))

    call = told(mapper.call, listener, s3, job)
    concurrency, retries = request.concurrency, request.retries
    call_all(call, payloads, concurrency, retries, on_answer, named_batch, threads)
    return totals


def run(
    clients: Clients,
    request: JobRequest,
    seconds_left: float | None = None,
    listener: Listener | None = None,
    prices: Prices | None = None,
) -> Outcome:
    """Run a job. `seconds_left`: what Lambda leaves this driver; `prices`: what a goal weighs by.

    JobError (UsageError for a wrong request) with what a user can do; nothing is started then.
    """
    start = clients.clock()
    deadline = None if seconds_left is None else start + seconds_left
    listener = listener or Listener()
    s3 = clients.s3
    choice, job_file = choosing.choose(request)
    weighed, plan = planned(clients, request, prices or Prices())
    found = f"{counted(plan.objects, 'object')}, {counted(plan.size, 'byte')}"
    log(f"{found} in s3://{request.bucket}/{request.prefix}")
    if plan.hidden:
        hidden = counted(plan.hidden, "object")
        log(f"left out, since a part of their name begins with _ or .: {hidden}")
    log(f"Num. of Mappers (and Reducers)  {len(plan.batches)}")
    listener.planned(request, plan)
    if request.dryrun:
        timer = f"TIMER:CALL:{_milliseconds_since(clients, start)}:dryrun:0"
        return Outcome(timer, plan, weighed=weighed)

    at_once = weighed.at_once if weighed else 0
    job, mapper = prepare(clients, request, plan, choice, job_file, at_once)
    begin = opening(job.run_id, job.job_id, "driver")
    log(f"{begin} starts {counted(job.map_count, 'mapper')}")
    totals = run_mappers(clients, request, plan, job, mapper, listener)
    if request.full_async:
        mappers = counted(job.map_count, "mapper")
        log(f"{mappers} started; the result will be {result_url(job)}")
        timer = f"TIMER:CALL:{_milliseconds_since(clients, start)}:mappers:0:reducer:0"
        return Outcome(timer, plan, job)
    listener.mapped(s3, job, totals)
    timeout: float = request.timeout
    if deadline is not None:
        timeout = min(timeout, max(0.0, deadline - LEAVE_SECONDS - clients.clock()))
    try:
        watching.wait_for_result(s3, job, timeout, listener.moved, clients.clock, clients.sleep)
    except JobTimedOut as error:
        for hint in explain_timeout(clients, request, plan, job, error.progress, start):
            log(hint)
        raise
    listener.finished(job)
    seconds = f"mappers:{totals.seconds:.3f}:reducer:{reducer_seconds(s3, job):.3f}"
    fault = badrows.too_many(totals.lines, totals.errors, request.max_bad)
    return Outcome(f"TIMER:CALL:{_milliseconds_since(clients, start)}:{seconds}", plan, job, fault)


def planned(clients: Clients, request: JobRequest, prices: Prices) -> tuple[Weighed | None, Plan]:
    """The plan of a request; for a goal, what was weighed."""
    listed = list_input(clients.s3, request.bucket, request.prefix, request.requester_pays)
    if not request.goal:
        return None, planning.plan_batches(listed, request)
    objects = list(listed)
    at_once = preflight.functions_at_once(clients.functions)
    weighed = weigh(objects, request, at_once, prices)
    size = weighed.taken.split_size
    log(f"goal {request.goal}, {at_once:,} functions at once: splits of {size:,} bytes")
    return weighed, planning.plan_batches(objects, dataclasses.replace(request, split_size=size))


def explain_timeout(
    clients: Clients,
    request: JobRequest,
    plan: Plan,
    job: JobInfo,
    progress: Progress,
    start: float,
) -> list[str]:
    """What helps to find out why a job did not end; it was started at `start`, seconds since the
    epoch.
    """
    return diagnosis.diagnose(
        clients.s3,
        clients.logs,
        job,
        progress,
        plan.batches,
        [request.mapper, request.reducer],
        start,
    )


def prepare(
    clients: Clients,
    request: JobRequest,
    plan: Plan,
    choice: Choice,
    job_file: bytes,
    at_once: int,
) -> tuple[JobInfo, Function]:
    """Check everything a run needs, then write its records; returns them and the mapper."""
    check_wish(len(plan.batches), Wish(request.reducers, request.fan_in))
    mapper_facts = preflight.function_facts(clients.functions, request.mapper)
    reducer_facts = preflight.function_facts(clients.functions, request.reducer)
    if job_file:
        preflight.check_files({request.mapper: mapper_facts, request.reducer: reducer_facts})
    preflight.check_trigger(clients.s3, clients.functions, request)
    job = new_job(request, plan, reducer_facts, choice, at_once)
    preflight.take_job(clients.s3, request, job)
    data = job_data(request, plan, job, clients.clock()).to_json()
    run, keys = run_of(clients, job), JobKeys(request.job_id)
    run.write_json(keys.jobdata, data)
    if job_file:
        run.write_body(keys.job_file(choice.digest), job_file)
    # The answer always comes before this client gives up, so a call that botocore sends again
    # finds no other one of the same mapper at work.
    patient = clients.make(
        "lambda",
        read_timeout=mapper_facts.timeout + READ_TIMEOUT_MARGIN,
        connections=max(request.concurrency, STARTING_THREADS),
    )
    return job, Function(patient, request.mapper)


def _milliseconds_since(clients: Clients, start: float) -> int:
    return round((clients.clock() - start) * 1000)
