"""How a step is cut among its reducers: outputs in groups, keys in ranges of hash buckets; pure.

A key's bucket is the same everywhere, so the outputs of one range hold no key of another. Reducer
number 1 has the first group of the first range, the next one the next group, and so on: the
outputs of a range stand side by side. Mappers are a grid too: so many groups, one range.
"""

from __future__ import annotations

import dataclasses
import itertools
import operator
import zlib
from collections.abc import Iterable, Iterator

BUCKETS = 256
"""Hash buckets of keys: a range is a run of them, so there are at most so many ranges."""

_SHIFT = 24


def bucket_of(key: bytes) -> int:
    """The bucket of a key in UTF-8: the first 8 bits of its CRC-32."""
    return zlib.crc32(key) >> _SHIFT


def buckets_of(keys: Iterable[bytes]) -> Iterator[int]:
    """The bucket of each key, sooner than by one call a key."""
    return map(operator.rshift, map(zlib.crc32, keys), itertools.repeat(_SHIFT))


@dataclasses.dataclass(frozen=True)
class Grid:
    """A step's reducers: one for each group of each range."""

    groups: int = 1
    ranges: int = 1

    @property
    def count(self) -> int:
        return self.groups * self.ranges

    def place(self, number: int) -> tuple[int, int]:
        """Group and range of reducer `number`, both from 0."""
        part, group = divmod(number - 1, self.groups)
        return group, part

    def buckets(self, number: int) -> tuple[int, int]:
        """The buckets of reducer `number`: from the first to before the second."""
        _, part = self.place(number)
        return BUCKETS * part // self.ranges, BUCKETS * (part + 1) // self.ranges

    def inputs(self, number: int, before: Grid) -> range:
        """The outputs of the step before that reducer `number` merges: those of its group, as far
        as they hold keys of its range. They stand side by side.
        """
        group, _ = self.place(number)
        first, end = self.buckets(number)
        edges = [BUCKETS * part // before.ranges for part in range(before.ranges + 1)]
        parts = [
            part for part in range(before.ranges) if edges[part] < end and first < edges[part + 1]
        ]
        held = range(parts[0] * before.groups + 1, (parts[-1] + 1) * before.groups + 1)
        return held[len(held) * group // self.groups : len(held) * (group + 1) // self.groups]
