"""A run from its request to its result: plan, check, record, start the mappers, wait.

In: a `JobRequest`. Out: an `Outcome` with the timing line that scripts parse,
`TIMER:CALL:<ms>:mappers:<s>:reducer:<s>` or `TIMER:CALL:<ms>:dryrun:0`. On the way
`JOB/jobinfo.json`, the plan and `JOB/jobdata` are written, and one mapper a batch is invoked.
"""

from __future__ import annotations

import dataclasses
import os
import uuid

from aws.client import Clients
from aws.invoker import Function
from aws.s3objects import list_input
from errors import counted, log
from running import choosing, planning, preflight
from running.costs import Prices
from running.following import Follower, Outcome, timing_line
from running.goals import Weighed, weigh
from running.listener import Listener, result_url
from running.planning import Plan
from running.request import JobRequest
from running.starting import (
    STARTING_THREADS,
    Starter,
    last_listed_first,
    mapper_events,
)
from shuffle.plan import Wish, check_wish
from state.batches import write_batches
from state.choice import BY_ENVIRONMENT, Choice
from state.keys import JobKeys
from state.opening import opening
from state.records import JobData, JobInfo
from state.runs import Run
from state.tasks import MapperEvent

READ_TIMEOUT_MARGIN = 60
"""Seconds a client waits for a function's answer past the function's own timeout."""
LEAVE_SECONDS = 5
"""What a driver inside Lambda keeps of its time to say what is missing."""


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


def job_data(
    request: JobRequest, plan: Plan, job: JobInfo, mapper: preflight.FunctionFacts, now: float
) -> JobData:
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
        mapper.timeout,
        backups=not request.no_backups,
    )


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
    began = clients.clock()
    until = None if seconds_left is None else began + seconds_left - LEAVE_SECONDS
    listener = listener or Listener()
    choice, job_file = choosing.choose(request)
    weighed, plan = make_plan(clients, request, prices or Prices())
    listener.planned(request, plan)
    if request.dryrun:
        return Outcome(timing_line(clients.clock() - began, "dryrun:0"), plan, weighed=weighed)
    at_once = weighed.at_once if weighed else 0
    prepared = prepare(clients, request, plan, choice, job_file, at_once)
    job = prepared.job
    listener.recorded(clients.s3, job, prepared.events)
    begin = opening(job.run_id, job.job_id, "driver")
    log(f"{begin} starts {counted(job.map_count, 'mapper')}")
    told = listener, request.retries, prepared.data.backups
    starter = Starter(clients, job, prepared.mapper, prepared.events, *told)
    numbers = last_listed_first(job.map_count)
    wait = request.timeout, starter.again, until
    follower = Follower(clients, job, prepared.data, listener, plan.batches, *wait)
    if not request.is_async:
        totals = starter.call(numbers, request.concurrency)
        listener.mapped(clients.s3, job, totals)
        follower.wait()
        return follower.outcome(began, totals, plan)
    starter.start(numbers)
    if request.wait:
        return follower.outcome(began, follower.follow(), plan)
    mappers = counted(job.map_count, "mapper")
    log(f"{mappers} started; the result will be {result_url(job)}")
    return Outcome(timing_line(clients.clock() - began, "mappers:0:reducer:0"), plan, job)


def make_plan(clients: Clients, request: JobRequest, prices: Prices) -> tuple[Weighed | None, Plan]:
    """List the input and cut it into batches, for a goal as is best for it; what was weighed then.
    UsageError where it cannot be.
    """
    weighed, plan = planned(clients, request, prices)
    found = f"{counted(plan.objects, 'object')}, {counted(plan.size, 'byte')}"
    log(f"{found} in s3://{request.bucket}/{request.prefix}")
    if plan.hidden:
        hidden = counted(plan.hidden, "object")
        log(f"left out, since a part of their name begins with _ or .: {hidden}")
    log(f"Num. of Mappers (and Reducers)  {len(plan.batches)}")
    return weighed, plan


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


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A run whose records are written, and of which nothing has been started."""

    job: JobInfo
    data: JobData
    events: list[MapperEvent]
    mapper: Function


def prepare(
    clients: Clients,
    request: JobRequest,
    plan: Plan,
    choice: Choice,
    job_file: bytes,
    at_once: int,
) -> Prepared:
    """Check everything a run needs, then write its records: `jobdata` last, so that where it is
    all of them are.
    """
    check_wish(len(plan.batches), Wish(request.reducers, request.fan_in))
    mapper_facts = preflight.function_facts(clients.functions, request.mapper)
    reducer_facts = preflight.function_facts(clients.functions, request.reducer)
    if job_file:
        preflight.check_files({request.mapper: mapper_facts, request.reducer: reducer_facts})
    preflight.check_trigger(clients.s3, clients.functions, request)
    job = new_job(request, plan, reducer_facts, choice, at_once)
    preflight.take_job(clients.s3, request, job)
    events = mapper_events(request, plan, job)
    run, keys = run_of(clients, job), JobKeys(request.job_id)
    write_batches(run, events)
    if job_file:
        run.write_body(keys.job_file(choice.digest), job_file)
    data = job_data(request, plan, job, mapper_facts, clients.clock())
    run.write_json(keys.jobdata, data.to_json())
    # The answer always comes before this client gives up, so a call that botocore sends again
    # finds no other one of the same mapper at work.
    patient = clients.make(
        "lambda",
        read_timeout=mapper_facts.timeout + READ_TIMEOUT_MARGIN,
        connections=max(request.concurrency, STARTING_THREADS),
    )
    return Prepared(job, data, events, Function(patient, request.mapper))
