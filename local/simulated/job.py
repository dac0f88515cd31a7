"""A whole job, simulated: input and functions are laid out, the project's own driver runs it, its
own coordinator is woken by every output, and the bill is added up.

In: what the driver is asked for, the input, the functions, rates, a seed. Out: a `Report`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import reducerCoordinator
from errors import JobError
from local.simulated.cloud import Cloud, LogSink, SimulatedClients
from local.simulated.functions import Function, Invocation
from local.simulated.objects import Opaque, Stored
from local.simulated.rates import Rates
from local.simulated.work import Query
from local.simulated.workers import Workers
from running import costs, watching
from running.costs import FunctionUsage, Item, Prices, S3Usage
from running.request import JobRequest
from running.run import run
from state.grid import Grid
from state.keys import JobKeys
from state.outputs import Counts
from state.progress import Progress
from state.records import StepRecord
from state.tasks import REDUCERS

DATA, JOBS = "data", "jobs"
"""The input's bucket, and the job's."""
MAPPER, REDUCER, COORDINATOR = "mapperNS", "reducerNS", "reducerCoordinatorNS"


@dataclasses.dataclass(frozen=True)
class Layout:
    """The input, `objects` of them of `size` bytes in all; memory of the functions in MB, timeout
    in seconds.
    """

    size: int
    objects: int
    query: Query
    memory: int = 1536
    coordinator_memory: int = 1024
    timeout: int = 900


@dataclasses.dataclass(frozen=True)
class Step:
    """A reduce step: how it was cut; in seconds from the driver's begin, when it was claimed, when
    the first of its reducers had begun and when the last output was there; `longest` is what the
    slowest reducer took to merge.
    """

    grid: Grid
    claimed: float
    begun: float
    ended: float
    longest: float


@dataclasses.dataclass(frozen=True)
class Report:
    """One run: seconds from the driver's begin to its end, to the last mapper's output and to the
    result, and from the job's record to the end of the last merge. `failure` says why there is no
    result. `requests` is (role, operation) -> number.
    """

    seconds: float
    mapped: float
    answered: float
    merged: float
    mappers: int
    steps: tuple[Step, ...]
    failure: str
    requests: Mapping[tuple[str, str], int]
    refused: Mapping[str, int]
    throttles: int
    most_at_once: int
    usages: tuple[FunctionUsage, ...]
    failures: dict[str, str]
    items: tuple[Item, ...]

    @property
    def dollars(self) -> float:
        return costs.total(self.items)


def request_for(**options: Any) -> JobRequest:
    """What the driver is asked for; `options` are fields of JobRequest."""
    return JobRequest(
        bucket=DATA, prefix="in/", job_bucket=JOBS, job_id="job", mapper=MAPPER, reducer=REDUCER,
        **options,
    )  # fmt: skip


def simulate(
    request: JobRequest, layout: Layout, rates: Rates, seed: int, prices: Prices | None = None
) -> Report:
    """Run one job. With `full_async` the driver starts every mapper by Event and then watches."""
    cloud = Cloud(rates, seed)
    lay_out(cloud, request, layout)
    ended: list[tuple[float, str]] = []
    begun = cloud.clock.now
    driver = cloud.computer()
    cloud.clock.start(lambda: ended.append(drive(cloud, driver, request)), driver)
    with contextlib.redirect_stderr(LogSink(cloud)):
        cloud.clock.run()
    seconds, failure = ended[0]
    return report(cloud, request, prices or Prices(), begun, seconds - begun, failure)


def lay_out(cloud: Cloud, request: JobRequest, layout: Layout) -> None:
    """Put the input there, deploy the functions, and have the outputs wake the coordinator."""
    data = cloud.make_bucket(request.bucket)
    for number in range(layout.objects):
        end = layout.size * (number + 1) // layout.objects
        size = end - layout.size * number // layout.objects
        data.write(f"{request.prefix}part-{number:05}", Opaque(size), {})
    cloud.make_bucket(request.job_bucket)
    workers = Workers(cloud, layout.query)
    memory, timeout = layout.memory, layout.timeout
    cloud.functions.deploy(Function(request.mapper, "mapper", memory, timeout, workers.map))
    cloud.functions.deploy(Function(request.reducer, "reducer", memory, timeout, workers.reduce))
    cloud.functions.deploy(
        Function(
            COORDINATOR,
            "coordinator",
            layout.coordinator_memory,
            timeout,
            lambda me: coordinate(cloud, me),
            {REDUCERS: request.reducer},
        )
    )
    cloud.trigger(request.job_bucket, JobKeys(request.job_id).task_prefix, COORDINATOR)


def coordinate(cloud: Cloud, me: Invocation) -> None:
    """The coordinator's handler, with clients of its own."""
    clients: Any = SimulatedClients(cloud, me)
    assert me.function is not None
    coordinator = reducerCoordinator.Coordinator(
        clients, me.request_id, me.seconds_left, me.function.variables[REDUCERS].split()
    )
    for bucket, job_id in reducerCoordinator.jobs_of(me.payload):
        coordinator.coordinate(bucket, job_id)


def drive(cloud: Cloud, me: Invocation, request: JobRequest) -> tuple[float, str]:
    """The driver. Returns when it ended, and its error or ""."""
    clients: Any = SimulatedClients(cloud, me)
    try:
        outcome = run(clients, request)
        if request.full_async and outcome.job is not None:
            watching.wait_for_result(
                clients.s3, outcome.job, request.timeout, ignore, clients.clock, clients.sleep
            )
    except JobError as error:
        return clients.clock(), str(error)
    return clients.clock(), ""


def ignore(progress: Progress) -> None:
    """Nobody looks on."""


def report(
    cloud: Cloud, request: JobRequest, prices: Prices, begun: float, seconds: float, failure: str
) -> Report:
    """What became of the job."""
    used = cloud.functions.used
    usages = [
        FunctionUsage(function.role, "", used[name].calls, used[name].seconds, function.memory)
        for name, function in cloud.functions.functions.items()
    ]
    requests = S3Usage(cloud.count("write"), cloud.count("read"))
    objects = cloud.buckets[request.job_bucket].objects
    written = {key: stored.modified - begun for key, stored in objects.items()}
    keys = JobKeys(request.job_id)
    mappers = [when for key, when in written.items() if key.startswith(keys.mapper_output(0)[:-1])]
    return Report(
        seconds,
        max(mappers, default=0.0),
        written.get(keys.result, 0.0),
        merged_after(objects, keys),
        len(mappers),
        steps_of(objects, request, begun),
        failure,
        dict(cloud.requests),
        dict(cloud.refused),
        sum(cloud.functions.throttles.values()),
        cloud.functions.most,
        tuple(usages),
        {name: each.last_failure for name, each in used.items() if each.failures},
        tuple(costs.bill(usages, requests, prices)),
    )


def merged_after(objects: Mapping[str, Stored], keys: JobKeys) -> float:
    """Seconds from the job's record to the end of the last merge; 0 where there is no result."""
    if keys.result not in objects:
        return 0.0
    metadata = objects[keys.result].metadata
    start = json.loads(objects[keys.jobdata].body)["startTime"]
    return float(metadata["starttime"]) + float(metadata["processingtime"]) - float(start)


def steps_of(objects: Mapping[str, Stored], request: JobRequest, begun: float) -> tuple[Step, ...]:
    """The steps, by the job's records and outputs."""
    keys = JobKeys(request.job_id)
    steps: list[Step] = []
    while stored := objects.get(keys.step_record(len(steps) + 1)):
        step = len(steps) + 1
        record = StepRecord.from_json(json.loads(stored.body), "")
        count = record.grid.count
        names = [keys.result] if count == 1 else [keys.output(step, n + 1) for n in range(count)]
        outputs = [objects[name] for name in names if name in objects]
        counts = [Counts.from_head(head_of(one), "") for one in outputs]
        steps.append(
            Step(
                record.grid,
                record.start_time - begun,
                min((one.start for one in counts), default=begun) - begun,
                max((one.modified for one in outputs), default=begun) - begun,
                max((one.seconds for one in counts), default=0.0),
            )
        )
    return tuple(steps)


def head_of(stored: Stored) -> dict[str, Any]:
    """What HeadObject says of an object."""
    return {"Metadata": stored.metadata, "LastModified": stored.entry["LastModified"]}
