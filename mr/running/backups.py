"""Backup copies: a task that takes much longer than its fellows is started once more, elsewhere.
The first output counts; the other's would be the same bytes.

The rule is MapReduce's (Dean and Ghemawat, OSDI 2004, 3.6) in the form in which cubed has it: once
a share of the tasks is done, one that takes so many times as long as most of them did is late.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from errors import JobError, log
from state.progress import Progress

LEAST_TASKS = 10
"""Of fewer tasks it cannot be told what is usual."""
SHARE_DONE = 0.75
"""Share of the tasks that must have ended."""
FACTOR = 1.3
"""How many times the 90th percentile of those a task may take."""
LEAST_SECONDS = 1.0
"""And how much longer than that percentile: a copy takes a second or so to begin."""


def late(waiting: Mapping[int, float], ended: Sequence[float], count: int) -> list[int]:
    """The tasks, of those at work, of which a copy is due; pure.

    `waiting` are their seconds so far by number, `ended` those of tasks that have ended, `count` is
    how many there are in all.
    """
    if count < LEAST_TASKS or len(ended) < SHARE_DONE * count:
        return []
    usual = sorted(ended)[math.ceil(0.9 * len(ended)) - 1]
    limit = max(FACTOR * usual, usual + LEAST_SECONDS)
    return sorted(number for number, seconds in waiting.items() if seconds > limit)


class Copies:
    """Watches the tasks of a run, step by step, and has a copy of each late one started.

    `start` is given a step, 0 for mappers, and numbers of its tasks. Steps before `first` are
    someone else's to watch.
    """

    def __init__(
        self,
        start: Callable[[int, Sequence[int]], None],
        clock: Callable[[], float],
        first: int = 0,
    ) -> None:
        self._start = start
        self._clock = clock
        self._step = first - 1
        self._open: set[int] = set()
        self._ended: list[float] = []
        self._began = 0.0

    def look(self, progress: Progress) -> None:
        """Take in which tasks have ended; start the copies that are due, one of a task."""
        if progress.step > self._step:
            self._step, self._began, self._ended = progress.step, self._clock(), []
            self._open = set(range(1, progress.due + 1))
        if progress.step < self._step or progress.finished:
            return
        seconds = self._clock() - self._began
        ended = self._open - set(progress.missing)
        self._ended += [seconds] * len(ended)
        self._open -= ended
        if due := late(dict.fromkeys(self._open, seconds), self._ended, progress.due):
            self._open -= set(due)
            self._copy(due)

    def _copy(self, numbers: Sequence[int]) -> None:
        """Start copies. Where that is not possible, the first ones still may end."""
        log(f"taking much longer than others, started once more: {named(self._step, numbers)}")
        try:
            self._start(self._step, numbers)
        except JobError as error:
            log(f"going on without these copies: {error}")


def named(step: int, numbers: Sequence[int]) -> str:
    """Some tasks of a step, a few of them by number; pure."""
    more = ", ..." if numbers[5:] else ""
    which = f"reducer {step}/" if step else "mapper "
    return ", ".join(f"{which}{number}" for number in numbers[:5]) + more
