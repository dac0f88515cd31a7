"""Which tasks take much longer than others of their kind; pure."""

from __future__ import annotations

STRAGGLER_FACTOR = 2.0
"""A task that takes this many times the median of its kind is a straggler."""
STRAGGLER_SECONDS = 1.0
"""And so many seconds more than the median: below that, nobody waits for it."""


def is_straggler(seconds: float, median: float) -> bool:
    """Whether a task of so many seconds took much longer than the median of its kind; pure."""
    return seconds > STRAGGLER_FACTOR * median and seconds - median > STRAGGLER_SECONDS
