"""A model of S3 and Lambda for tests of the coordinator: every call is a point in time.

In: what the coordinator, the reducer and the waiting driver call of boto3. Out: a world in which
events come twice, late, in any order or never, and in which an invocation can be stopped or killed
between any two of its calls. The code under test is the real one, the clients are the simulator's;
only when a call takes effect is decided here, by the test.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

import reducer
from aws import s3json
from errors import JobError
from jobs import loading
from local.simulated.functions import LambdaClient
from local.simulated.objects import Bucket, Stored
from local.simulated.s3 import S3Client
from reducerCoordinator import Coordinator
from running.preflight import take_job
from running.request import JobRequest
from shuffle.pairs import write_pairs
from state.keys import JobKeys, parse_key
from state.outputs import Counts
from state.records import JobInfo
from state.runs import OtherRun, Run

BUCKET = "jobs"


class Killed(BaseException):
    """An invocation dies: no handler of the code under test may catch this."""


@dataclass
class Event:
    """An asynchronous invocation that waits: `kind` is "coordinator" (woken by `key`), "mapper"
    or "reducer" (with a `payload`), or "driver" (of run number `run`, told to `overwrite` or not).
    """

    request_id: str
    kind: str = "coordinator"
    key: str = ""
    payload: dict[str, Any] | None = None
    run: int = 0
    overwrite: bool = True
    tries_left: int = 3


class Invocation:
    """A running function, on a thread that moves only when it is told to, one call at a time."""

    def __init__(self, event: Event, body: Callable[[Invocation], None]) -> None:
        self.event = event
        self.alive = True
        self.killed = False
        self.failed = False
        self._kill = ""
        self._dead = False
        self._may_move = threading.Semaphore(0)
        self._stands = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, args=(body,), daemon=True)
        self._thread.start()
        self._stands.acquire()

    def _run(self, body: Callable[[Invocation], None]) -> None:
        try:
            self._wait()
            body(self)
        except Killed:
            self.killed = True
        except (ClientError, JobError):
            self.failed = True
        finally:
            self.alive = False
            self._stands.release()

    def _wait(self) -> None:
        if self._dead:  # a thread of the killed function makes no further call
            raise Killed
        self._stands.release()
        self._may_move.acquire()
        if self._kill == "before":
            self._die()

    def _die(self) -> None:
        self._dead = True
        raise Killed

    def is_current_thread(self) -> bool:
        """Whether the function's main thread is asking."""
        return threading.current_thread() is self._thread

    def call(self, effect: Callable[[], Any]) -> Any:
        """One call of a client: stop, then take effect, and perhaps die on the way back."""
        self._wait()
        result = effect()
        if self._kill == "after":
            self._die()
        return result

    def move(self, kill: str = "") -> None:
        """Go on to the next call; `kill` "before" or "after" it takes effect ends the function."""
        self._kill = kill
        self._may_move.release()
        self._stands.acquire()

    def finish(self) -> None:
        while self.alive:
            self.move()


@dataclass
class World:
    """One job id in one bucket: what is stored, which events wait, who runs.

    Every run has a number; what its mappers yield depends on it, so that a mixture shows.
    """

    map_count: int
    reducer_timeout: int = 60
    reducers: int = 0
    fan_in: int = 2
    now: float = 1_000_000.0
    events: list[Event] = field(default_factory=list)
    running: list[Invocation] = field(default_factory=list)
    starts: Counter[tuple[str, int, int]] = field(default_factory=Counter)
    _ids: Any = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.bucket = Bucket(lambda: self.now, self.stored)
        self.keys = JobKeys("job1")
        self.job = self.new_job(0)
        s3json.write_json(S3(self), BUCKET, self.keys.jobinfo, self.job.to_json())

    @property
    def objects(self) -> dict[str, Stored]:
        """What is stored, by key."""
        return self.bucket.objects

    def new_job(self, run: int) -> JobInfo:
        """The record of run number `run`."""
        return JobInfo(
            "job1",
            BUCKET,
            self.map_count,
            "reducer",
            reducer_timeout=self.reducer_timeout,
            run_id=f"run-{run}",
            reducers=self.reducers,
            fan_in=self.fan_in,
        )

    @property
    def current(self) -> JobInfo:
        """The record that is there."""
        return JobInfo.from_json(json.loads(self.objects[self.keys.jobinfo].body), "job1")

    # ------------------------------------------------------------------ what happens

    def new_id(self) -> str:
        return f"request-{next(self._ids)}"

    def stored(self, key: str) -> None:
        if parse_key(key).kind in ("output", "done"):  # type: ignore[union-attr]
            self.events.append(Event(self.new_id(), key=key))

    def mapper_event(self, run: int, mapper_id: int) -> Event:
        payload = {"runId": f"run-{run}", "mapperId": mapper_id}
        return Event(self.new_id(), "mapper", payload=payload, tries_left=100)

    def mapper_writes(self, mapper_id: int) -> None:
        """A mapper of the first run does all its work at once."""
        self._map(None, self.mapper_event(0, mapper_id))

    def _map(self, me: Invocation | None, event: Event) -> None:
        """A mapper's output: groups of its own, and some that all share."""
        assert event.payload is not None
        run_id, mapper_id = event.payload["runId"], event.payload["mapperId"]
        try:
            run = Run.joined(S3(self, me), BUCKET, "job1", run_id)
            groups = pairs_of(number_of(run_id), mapper_id)
            counts = Counts(self.now, 1.0, 1, groups=len(groups))
            key = self.keys.mapper_output(mapper_id)
            write_pairs(run, loading.load(), key, groups, counts)
        except OtherRun:
            return

    def _drive(self, me: Invocation) -> None:
        """A driver: where it may take the job id, it starts its mappers."""
        run, overwrite = me.event.run, me.event.overwrite
        request = JobRequest(job_bucket=BUCKET, job_id="job1", overwrite=overwrite)
        try:
            take_job(S3(self, me), request, self.new_job(run))
        except JobError:
            return
        self.events += [self.mapper_event(run, number + 1) for number in range(self.map_count)]

    def expected(self, run: int) -> dict[str, int]:
        total: Counter[str] = Counter()
        for number in range(1, self.map_count + 1):
            total.update(pairs_of(run, number))
        return dict(total)

    @property
    def result(self) -> dict[str, int] | None:
        stored = self.objects.get(self.keys.result)
        return None if stored is None else json.loads(stored.body)

    def accept(self, name: str, payload: dict[str, Any]) -> None:
        """An asynchronous invocation becomes a waiting event."""
        assert name == "reducer"
        self.starts[payload["runId"], payload["stepId"], payload["reducerId"]] += 1
        self.events.append(Event(self.new_id(), "reducer", payload=payload))

    def deliver(self, event: Event) -> Invocation:
        """Start the function that an event is for."""
        bodies: dict[str, Callable[[Invocation], None]] = {
            "coordinator": self._coordinate,
            "mapper": lambda me: self._map(me, event),
            "reducer": self._reduce,
            "driver": self._drive,
        }
        invocation = Invocation(event, bodies[event.kind])
        self.running.append(invocation)
        return invocation

    def _coordinate(self, me: Invocation) -> None:
        coordinator = Coordinator(clients(self, me), me.event.request_id, 30, ["reducer"], 1)
        coordinator.coordinate(BUCKET, "job1")

    def _reduce(self, me: Invocation) -> None:
        reducer.handle(S3(self, me), me.event.payload, me.event.request_id)

    def move(self, invocation: Invocation, kill: str = "") -> None:
        """One call of a running function further. Lambda sends the event of one that died again."""
        self.now += 0.01
        invocation.move(kill)
        if not invocation.alive:
            self.ended(invocation)

    def ended(self, invocation: Invocation) -> None:
        self.running.remove(invocation)
        event = invocation.event
        if invocation.killed or invocation.failed:
            event.tries_left -= 1
            if event.tries_left:
                self.events.append(event)

    def settle(self) -> None:
        """Let everything that runs or waits come to its end, without further accidents."""
        while self.running or self.events:
            for invocation in list(self.running):
                while invocation.alive:
                    self.move(invocation)
            self.running = [invocation for invocation in self.running if invocation.alive]
            if self.events:
                self.deliver(self.events.pop(0))


def number_of(run_id: str) -> int:
    """The number of a run of this model; 0 for one that a real driver began."""
    return int(run_id[4:]) if run_id.startswith("run-") else 0


def pairs_of(run: int, mapper_id: int) -> dict[str, int]:
    """What a mapper of a run yields."""
    own = {f"own-{mapper_id}-{part}": 1000 * run + mapper_id for part in range(4)}
    return {**own, **{f"all-{part}": 1 + run for part in range(8)}}


def clients(world: World, caller: Invocation | None = None) -> Any:
    """What the code under test takes for aws.client.Clients."""
    return SimpleNamespace(
        s3=S3(world, caller),
        functions=Functions(world, caller),
        clock=lambda: world.now,
        sleep=lambda seconds: None,
        executor=ThreadPoolExecutor,
    )


class Functions(LambdaClient):
    """The Lambda client of an invocation; without one, every call takes effect at once."""

    def __init__(self, world: World, caller: Invocation | None = None) -> None:
        def call(operation: str, bucket: str, effect: Callable[[], Any]) -> Any:
            return caller.call(effect) if caller else effect()

        super().__init__(world, None, call)


class S3(S3Client):
    """The S3 client, likewise."""

    def __init__(self, world: World, caller: Invocation | None = None) -> None:
        def call(operation: str, bucket: str, effect: Callable[[], Any]) -> Any:
            # What a function's own threads fetch ahead is read while it stands: outputs do not
            # change.
            is_own = caller is not None and caller.is_current_thread()
            return caller.call(effect) if caller and is_own else effect()

        super().__init__({BUCKET: world.bucket}, call)
