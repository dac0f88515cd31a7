"""Backup copies: a task that takes much longer than its fellows is started once more, elsewhere.
The first output counts; the other's would be the same bytes.

The rule is MapReduce's (Dean and Ghemawat, OSDI 2004, 3.6) in the form in which cubed has it: once
a share of the tasks is done, one that takes so many times as long as most of them did is late. When
each task that has ended began and ended is in its output's metadata, so whoever looks on, from the
beginning or later, comes to the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from botocore.exceptions import BotoCoreError, ClientError

from errors import JobError, log
from running.ended import Ended
from state.outputs import Counts
from state.progress import Progress

LEAST_TASKS = 10
"""Of fewer tasks it cannot be told what is usual."""
SHARE_DONE = 0.75
"""Share of the tasks that must have ended."""
FACTOR = 1.3
"""How many times the 90th percentile of those a task may take."""
LEAST_SECONDS = 1.0
"""And how much longer than that percentile: a copy takes a second or so to begin."""

Again = Callable[[int, Sequence[int]], None]
"""Starts tasks once more: a step, 0 for mappers, and numbers of its tasks."""

Span = tuple[float, float]
"""When a task began and ended, in seconds since the epoch."""


def late(waiting: Mapping[int, float], ended: Sequence[float], count: int) -> list[int]:
    """The tasks, of those at work, of which a copy is due; pure.

    `waiting` are their seconds so far by number, `ended` those of tasks that have ended, `count` is
    how many there are in all.
    """
    if not tells_what_is_usual(len(ended), count):
        return []
    usual = sorted(ended)[math.ceil(0.9 * len(ended)) - 1]
    limit = max(FACTOR * usual, usual + LEAST_SECONDS)
    return sorted(number for number, seconds in waiting.items() if seconds > limit)


def tells_what_is_usual(done: int, count: int) -> bool:
    """Whether so many tasks of a step have ended that others can be late; pure."""
    return count >= LEAST_TASKS and done >= SHARE_DONE * count


def last_begin(began: float, ended: Sequence[Span]) -> float:
    """The latest moment at which a task at work can have begun; pure. `began` is when its step
    did, or was last started again.

    Where all were started at once that is when the last of those began that have ended. But if one
    of these began after another had ended, they take turns, as where the account lets so many run
    at once. Then one may begin long after the last one has ended: Lambda tries an event for which
    there was no room again after 1 s, 2 s, 4 s and so on, about as long as it has waited.
    """
    if not ended:
        return began
    last_start = max(start for start, _ in ended)
    ends = [end for _, end in ended]
    takes_turns = last_start >= min(ends)
    return max(began, max(ends) + (max(ends) - began) if takes_turns else last_start)


def span(counts: Counts, began: float) -> Span:
    """When a task began and ended. The output of a mapper of one's own tells only when it was
    written: then it began with its step; pure.
    """
    if counts.seconds:
        return counts.start, counts.start + counts.seconds
    return began, max(began, counts.start)


class Copies:
    """Watches the tasks of a run, step by step, and has a copy of each late one started `again`.

    `began` is when its mappers were started, in seconds since the epoch. Steps before `first` are
    someone else's to watch.
    """

    def __init__(
        self,
        again: Again,
        ended: Ended,
        clock: Callable[[], float],
        began: float,
        first: int = 0,
    ) -> None:
        self._again: Again | None = again
        self._ended = ended
        self._clock = clock
        self._began = began
        self._first = first
        self._copied: set[tuple[int, int]] = set()

    def look(self, progress: Progress) -> None:
        """Take in which tasks have ended; start the copies that are due, one of a task."""
        step, due = progress.step, progress.due
        known = tells_what_is_usual(progress.done, due) and not progress.finished
        if self._again is None or not known or not progress.missing or step < self._first:
            return
        began = max(self._began, progress.began or 0.0)
        done = set(range(1, due + 1)) - set(progress.missing)
        spans = [span(counts, began) for counts in self._ended.of(step, done).values()]
        seconds = self._clock() - last_begin(began, spans)
        waiting = {n: seconds for n in progress.missing if (step, n) not in self._copied}
        if numbers := late(waiting, [end - start for start, end in spans], due):
            self._copied.update((step, number) for number in numbers)
            self._copy(self._again, step, numbers)

    def _copy(self, again: Again, step: int, numbers: Sequence[int]) -> None:
        """Start copies. Where that is not possible, the first ones still may end."""
        log(f"taking much longer than others, started once more: {named(step, numbers)}")
        try:
            again(step, numbers)
        except (JobError, BotoCoreError, ClientError) as error:
            log(f"going on without copies of tasks that take long: {error}")
            self._again = None


def named(step: int, numbers: Sequence[int]) -> str:
    """Some tasks of a step, a few of them by number; pure."""
    more = ", ..." if numbers[5:] else ""
    which = f"reducer {step}/" if step else "mapper "
    return ", ".join(f"{which}{number}" for number in numbers[:5]) + more
