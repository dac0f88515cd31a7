"""Virtual time: threads of which exactly one moves at a time, and what happens between.

In: code that calls `sleep`, and actions that are due at a time. Out: the same code run in the
order of the virtual seconds, as fast as it computes. Real threads, so that the code need not know;
the same order in every run, since a thread only moves when it is given the turn.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from typing import Any

EPOCH = 1_800_000_000.0
"""Seconds since the epoch at which a simulation begins."""
STACK_BYTES = 1 << 19


class Stopped(BaseException):
    """The simulation has ended; no code under test may catch this."""


def _taken() -> threading.Lock:
    """A turn that is not yet given: taking it waits for `release`."""
    turn = threading.Lock()
    turn.acquire()
    return turn


class Process:
    """Code on a thread of its own, which moves only while it has the turn; `owner` is whoever it
    works for, as those that it starts do.
    """

    def __init__(self, clock: Clock, body: Callable[[], None], owner: Any) -> None:
        self.alive = True
        self.owner = owner
        self._clock = clock
        self._turn = _taken()
        self._thread = threading.Thread(target=self._run, args=(body,), daemon=True)

    def _run(self, body: Callable[[], None]) -> None:
        self._turn.acquire()
        try:
            if not self._clock.stopped:
                body()
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - it rises again in Clock.run
            self._clock.failure = error
        finally:
            self.alive = False
            self._clock.take_back()

    def move(self) -> None:
        """Have it run until it waits or ends."""
        if self._thread.ident is None:
            self._thread.start()
        self._turn.release()

    def stand(self) -> None:
        """Wait for the next turn; called on its own thread."""
        self._clock.take_back()
        self._turn.acquire()
        if self._clock.stopped:
            raise Stopped


class Clock:
    """The time, and what is still to happen."""

    def __init__(self) -> None:
        self.now = EPOCH
        self.stopped = False
        self.failure: BaseException | None = None
        self.current: Process | None = None
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._processes: set[Process] = set()
        self._turn = _taken()
        threading.stack_size(STACK_BYTES)

    def time(self) -> float:
        """Now, in seconds since the epoch."""
        return self.now

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Have something happen later; what is due at the same time happens in order."""
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), action))

    @property
    def owner(self) -> Any:
        """Whoever the process that runs works for; None between processes."""
        return self.current.owner if self.current else None

    def start(self, body: Callable[[], None], owner: Any = None) -> Process:
        """Start code on a thread of its own, now."""
        process = Process(self, body, owner or self.owner)
        self._processes.add(process)
        self.wake(process)
        return process

    def wake(self, process: Process, seconds: float = 0.0) -> None:
        """Give a process the turn after so many seconds."""
        self.after(seconds, lambda: self._give_turn(process))

    def _give_turn(self, process: Process) -> None:
        self.current = process
        process.move()
        self._turn.acquire()
        self.current = None
        if not process.alive:
            self._processes.discard(process)
        if self.failure is not None:
            raise self.failure

    def take_back(self) -> None:
        """Called by a process that waits or has ended."""
        self._turn.release()

    def stand(self) -> Process:
        """The process that runs, which stands until someone wakes it."""
        assert self.current is not None, "only simulated code may wait"
        self.current.stand()
        return self.current

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass for the process that runs."""
        if not self._events or self.now + seconds < self._events[0][0]:
            self.now += seconds  # nothing happens meanwhile: no other thread is needed
            return
        assert self.current is not None, "only simulated code may wait"
        self.wake(self.current, seconds)
        self.stand()

    def run(self) -> None:
        """Let everything happen. What a process raises rises here."""
        try:
            while self._events:
                self.now, _, action = heapq.heappop(self._events)
                action()
            if self._processes:
                raise RuntimeError(f"{len(self._processes)} processes wait for nothing")
        finally:
            self._stop()

    def _stop(self) -> None:
        self.stopped = True
        self.failure = None
        for process in list(self._processes):
            process.move()
            self._turn.acquire()
        self._processes.clear()
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

    def start(self, call: Callable[[], Any]) -> None:
        self._clock.start(lambda: self._ended.put(call()))

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
        for _ in range(workers):
            self._clock.start(work)
        for _ in range(workers):
            ended.get()
        for error in errors:
            raise error
        return iter(results)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Nothing is left: `map` has waited."""
