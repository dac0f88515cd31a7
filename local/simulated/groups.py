"""How many different keys are among so many rows; pure.

In: rows, and how keys are spread. Out: the expected number of groups.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import Counter

RANKS = 400
"""Into so many classes of about the same popularity are Zipf's keys put."""


@dataclasses.dataclass(frozen=True)
class Groups:
    """Keys in classes of the same popularity: (number of keys, share of the rows of each)."""

    classes: tuple[tuple[float, float], ...]

    def among(self, rows: float) -> float:
        """Expected number of different keys among independent rows: the sum, over all keys, of
        1 - (1 - share) ** rows.
        """
        return sum(
            keys * (-math.expm1(rows * math.log1p(-share)) if share < 1 else 1.0)
            for keys, share in self.classes
        )


def alike(count: float) -> Groups:
    """So many keys of the same popularity."""
    return Groups(((count, 1 / count),))


def zipf(count: int, exponent: float) -> Groups:
    """Keys of which the k-th is as frequent as k ** -exponent; those of near ranks are alike."""
    edges = sorted({0, *(math.floor(count ** (part / RANKS)) for part in range(RANKS + 1))})
    spans = [(high - low, (low + high + 1) / 2) for low, high in itertools.pairwise(edges)]
    whole = sum(keys * rank**-exponent for keys, rank in spans)
    return Groups(tuple((keys, rank**-exponent / whole) for keys, rank in spans))


BYTES = 256
TEXTS = {1: 10, 2: 90, 3: 156}
"""How many of the numbers 0 to 255 have so many digits."""
BEGINNINGS = {
    1: ((1, 1), (1, 111), (1, 67), (7, 11)),  # "0"; "1"; "2"; "3" to "9"
    2: ((15, 11), (1, 7), (74, 1)),  # "10" to "24"; "25"; "26" to "99"
    3: ((156, 1),),
}
"""Digits -> (texts of so many digits, how many of the numbers 0 to 255 begin with each)."""


def addresses(length: int) -> Groups:
    """The first `length` characters of IP addresses whose four numbers are drawn from 0 to 255, as
    the Big Data Benchmark's are.
    """
    found: Counter[float] = Counter()
    _extend(found, length, 0, 1, 1.0)
    return Groups(tuple((keys, share) for share, keys in found.items()))


def _extend(found: Counter[float], left: int, numbers: int, keys: int, share: float) -> None:
    """Add, to keys that begin with so many numbers and have characters left, all that follow."""
    if left == 0 or numbers == 4:
        found[share] += keys
        return
    for texts, count in BEGINNINGS.get(left, ()):
        found[share * count / BYTES] += keys * texts
    for digits, texts in TEXTS.items():
        if digits < left:
            dot = numbers < 3
            rest = left - digits - dot
            _extend(found, rest, numbers + 1, keys * texts, share / BYTES)
