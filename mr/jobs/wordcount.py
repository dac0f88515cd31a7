"""A job in its simplest form: how often each word occurs.

In: any text, a line at a time. Out: {"the": 1021, ...}. A word is what stands between white space.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from operator import add as combine

__all__ = ["combine", "map_line"]


def map_line(line: str) -> Iterable[tuple[str, int]]:
    """The words of one line, and how often each stands in it."""
    return Counter(line.split()).items()
