"""A model world in which the real driver runs: it is started, killed between any two of its calls,
and `resume` goes on.

Beside tests/model.py: input, functions that are called and waited for, and what the driver asks
Lambda about. What must not happen is written down: a mapper that has an output and is started.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from local.simulated.functions import Function
from local.simulated.objects import Bucket
from running.listener import Listener
from running.request import JobRequest
from running.resuming import resume, watch
from running.run import run
from state.tasks import REDUCERS
from tests.model import BUCKET, S3, Event, Functions, Invocation, World, clients

DATA = "data"
ARN = "arn:aws:lambda:us-west-2:123456789012:function:coordinator"
TRIGGER = {
    "LambdaFunctionConfigurations": [
        {
            "LambdaFunctionArn": ARN,
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "job1/task"}]}},
        }
    ]
}
MODES = {"wait4reducers": {}, "wait": {"wait": True}, "asynchronous": {"full_async": True}}
"""What a request has besides, by how its driver goes on."""


class DrivenWorld(World):
    """A world without a job, until a driver makes one; `again` are mappers that were started
    although they had an output.
    """

    def __init__(self, map_count: int, **more: Any) -> None:
        super().__init__(map_count, **more)
        del self.bucket.objects[self.keys.jobinfo]
        self.bucket._keys.remove(self.keys.jobinfo)
        self.bucket.notifications = TRIGGER
        self.data = Bucket(lambda: self.now)
        for number in range(map_count):
            self.data.write(f"in/part-{number}", b"x", {})
        self.again: list[int] = []
        self.started: list[int] = []

    def request(self, **more: Any) -> JobRequest:
        return JobRequest(
            DATA, "in/", BUCKET, "job1", mapper="mapper", reducer="reducer", batch_size=1,
            timeout=3600, reducers=self.reducers, fan_in=self.fan_in, **more,
        )  # fmt: skip

    def drive(self, **more: Any) -> Invocation:
        """Start a driver, whose calls are made one by one."""
        return Invocation(
            Event("driver", "driver"), lambda me: run(driver(self, me), self.request(**more))
        )

    def current_step(self) -> int:
        """The step that was claimed last."""
        return max((n for n in range(9) if self.keys.step_record(n) in self.objects), default=0)

    def resume(self, mapper: str = "") -> Any:
        """Go on with the job until it ends."""
        return resume(self._looker(), BUCKET, "job1", 3600, Listener(), mapper)

    def watch(self) -> Any:
        """Look on until the job ends."""
        return watch(self._looker(), BUCKET, "job1", 3600, Listener())

    def _looker(self) -> SimpleNamespace:
        """The clients of somebody who waits."""
        made = driver(self)
        made.sleep = self._sleep
        return made

    def _sleep(self, seconds: float) -> None:
        self.now += seconds
        self.settle()

    # ------------------------------------------------------------------ what Lambda is asked for

    def find(self, name: str, operation: str) -> Function:
        variables = {REDUCERS: "mapper reducer"} if name == "coordinator" else {}
        return Function(name, name, 1536, 60, lambda me: None, variables)

    def accept(self, name: str, payload: dict[str, Any]) -> None:
        if name == "reducer":
            return super().accept(name, payload)
        self._note(payload)
        self.events.append(Event(self.new_id(), "mapper", payload=payload))
        return None

    def start(
        self, function: Function, payload: Any, request_id: str, on_end: Callable[[Any, str], None]
    ) -> bool:
        """A mapper that is waited for does all its work at once."""
        self._note(payload)
        self._map(None, Event(request_id, "mapper", payload=payload))
        on_end([1, 1, 1.0, 0], "")
        return True

    def _note(self, payload: dict[str, Any]) -> None:
        number = payload["mapperId"]
        self.started.append(number)
        if self.keys.mapper_output(number) in self.objects:
            self.again.append(number)


class InPlace:
    """aws.threads.Threads, whose calls are made one after another by whoever takes them."""

    def __init__(self) -> None:
        self._calls: deque[Callable[[], Any]] = deque()

    def start(self, call: Callable[[], Any], after: float = 0.0) -> None:
        self._calls.append(call)

    def next_ended(self) -> Any:
        return self._calls.popleft()()

    def soon_ended(self, count: int, seconds: float) -> Iterator[Any]:
        return iter([self.next_ended() for _ in range(min(count, len(self._calls)))])


class InOrder:
    """ThreadPoolExecutor.map without threads."""

    def __init__(self, threads: int) -> None:
        assert threads > 0

    def __enter__(self) -> InOrder:
        return self

    def __exit__(self, *_: Any) -> None:
        """Nothing is left: `map` is done as it is read."""

    map = staticmethod(map)


class EmptyLogs:
    """The logs client of a world whose functions log nothing."""

    def get_paginator(self, operation: str) -> EmptyLogs:
        return self

    def paginate(self, **_: Any) -> list[Any]:
        return []


class DriverS3(S3):
    """The S3 client of a driver, who sees the input too."""

    def __init__(self, world: DrivenWorld, caller: Invocation | None = None) -> None:
        super().__init__(world, caller)
        self._buckets = {**self._buckets, DATA: world.data}


def driver(world: DrivenWorld, caller: Invocation | None = None) -> SimpleNamespace:
    """The clients of a driver."""
    made = clients(world, caller)
    made.s3 = DriverS3(world, caller)
    made.logs = EmptyLogs()
    made.threads, made.executor = InPlace, InOrder
    made.make = lambda service, **_: Functions(world, caller)
    return made
