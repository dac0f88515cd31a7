"""A model of S3 and Lambda for tests of the coordinator: every call is a point in time.

In: what the coordinator, the reducer and the waiting driver call of boto3. Out: a world in which
events come twice, late, in any order or never, and in which an invocation can be stopped or killed
between any two of its calls. The code under test is the real one; only the two clients are played.
"""

from __future__ import annotations

import io
import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

import reducer
from aws import s3json
from jobs import loading
from reducerCoordinator import Coordinator
from state.keys import JobKeys, parse_key
from state.records import JobInfo
from state.tasks import ReducerEvent

BUCKET = "jobs"
OUTPUT_SIZE = 400_000_000
"""What every output weighs in a listing, so that a reducer takes two and jobs have many steps."""


class Killed(BaseException):
    """An invocation dies: no handler of the code under test may catch this."""


def client_error(code: str, status: int) -> ClientError:
    response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "Modelled")  # type: ignore[arg-type]


@dataclass
class Stored:
    body: bytes
    etag: str
    metadata: dict[str, str]


@dataclass
class Event:
    """An asynchronous invocation that waits: of the coordinator (a key) or of a reducer."""

    request_id: str
    key: str = ""
    payload: dict[str, Any] | None = None
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
        except ClientError:
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
    """One job in one bucket: what is stored, which events wait, who runs."""

    map_count: int
    reducer_timeout: int = 60
    now: float = 1_000_000.0
    objects: dict[str, Stored] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    running: list[Invocation] = field(default_factory=list)
    starts: Counter[tuple[int, int]] = field(default_factory=Counter)
    _ids: Any = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.job = JobInfo(
            "job1", BUCKET, self.map_count, "reducer", reducer_timeout=self.reducer_timeout
        )
        self.keys = JobKeys("job1")
        s3json.write_json(S3(self), BUCKET, self.keys.jobinfo, self.job.to_json())

    # ------------------------------------------------------------------ what happens

    def new_id(self) -> str:
        return f"request-{next(self._ids)}"

    def stored(self, key: str) -> None:
        if parse_key(key).kind in ("output", "done"):  # type: ignore[union-attr]
            self.events.append(Event(self.new_id(), key=key))

    def mapper_writes(self, mapper_id: int) -> None:
        """A mapper's output: one group of its own and one that all share."""
        groups = {f"own-{mapper_id}": mapper_id, "all": 1}
        s3json.write_json(S3(self), BUCKET, self.keys.mapper_output(mapper_id), groups)

    @property
    def expected(self) -> dict[str, int]:
        own = {f"own-{number}": number for number in range(1, self.map_count + 1)}
        return {**own, "all": self.map_count}

    @property
    def result(self) -> dict[str, int] | None:
        stored = self.objects.get(self.keys.result)
        return None if stored is None else json.loads(stored.body)

    def deliver(self, event: Event) -> Invocation:
        """Start the function that an event is for."""
        invocation = Invocation(event, self._coordinate if event.key else self._reduce)
        self.running.append(invocation)
        return invocation

    def _coordinate(self, me: Invocation) -> None:
        Coordinator(
            SimpleNamespace(s3=S3(self, me), functions=Functions(self, me)),
            me.event.request_id,
            seconds_left=30,
            clock=lambda: self.now,
            threads=1,
        ).coordinate(BUCKET, "job1")

    def _reduce(self, me: Invocation) -> None:
        reducer.run(S3(self, me), ReducerEvent.from_json(me.event.payload), loading.load())

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


@dataclass
class _Client:
    world: World
    caller: Invocation | None = None

    def _do(self, effect: Callable[[], Any]) -> Any:
        return self.caller.call(effect) if self.caller else effect()


class Functions(_Client):
    """The Lambda client: an asynchronous invocation becomes a waiting event."""

    def invoke(self, FunctionName: str, InvocationType: str, Payload: bytes) -> dict:  # noqa: N803
        assert (FunctionName, InvocationType) == ("reducer", "Event")

        def effect() -> dict:
            payload = json.loads(Payload)
            self.world.starts[payload["stepId"], payload["reducerId"]] += 1
            self.world.events.append(Event(self.world.new_id(), payload=payload))
            return {"StatusCode": 202}

        return self._do(effect)


class S3(_Client):
    """The S3 client, with conditional writes and the event that every write of an output sends."""

    def _do(self, effect: Callable[[], Any]) -> Any:
        # What a function's own threads fetch ahead is read while it stands: outputs do not change.
        own_thread = self.caller is not None and self.caller.is_current_thread()
        return super()._do(effect) if own_thread else effect()

    def put_object(self, Bucket: str, Key: str, Body: bytes, **more: Any) -> dict:  # noqa: N803
        assert Bucket == BUCKET

        def effect() -> dict:
            there = self.world.objects.get(Key)
            if more.get("IfNoneMatch") == "*" and there is not None:
                raise client_error("PreconditionFailed", 412)
            if more.get("IfMatch") and (there is None or there.etag != more["IfMatch"]):
                raise client_error("PreconditionFailed", 412)
            stored = Stored(Body, f'"{self.world.new_id()}"', more.get("Metadata", {}))
            self.world.objects[Key] = stored
            self.world.stored(Key)
            return {"ETag": stored.etag}

        return self._do(effect)

    def get_object(self, Bucket: str, Key: str) -> dict:  # noqa: N803
        def effect() -> dict:
            stored = self._find(Key)
            body = StreamingBody(io.BytesIO(stored.body), len(stored.body))
            return {"Body": body, "ETag": stored.etag, "Metadata": stored.metadata}

        return self._do(effect)

    def head_object(self, Bucket: str, Key: str) -> dict:  # noqa: N803
        return self._do(lambda: {"Metadata": self._find(Key).metadata})

    def copy_object(self, Bucket: str, Key: str, CopySource: dict, **more: Any) -> dict:  # noqa: N803
        assert CopySource == {"Bucket": Bucket, "Key": Key}
        body = self._find(Key).body
        return self.put_object(Bucket, Key, body, Metadata=more["Metadata"])

    def get_paginator(self, operation: str) -> S3:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[dict]:  # noqa: N803
        def effect() -> list[dict]:
            keys = sorted(key for key in self.world.objects if key.startswith(Prefix))
            return [{"Contents": [{"Key": key, "Size": OUTPUT_SIZE} for key in keys]}]

        return self._do(effect)

    def _find(self, key: str) -> Stored:
        if key not in self.world.objects:
            raise client_error("NoSuchKey", 404)
        return self.world.objects[key]
