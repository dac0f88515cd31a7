"""Virtual time: processes of which exactly one moves at a time, and what happens between.

In: code that calls `sleep`, and actions that are due at a time. Out: the same code run in the
order of the virtual seconds, as fast as it computes. Each process has a stack of its own, a
greenlet, so that the code need not know; the same order in every run, since one only moves when it
is its turn. Threads would do as well, but handing on the turn between them took most of the time.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import queue
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from typing import Any

from greenlet import getcurrent, greenlet

EPOCH = 1_800_000_000.0
"""Seconds since the epoch at which a simulation begins."""


class Stopped(BaseException):
    """The simulation has ended; no code under test may catch this."""


class Process:
    """Code that stands and goes on; `owner` is whoever it works for, as those that it starts do."""

    def __init__(self, clock: Clock, body: Callable[[], None], owner: Any) -> None:
        self.owner = owner
        self._clock = clock
        self._body = body
        self._greenlet = greenlet(self._run, clock.leader)

    def move(self) -> None:
        """Have it go on until it stands again, or ends."""
        self._greenlet.switch()

    def _run(self) -> None:
        try:
            if not self._clock.stopped:
                self._body()
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - it rises again in Clock.run
            self._clock.failure = error
        self._clock.ended(self)


class Clock:
    """The time, and what is still to happen: actions, and processes that go on.

    Whoever made it leads: it has things happen, and one process after another move.
    """

    def __init__(self) -> None:
        self.now = EPOCH
        self.stopped = False
        self.failure: BaseException | None = None
        self.current: Process | None = None
        self._events: list[tuple[float, int, Process | Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._processes: set[Process] = set()
        self.leader = getcurrent()

    def time(self) -> float:
        """Now, in seconds since the epoch."""
        return self.now

    @property
    def owner(self) -> Any:
        """Whoever the process that runs works for; None between processes."""
        return self.current.owner if self.current else None

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Have something happen later; what is due at the same time happens in order."""
        self._push(seconds, action)

    def start(self, body: Callable[[], None], owner: Any = None) -> Process:
        """Start code as a process of its own, now."""
        process = Process(self, body, owner or self.owner)
        self._processes.add(process)
        self.wake(process)
        return process

    def wake(self, process: Process, seconds: float = 0.0) -> None:
        """Have a process go on after so many seconds."""
        self._push(seconds, process)

    def _push(self, seconds: float, event: Process | Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), event))

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass for the process that runs."""
        if not self._events or self.now + seconds < self._events[0][0]:
            self.now += seconds  # nothing happens meanwhile
            return
        self.wake(self._running(), seconds)
        self.stand()

    def stand(self) -> None:
        """Have the process that runs stand until someone wakes it."""
        self._running()
        self.leader.switch()
        if self.stopped:
            raise Stopped

    def _running(self) -> Process:
        if self.stopped:
            raise Stopped
        assert self.current is not None, "only simulated code may wait"
        return self.current

    def _advance(self) -> Process | None:
        """Have things happen until a process is to go on; None where nothing is left."""
        self.current = None
        while self._events and self.failure is None:
            self.now, _, event = heapq.heappop(self._events)
            if isinstance(event, Process):
                return event
            try:
                event()
            except BaseException as error:  # noqa: BLE001 - it rises again in Clock.run
                self.failure = error
        return None

    def ended(self, process: Process) -> None:
        """Called by a process at its end."""
        self._processes.discard(process)

    def run(self) -> None:
        """Let everything happen. What a process or an action raises rises here."""
        while process := self._advance():
            self.current = process
            process.move()
        failure, waiting = self.failure, len(self._processes)
        self._stop()
        if failure is not None:
            raise failure
        if waiting:
            raise RuntimeError(f"{waiting} processes wait for nothing")

    def _stop(self) -> None:
        self.stopped = True
        while self._processes:
            next(iter(self._processes)).move()
        self._events.clear()


class Mailbox:
    """What processes hand to each other; one process takes from it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._items: deque[Any] = deque()
        self._reader: Process | None = None
        self._waits = 0

    def put(self, item: Any) -> None:
        self._items.append(item)
        if self._reader is not None:
            self._clock.wake(self._reader)
            self._reader = None

    def get(self, seconds: float | None = None) -> Any:
        """The next item; waits for it. queue.Empty where it has not come after so many seconds."""
        if not self._items:
            reader = self._reader = self._clock.current
            self._waits += 1
            if seconds is not None:
                wait = self._waits
                self._clock.after(seconds, lambda: self._give_up(reader, wait))
            self._clock.stand()
        if not self._items:
            raise queue.Empty
        return self._items.popleft()

    def _give_up(self, reader: Process | None, wait: int) -> None:
        if self._reader is not None and self._reader is reader and self._waits == wait:
            self._reader = None
            self._clock.wake(reader)


class SimulatedThreads:
    """aws.threads.Threads, on virtual time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ended = Mailbox(clock)

    def start(self, call: Callable[[], Any], after: float = 0.0) -> None:
        def work() -> None:
            if after:
                self._clock.sleep(after)
            self._ended.put(call())

        self._clock.start(work)

    def next_ended(self) -> Any:
        return self._ended.get()

    def soon_ended(self, count: int, seconds: float) -> Iterator[Any]:
        until = self._clock.now + seconds
        with contextlib.suppress(queue.Empty):
            for _ in range(count):
                yield self._ended.get(max(0.0, until - self._clock.now))


class SimulatedExecutor(Executor):
    """concurrent.futures.ThreadPoolExecutor, on virtual time, as far as `map` goes."""

    def __init__(self, clock: Clock, threads: int) -> None:
        self._clock = clock
        self._threads = threads

    def map(self, fn: Callable[..., Any], *iterables: Iterable[Any], **_: Any) -> Any:
        """The results, when all are there. The first error rises then."""
        calls = deque(enumerate(zip(*iterables, strict=False)))
        results: list[Any] = [None] * len(calls)
        errors: list[BaseException] = []
        ended = Mailbox(self._clock)

        def work() -> None:
            try:
                while calls and not errors:
                    index, arguments = calls.popleft()
                    results[index] = fn(*arguments)
            except BaseException as error:  # noqa: BLE001 - it rises again below
                errors.append(error)
            ended.put(None)

        workers = min(self._threads, len(calls))
        for _ in range(workers - 1):
            self._clock.start(work)
        work()
        for _ in range(workers):
            ended.get()
        for error in errors:
            raise error
        return iter(results)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Nothing is left: `map` has waited."""
