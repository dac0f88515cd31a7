"""The calls of a job's functions, as Lambda itself reports them in their logs.

In: a job's log lines. Out: a `Call` for each request and each of its tries, failed ones and
coordinators among them, and those that have not ended. What was billed is the sum of them.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from state.opening import asked_at
from views.logs import LogLine

_NUMBER = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)"
_REPORT = re.compile(
    rf"REPORT RequestId: (\S+)\s+Duration: {_NUMBER} ms\s+Billed Duration: {_NUMBER} ms"
    rf"\s+Memory Size: {_NUMBER} MB\s+Max Memory Used: {_NUMBER} MB"
    rf"(?:\s+Init Duration: {_NUMBER} ms)?"
)
"""https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html has the form of the line."""

_FAILED = re.compile(r"\[ERROR\]|.*\bTask timed out after |RequestId: .* Error: |Traceback ")
"""What Lambda logs of a function that raised, was killed, or whose time ran out."""


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of a function.

    `task` is "mapper 3", "step 1 reducer 2", "coordinator" or "driver"; `attempt` counts the calls
    of a task from 1, in the order in which they started, and is 1 for each of a coordinator. Times
    are in seconds since the epoch; `ended` and what Lambda reports at the end are None as long as
    it has not reported. `init_ms` is None for a warm start.
    """

    function: str
    task: str
    request_id: str
    attempt: int
    started: float
    ended: float | None = None
    billed_ms: float | None = None
    init_ms: float | None = None
    memory_mb: int | None = None
    memory_used_mb: int | None = None
    failed: bool = False
    inputs: int | None = None
    invoked: float | None = None

    @property
    def seconds(self) -> float:
        """How long it ran, as far as that is known."""
        return 0.0 if self.ended is None else self.ended - self.started


def calls_of(lines: Iterable[LogLine]) -> list[Call]:
    """The calls that a job's log lines tell of, by the time at which they started; pure."""
    found = sorted(map(_call, _requests(lines)), key=lambda call: call.started)
    tries: Counter[str] = Counter()
    numbered = []
    for call in found:
        tries[call.task] += call.task != "coordinator"
        numbered.append(dataclasses.replace(call, attempt=max(1, tries[call.task])))
    return numbered


def _requests(lines: Iterable[LogLine]) -> Iterator[list[LogLine]]:
    """The lines of each call: Lambda repeats a failed event under the same request id, and each
    time with a START of its own.
    """
    open_: dict[tuple[str, str], list[LogLine]] = {}
    for line in lines:
        key = line.function, line.request_id
        if line.message.startswith("START ") and key in open_:
            yield open_.pop(key)
        open_.setdefault(key, []).append(line)
    yield from open_.values()


def _call(lines: list[LogLine]) -> Call:
    """The call that some lines are about."""
    first = lines[0]
    call = Call(
        first.function,
        first.task,
        first.request_id,
        1,
        first.time,
        failed=any(_FAILED.match(line.message) for line in lines),
        inputs=next(filter(None, map(_inputs, lines)), None),
        invoked=next(filter(None, (asked_at(line.message) for line in lines)), None),
    )
    reports = [found for line in lines if (found := _report(line))]
    return dataclasses.replace(call, **reports[-1]) if reports else call


def _report(line: LogLine) -> dict[str, Any] | None:
    """What Lambda reports of a call at its end, where a line is that report."""
    found = _REPORT.match(line.message)
    if found is None or found[1] != line.request_id:
        return None
    _, duration, billed, memory, used, init = found.groups()
    return {
        "started": round(line.time - float(duration) / 1000, 3),
        "ended": line.time,
        "billed_ms": float(billed),
        "init_ms": float(init) if init else None,
        "memory_mb": int(float(memory)),
        "memory_used_mb": int(float(used)),
    }


_READS = re.compile(r"run \S+ of job .* reads ([0-9,]{1,12}) (?:objects?|outputs?)\b")


def _inputs(line: LogLine) -> int | None:
    """How many objects or outputs a task says, in its first line, that it reads."""
    found = _READS.match(line.message)
    return int(found[1].replace(",", "")) if found else None


@dataclasses.dataclass(frozen=True)
class Billed:
    """Calls of a function with so many MB of memory, and the seconds that Lambda bills for them;
    `cold` of them started an environment, which took `init_seconds`.
    """

    function: str = ""
    memory: int = 0
    calls: int = 0
    seconds: float = 0.0
    cold: int = 0
    init_seconds: float = 0.0

    def scaled(self, factor: float) -> Billed:
        """So many times as many calls, alike; pure."""
        calls, seconds = round(self.calls * factor), self.seconds * factor
        return dataclasses.replace(self, calls=calls, seconds=seconds)


def billed(lines: Iterable[LogLine]) -> list[Billed]:
    """What Lambda bills for, by function and memory; pure."""
    found: dict[tuple[str, int], Billed] = {}
    for call in calls_of(lines):
        if call.billed_ms is not None:
            key = call.function, call.memory_mb or 0
            before = found.get(key, Billed(*key))
            found[key] = Billed(
                *key,
                before.calls + 1,
                before.seconds + call.billed_ms / 1000,
                before.cold + (call.init_ms is not None),
                before.init_seconds + (call.init_ms or 0.0) / 1000,
            )
    return list(found.values())
