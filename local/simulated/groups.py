"""How many different keys are among so many rows; pure.

In: rows, and how the keys are spread. Out: the expected number of groups.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math

BUCKETS = 400
"""Into so many classes of equal popularity are Zipf's keys put."""


@dataclasses.dataclass(frozen=True)
class Groups:
    """`count` keys; the k-th is as frequent as k ** -`zipf`, so with 0 all are alike."""

    count: float
    zipf: float = 0.0

    def among(self, rows: float) -> float:
        """Expected number of different keys among independent rows: the sum, over the keys, of
        1 - (1 - p) ** rows, p being the key's share.
        """
        return sum(
            keys * -math.expm1(rows * math.log1p(-share)) if share < 1 else keys
            for keys, share in _classes(self.count, self.zipf)
        )


@functools.lru_cache
def _classes(count: float, zipf: float) -> list[tuple[float, float]]:
    """(number of keys, share of each); keys of neighbouring ranks are taken together."""
    if not zipf:
        return [(count, 1 / count)]
    edges = [math.floor(count ** (number / BUCKETS)) for number in range(BUCKETS + 1)]
    ranks = sorted({0, *edges, math.floor(count)})
    spans = [(high - low, (low + high + 1) / 2) for low, high in itertools.pairwise(ranks)]
    whole = sum(keys * rank**-zipf for keys, rank in spans)
    return [(keys, rank**-zipf / whole) for keys, rank in spans]
