"""`--max-cost`: a job that is forecast to cost more is not started, and one that has used more is
cancelled.

What a job has used is metered while it is waited for: each mapper counts from its start to its end,
and each reducer from the claim of its step to its output, at their functions' memory. Where the
account keeps events waiting, that is more than will be billed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from aws.client import Clients
from errors import JobError, UsageError, log
from running import costs
from running.cancelling import cancel
from running.costs import FunctionUsage, Prices, S3Usage
from running.listener import Listener, MapperTotals
from running.planning import Plan
from running.request import JobRequest
from state.progress import Progress
from state.records import Cancelled, JobInfo
from state.tasks import MapperEvent
from views.forecast import forecast
from views.functions import settings_of
from views.words import dollars

TICK_SECONDS = 2.0
ROLES = ("mapper", "reducer")


class Meter:
    """What the functions of a job have used so far; `usages` are one of each role, of no time."""

    def __init__(self, usages: dict[str, FunctionUsage], prices: Prices) -> None:
        self._usages = usages
        self._prices = prices
        self._at_work: dict[str, set[int]] = {role: set() for role in ROLES}
        self._calls = dict.fromkeys(ROLES, 0)
        self._seconds = dict.fromkeys(ROLES, 0.0)
        self._step = 0

    def started(self, mapper_id: int) -> None:
        self._at_work["mapper"].add(mapper_id)
        self._calls["mapper"] += 1

    def ended(self, mapper_id: int) -> None:
        self._at_work["mapper"].discard(mapper_id)

    def moved(self, progress: Progress) -> None:
        """Mappers have ended once a step is claimed; its reducers without an output are at work."""
        if progress.step > self._step:
            self._step = progress.step
            self._calls["reducer"] += progress.due
            self._at_work["mapper"].clear()
        if progress.step or progress.finished:
            self._at_work["reducer"] = set() if progress.finished else set(progress.missing)

    def pass_time(self, seconds: float) -> None:
        for role in ROLES:
            self._seconds[role] += seconds * len(self._at_work[role])

    @property
    def dollars(self) -> float:
        used = [
            FunctionUsage(
                role, one.name, self._calls[role], self._seconds[role], one.memory, one.architecture
            )
            for role, one in self._usages.items()
        ]
        return costs.total(costs.bill(used, S3Usage(0, 0), self._prices))


class Budget(Listener):
    """Tells another listener all that it hears, and holds a job to `most` dollars."""

    def __init__(self, told: Listener, clients: Clients, most: float, prices: Prices) -> None:
        self._told = told
        self._clients = clients
        self._most = most
        self._prices = prices
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._meter = Meter({}, prices)
        self._request = JobRequest()
        self._done = 0

    def __enter__(self) -> Budget:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()

    def planned(self, request: JobRequest, plan: Plan) -> None:
        """UsageError where the plan is forecast to cost too much."""
        cost = forecast(request, plan, None, self._prices).outlook.dollars
        if cost > self._most:
            raise UsageError(
                f"the job is expected to cost about {dollars(cost)}, more than "
                f"{dollars(self._most)}: raise --max-cost, or take less input; --dryrun shows it"
            )
        self._request = request
        self._told.planned(request, plan)

    def joined(self, job: JobInfo, sizes: list[int]) -> None:
        self._told.joined(job, sizes)

    def recorded(self, s3: Any, job: JobInfo, events: Sequence[MapperEvent]) -> None:
        """The meter runs from here on, where the job is waited for."""
        self._told.recorded(s3, job, events)
        if self._request.full_async:
            return
        names = {"mapper": self._request.mapper, "reducer": self._request.reducer}
        usages = {role: self._idle(role, name) for role, name in names.items()}
        self._meter = Meter(usages, self._prices)
        threading.Thread(target=self._run_meter, args=(job,), daemon=True).start()

    def _idle(self, role: str, name: str) -> FunctionUsage:
        found = settings_of(self._clients.functions, name, role)
        return FunctionUsage(role, name, 0, 0.0, found.memory, found.architecture)

    def _run_meter(self, job: JobInfo, clock: Callable[[], float] = time.monotonic) -> None:
        before = clock()
        while not self._ended.wait(TICK_SECONDS):
            now = clock()
            with self._lock:
                self._meter.pass_time(now - before)
                used = self._meter.dollars
            before = now
            if used > self._most:
                self._cancel(job, used)
                return

    def _cancel(self, job: JobInfo, used: float) -> None:
        spent = f"{dollars(used)} was used, more than --max-cost {dollars(self._most)}"
        log(f"about {spent}; {self._done} of {job.map_count} mappers had ended: cancelling the job")
        mark = Cancelled(f"driver.py, since about {spent},", self._clients.clock())
        try:
            cancel(self._clients.s3, job.job_bucket, job.job_id, mark, job.run_id)
        except JobError as error:
            log(str(error))

    def mapper_started(self, mapper_id: int) -> None:
        with self._lock:
            self._meter.started(mapper_id)
        self._told.mapper_started(mapper_id)

    def mapper_failed(self, mapper_id: int, error: JobError) -> None:
        with self._lock:
            self._meter.ended(mapper_id)
        self._told.mapper_failed(mapper_id, error)

    def mapper_done(self, mapper_id: int, totals: MapperTotals, count: int) -> None:
        with self._lock:
            self._meter.ended(mapper_id)
        self._done = totals.done
        self._told.mapper_done(mapper_id, totals, count)

    def mapped(self, s3: Any, job: JobInfo, totals: MapperTotals) -> None:
        self._told.mapped(s3, job, totals)

    def moved(self, progress: Progress) -> None:
        with self._lock:
            self._meter.moved(progress)
        self._told.moved(progress)

    def finished(self, job: JobInfo) -> None:
        self._ended.set()
        self._told.finished(job)
