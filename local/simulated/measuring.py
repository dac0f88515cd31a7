"""Rates of a real account, or of the embedded AWS: measured by functions that are deployed there.

In: two functions of probe.py, a mapper. Out: times of requests, starts and events, which have what
is computed for them in them; a mapper's bytes a second, by memory; and the fields of `Rates` that
follow from both.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any

from errors import JobError
from local.simulated.rates import Rates, Spread

ROUNDS = 10
"""Calls and events of each kind."""
COLD = 3
SECONDS = 420.0
"""How long events may be missing: S3 sends none in some of the minutes after a trigger is wired."""
SHORTEST = 0.0001
REQUESTS = 50
"""Requests of each kind."""
LISTED = 100
"""Keys of the listing that is timed."""
LOOKS = 50
"""How often it is looked whether a function has begun, in the second that this may take."""
WRITES = LISTED + 3 * REQUESTS + 3 * ROUNDS
READS = 2 * REQUESTS + 2 * ROUNDS * LOOKS
"""What all of this asks of S3, about."""
PLENTY = 1e12
ASKED = ("get", "head", "put", "copy", "delete", "list", "multipart", "accept")
"""What is a request: each has its computing in its time."""


@dataclasses.dataclass(frozen=True)
class Probes:
    """Two functions of probe.py, of which `caller` is asked, and `called` is called by it and woken
    by what is written under JOB/task.

    `functions` is a client of Lambda that waits for some minutes.
    """

    functions: Any
    caller: str
    called: str
    bucket: str
    job_id: str

    def ask(self, what: str, rounds: int) -> Any:
        """What the caller measures. JobError where it fails."""
        asked = {"ask": what, "rounds": rounds, "listed": LISTED, "function": self.called}
        where = {"bucket": self.bucket, "job": self.job_id}
        return answer(self.functions, self.caller, {**asked, **where})


def answer(functions: Any, name: str, event: Mapping[str, Any]) -> Any:
    """A function's answer to an event. JobError where it fails."""
    found = functions.invoke(FunctionName=name, Payload=json.dumps(event).encode())
    text = found["Payload"].read()
    if "FunctionError" in found:
        raise JobError(f"{name} failed while it measured: {text.decode(errors='replace')}")
    return json.loads(text)


def configure(functions: Any, name: str, **changed: Any) -> None:
    """Change a function's configuration: the next call of it starts cold."""
    functions.update_function_configuration(FunctionName=name, **changed)
    functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})


def measure(probes: Probes, rounds: int = REQUESTS) -> dict[str, Spread]:
    """The times of an account, by the names that `Rates` has for them."""
    cold, called = zip(*(_calls(probes) for _ in range(COLD)), strict=True)
    requests = probes.ask("requests", rounds)
    sent = _heard(probes, "sends")
    accept = spread([accepted for accepted, _ in sent])
    warm = spread([one - accept.median for one in itertools.chain(*called)])
    queued = spread([begun - warm.median for _, begun in sent])
    event = spread([one - queued.median - warm.median for one in _heard(probes, "writes")])
    return {
        **{name: spread(found) for name, found in requests.items()},
        "multipart": spread(requests["put"]),
        "accept": accept,
        "cold": spread([one - accept.median for one in cold]),
        "warm": warm,
        "queued": queued,
        "event": event,
    }


def _calls(probes: Probes) -> tuple[float, list[float]]:
    """Seconds of the first call of a function, and of some further ones."""
    found = probes.functions.get_function_configuration(FunctionName=probes.called)
    variables = {**found["Environment"]["Variables"], "MEASURED": str(time.time_ns())}
    configure(probes.functions, probes.called, Environment={"Variables": variables})
    first, *more = probes.ask("calls", 1 + ROUNDS)
    return first, more


def _heard(probes: Probes, what: str) -> list[Any]:
    """What was measured of asynchronous begins, without those that did not come. JobError."""
    found: list[Any] = []
    deadline = time.monotonic() + SECONDS
    while len(found) < ROUNDS:
        found += [one for one in probes.ask(what, ROUNDS - len(found)) if one is not None]
        if time.monotonic() > deadline:
            raise JobError(
                f"{probes.called} was begun by {len(found)} of {what} in {SECONDS:.0f} s, of "
                f"{ROUNDS} at least: look at its log, /aws/lambda/{probes.called}"
            )
    return found


def spread(seconds: Sequence[float]) -> Spread:
    """The spread of some times; the 99th percentile of few is their largest."""
    ordered = sorted(max(SHORTEST, one) for one in seconds)
    return Spread(statistics.median(ordered), ordered[round(0.99 * (len(ordered) - 1))])


def seconds_of(functions: Any, name: str, event: Mapping[str, Any]) -> float:
    """What a mapper or reducer says that it took, warm: the median of three calls after one."""
    found = [answer(functions, name, event)[2] for _ in range(4)]
    return statistics.median(found[1:])


def mapper_speed(functions: Any, name: str, event: Mapping[str, Any], size: float) -> float:
    """Bytes a second of a mapper: of two calls, one with the first of the event's objects and one
    with all of them; all but the first have `size` bytes. JobError where that gives no number.
    """
    one = seconds_of(functions, name, {**event, "keys": event["keys"][:1]})
    whole = seconds_of(functions, name, event)
    if whole <= one:
        raise JobError(f"{name} read more in less time, {whole} s after {one} s: measure again")
    return size / (whole - one)


def speed_by_memory(
    functions: Any, name: str, memories: Sequence[int], event: Mapping[str, Any], size: float
) -> dict[int, float]:
    """A mapper's bytes a second with each of some memories, in MB; as in `mapper_speed`."""
    found = {}
    for memory in memories:
        configure(functions, name, MemorySize=memory)
        found[memory] = mapper_speed(functions, name, event, size)
    return found


def rates_of(times: Mapping[str, Spread], speeds: Mapping[int, float]) -> dict[str, Any]:
    """The fields of `Rates` that were measured, out of times of functions that have a whole core,
    and of a mapper's bytes a second by memory, in MB; pure.

    The largest memory is taken to give a whole core; the others then say how much memory does.
    """
    usual = Rates()
    asked = {name: less(times[name], usual.request) for name in ASKED}
    cold = less(times["cold"], usual.client + usual.next_client)
    *smaller, largest = sorted(speeds)
    cores = [memory * speeds[largest] / speeds[memory] for memory in smaller]
    kernel = 1 / max(1 / speeds[largest] - 1 / usual.receive, 1 / PLENTY)
    return {
        **times,
        **asked,
        "cold": cold,
        "kernel": kernel,
        "whole_core": statistics.median(cores),
    }


def less(times: Spread, seconds: float) -> Spread:
    """Times without so many seconds of computing; pure."""
    return Spread(max(SHORTEST, times.median - seconds), max(SHORTEST, times.p99 - seconds))
