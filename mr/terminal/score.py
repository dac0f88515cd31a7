"""How far a run is: what a display of it shows, without the display.

`RunProgress` hears what a `running.listener.Listener` hears, each time with the clock's reading.
"""

from __future__ import annotations

import dataclasses
import statistics
import threading

from errors import counted
from running.stragglers import is_straggler
from state.progress import Progress
from views.words import size


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """A moment of a run. Rates are per second since the first mapper was started.

    `running` are the ids of the mappers at work; `slow` those of them that have taken much longer
    than the finished ones, with their seconds; `remaining` seconds are those of the mappers, None
    where nothing can be said yet; `steps` are the reduce steps, (step, done, due).
    """

    mappers: int
    done: int
    failed: int
    running: tuple[int, ...]
    elapsed: float
    remaining: float | None
    bytes_done: int
    lines: int
    byte_rate: float
    line_rate: float
    median: float | None
    slow: tuple[tuple[int, float], ...]
    steps: tuple[tuple[int, int, int], ...]
    finished: bool

    def line(self) -> str:
        """The moment in one line."""
        if self.steps or self.finished:
            steps = [f"step {step}: {done} of {due} reducers" for step, done, due in self.steps]
            return f"{', '.join(steps)} done, {self.elapsed:.0f} s"
        parts = [f"{self.done} of {self.mappers} mappers done, {len(self.running)} at work"]
        if self.failed:
            parts.append(self.failures())
        if self.done:
            parts.append(f"{size(self.byte_rate)}/s, {self.line_rate:,.0f} lines/s")
        parts.append(self.time())
        if self.slow:
            parts.append(f"slow: {self.stragglers()}")
        return "; ".join(parts)

    def failures(self) -> str:
        """How many tries of mappers have failed."""
        return f"{counted(self.failed, 'try', 'tries')} failed"

    def time(self) -> str:
        """Elapsed and expected time."""
        if self.remaining is None:
            return f"{self.elapsed:.0f} s"
        return f"{self.elapsed:.0f} s, mappers about {self.remaining:.0f} s more"

    def stragglers(self) -> str:
        """The slow mappers by name; a few of them."""
        names = [f"mapper {mapper_id} ({seconds:.0f} s)" for mapper_id, seconds in self.slow[:5]]
        return ", ".join(names) + (", ..." if self.slow[5:] else "")


class RunProgress:
    """Collects what happens; every method may be called from any thread."""

    def __init__(self, sizes: list[int], now: float) -> None:
        """`sizes` are the bytes of each mapper's input, `now` the clock's reading in seconds."""
        self._lock = threading.Lock()
        self._sizes = sizes
        self._began = now
        self._started: dict[int, float] = {}
        self._seconds: dict[int, float] = {}
        self._failed = 0
        self._lines = 0
        self._mappers_ended = 0.0
        self._steps: dict[int, tuple[int, int]] = {}
        self._finished = False

    def started(self, mapper_id: int, now: float) -> None:
        with self._lock:
            self._started[mapper_id] = now

    def stopped(self, mapper_id: int, failed: bool) -> None:
        """A try has ended without an answer; one that was throttled has not failed."""
        with self._lock:
            self._started.pop(mapper_id, None)
            self._failed += failed

    def done(self, mapper_id: int, lines: int, now: float) -> None:
        """A mapper has answered; `lines` are those of all mappers so far."""
        with self._lock:
            self._seconds[mapper_id] = now - self._started.pop(mapper_id, now)
            self._lines = lines
            self._mappers_ended = now

    def moved(self, progress: Progress) -> None:
        with self._lock:
            for step, (_, due) in self._steps.items():
                if step < progress.step or progress.finished:
                    self._steps[step] = due, due
            if progress.step:
                self._steps[progress.step] = progress.done, progress.due
            self._finished = progress.finished

    def snapshot(self, now: float) -> Snapshot:
        with self._lock:
            return self._snapshot(now)

    def _snapshot(self, now: float) -> Snapshot:
        count = len(self._sizes)
        all_done = len(self._seconds) == count
        spent = (self._mappers_ended if all_done else now) - self._began
        bytes_done = sum(self._sizes[mapper_id - 1] for mapper_id in self._seconds)
        byte_rate = bytes_done / spent if spent > 0 else 0.0
        remaining = (sum(self._sizes) - bytes_done) / byte_rate if byte_rate else None
        return Snapshot(
            mappers=count,
            done=len(self._seconds),
            failed=self._failed,
            running=tuple(sorted(self._started)),
            elapsed=now - self._began,
            remaining=None if all_done else remaining,
            bytes_done=bytes_done,
            lines=self._lines,
            byte_rate=byte_rate,
            line_rate=self._lines / spent if spent > 0 else 0.0,
            median=self._median(),
            slow=self._slow(now),
            steps=tuple((step, *self._steps[step]) for step in sorted(self._steps)),
            finished=self._finished,
        )

    def _median(self) -> float | None:
        return statistics.median(self._seconds.values()) if self._seconds else None

    def _slow(self, now: float) -> tuple[tuple[int, float], ...]:
        median = self._median()
        if median is None:
            return ()
        at_work = {mapper_id: now - start for mapper_id, start in self._started.items()}
        slow = [pair for pair in at_work.items() if is_straggler(pair[1], median)]
        return tuple(sorted(slow, key=lambda pair: -pair[1]))
