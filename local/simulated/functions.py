"""Lambda, simulated: functions, their environments, invocations of both kinds.

In: functions with a body, and invocations. Out: bodies run on virtual time, within the account's
concurrency and each function's ramp, after cold and warm starts; asynchronous ones wait in a queue
and are tried again, as AWS does: 1 and 2 minutes after a failure, 1 s to 5 minutes later where
there is no room.
"""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import math
import random
from collections import Counter
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from botocore.response import StreamingBody

from local.simulated.clock import Clock, Mailbox
from local.simulated.machine import Machine
from local.simulated.objects import client_error
from local.simulated.rates import Allowance, Rates
from local.simulated.s3 import REGION, Call

RETRIES_AFTER = (60.0, 120.0)
"""Seconds after which Lambda tries a failed asynchronous invocation again."""
LONGEST_QUEUED = 300.0


class TimedOut(BaseException):
    """A function's time is up: no handler of the code under test may catch this."""


class OutOfMemory(BaseException):
    """A function needs more memory than it has; nothing in it may catch this."""


@dataclasses.dataclass(frozen=True)
class Function:
    """`role` is what the bill calls it, `memory` is in MB, `timeout` in seconds; `body` is given
    the invocation and returns the answer; `variables` are its environment's.
    """

    name: str
    role: str
    memory: int
    timeout: float
    body: Callable[[Invocation], Any]
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Used:
    """What was used of a function: calls, seconds that are paid for, failures, the last of them."""

    calls: int = 0
    seconds: float = 0.0
    cold: int = 0
    failures: int = 0
    last_failure: str = ""


class Invocation:
    """One run of a function, or a program that runs elsewhere: then without `function`."""

    def __init__(
        self,
        clock: Clock,
        machine: Machine,
        request_id: str,
        function: Function | None = None,
        payload: Any = None,
    ) -> None:
        self.machine = machine
        self.request_id = request_id
        self.function = function
        self.payload = payload
        self._clock = clock
        self._deadline = clock.now + function.timeout if function else math.inf

    @property
    def role(self) -> str:
        return self.function.role if self.function else "driver"

    @property
    def seconds_left(self) -> float:
        return self._deadline - self._clock.now

    def wait(self, seconds: float) -> None:
        """Let time pass. TimedOut where the function has not so much left."""
        if self._clock.now + seconds > self._deadline:
            self._clock.sleep(max(0.0, self.seconds_left))
            raise TimedOut
        self._clock.sleep(seconds)

    def settle(self) -> None:
        """Wait until all is computed and transferred."""
        self.wait(self.machine.left)


@dataclasses.dataclass
class _Event:
    """An asynchronous invocation in Lambda's queue."""

    function: Function
    payload: Any
    request_id: str
    failures: int = 0
    throttled: int = 0


OnEnd = Callable[[Any, str], None]
"""Told a function's answer, and its error or ""."""


class Lambda:
    """The functions of an account."""

    def __init__(self, clock: Clock, rates: Rates, numbers: random.Random) -> None:
        self.functions: dict[str, Function] = {}
        self.used: dict[str, Used] = {}
        self.running = 0
        self.most = 0
        self.throttles: Counter[str] = Counter()
        self._clock = clock
        self._rates = rates
        self._numbers = numbers
        self._idle: dict[str, list[Machine]] = {}
        self._ramps: dict[str, Allowance] = {}
        self._ids = itertools.count(1)

    def deploy(self, function: Function) -> None:
        """Add a function."""
        self.functions[function.name] = function
        self.used[function.name] = Used()
        self._idle[function.name] = []
        ramp = Allowance(self._rates.scale, self._rates.scale_burst, self._clock.now)
        self._ramps[function.name] = ramp

    @property
    def room(self) -> int:
        """How many functions the account runs at once."""
        return self._rates.concurrency

    def new_id(self) -> str:
        return f"request-{next(self._ids)}"

    def find(self, name: str, operation: str) -> Function:
        """A function by its name. ClientError where there is none."""
        if name not in self.functions:
            raise client_error("ResourceNotFoundException", operation)
        return self.functions[name]

    # ------------------------------------------------------------------ asynchronous

    def accept(self, name: str, payload: Any) -> None:
        """Put an invocation into the queue."""
        event = _Event(self.find(name, "Invoke"), payload, self.new_id())
        self._clock.after(self._rates.queued.draw(self._numbers), lambda: self._try(event))

    def _try(self, event: _Event) -> None:
        if self.start(event.function, event.payload, event.request_id, self._retry(event)):
            return
        delay = min(LONGEST_QUEUED, 2.0**event.throttled)
        event.throttled += 1
        self._clock.after(delay, lambda: self._try(event))

    def _retry(self, event: _Event) -> OnEnd:
        def on_end(answer: Any, error: str) -> None:
            if error and event.failures < len(RETRIES_AFTER):
                delay = RETRIES_AFTER[event.failures]
                event.failures += 1
                self._clock.after(delay, lambda: self._try(event))

        return on_end

    # ------------------------------------------------------------------ environments

    def start(self, function: Function, payload: Any, request_id: str, on_end: OnEnd) -> bool:
        """Run a function; False where the account or the function's ramp has no room for it."""
        idle = self._idle[function.name]
        if self.running >= self._rates.concurrency or not (
            idle or self._ramps[function.name].take(self._clock.now)
        ):
            self.throttles[function.name] += 1
            return False
        self.running += 1
        self.most = max(self.most, self.running)
        cold = not idle
        machine = self._environment(function) if cold else idle.pop()
        starting = (self._rates.cold if cold else self._rates.warm).draw(self._numbers)

        def run() -> None:
            begun = self._clock.now
            invocation = Invocation(self._clock, machine, request_id, function, payload)

            def body() -> None:
                answer, error = _run(function, invocation)
                self.running -= 1
                idle.append(machine)
                # Since August 2025 the start of an environment is paid for as well.
                paid = self._clock.now - begun + (starting if cold else 0.0)
                self._count(function, paid, cold, error)
                on_end(answer, error)

            self._clock.start(body, invocation)

        self._clock.after(starting, run)
        return True

    def _environment(self, function: Function) -> Machine:
        slowness = math.exp(self._numbers.gauss(0, self._rates.speed))
        if self._numbers.random() < self._rates.straggler_share:
            slowness *= self._rates.straggler_factor
        cores = min(1.0, function.memory / self._rates.whole_core)
        return Machine(self._clock, self._rates, cores, slowness)

    def _count(self, function: Function, seconds: float, cold: bool, error: str) -> None:
        used = self.used[function.name]
        used.calls += 1
        used.seconds += math.ceil(seconds * 1000) / 1000
        used.cold += cold
        if error:
            used.failures += 1
            used.last_failure = error


def _run(function: Function, invocation: Invocation) -> tuple[Any, str]:
    """The function's answer, or its error as Lambda words it."""
    try:
        answer = function.body(invocation)
        invocation.settle()
    except TimedOut:
        return None, f"Task timed out after {function.timeout:.2f} seconds"
    except OutOfMemory as error:
        return None, f"Runtime exited with error: signal: killed ({error})"
    except Exception as error:  # noqa: BLE001 - as Lambda does; whoever simulates looks at it
        return None, f"{type(error).__name__}: {error}"
    return answer, ""


class LambdaClient:
    """boto3's Lambda client, as far as this project uses it."""

    meta = SimpleNamespace(region_name=REGION)

    def __init__(self, platform: Any, clock: Clock | None, call: Call) -> None:
        self._platform = platform
        self._clock = clock
        self._call = call

    def invoke(
        self, *, FunctionName: str, Payload: bytes, InvocationType: str = "RequestResponse"
    ) -> dict[str, Any]:
        payload = json.loads(Payload)
        if InvocationType == "Event":
            self._call("Invoke", "", lambda: self._platform.accept(FunctionName, payload))
            return {"StatusCode": 202}
        answers = Mailbox(self._clock)

        def start() -> None:
            function = self._platform.find(FunctionName, "Invoke")
            request_id = self._platform.new_id()
            on_end = lambda answer, error: answers.put((answer, error))  # noqa: E731
            if not self._platform.start(function, payload, request_id, on_end):
                raise client_error("TooManyRequestsException", "Invoke")

        self._call("Invoke", "", start)
        answer, error = answers.get()
        body = json.dumps({"errorMessage": error} if error else answer).encode()
        failed = {"FunctionError": "Unhandled"} if error else {}
        return {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(body), len(body)), **failed}

    def get_account_settings(self) -> dict[str, Any]:
        limits = {"UnreservedConcurrentExecutions": self._platform.room}
        return self._call("GetAccountSettings", "", lambda: {"AccountLimit": limits})

    def get_function_configuration(self, *, FunctionName: str) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            name = FunctionName.rpartition(":")[2]  # of an ARN, or alone
            function = self._platform.find(name, "GetFunctionConfiguration")
            return {
                "Timeout": function.timeout,
                "MemorySize": function.memory,
                "Environment": {"Variables": dict(function.variables)},
            }

        return self._call("GetFunctionConfiguration", "", effect)
