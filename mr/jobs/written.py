r"""Pairs whose JSON is made already, by an accumulator's own engine.

In: chunks of lines, in UTF-8: the key of a pair, then the pair as a member of a JSON object, and so
on. Out: what an output is joined from as it is (shuffle/partition.py), or a mapping like any other.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


@dataclasses.dataclass(frozen=True, eq=False)
class Written(Mapping[str, Any]):
    r"""Pairs as their JSON: [b'a\n"a":[1]\nb\n"b":[2]'] is {"a": [1], "b": [2]}.

    No key may stand twice, and none may hold a line end. What is no JSON is found by who reads it.
    """

    chunks: Sequence[bytes]

    def lines(self) -> Iterator[tuple[list[bytes], list[bytes]]]:
        """Of each chunk the keys, and the members in the same order."""
        for chunk in self.chunks:
            found = chunk.split(b"\n")
            yield found[::2], found[1::2]

    @functools.cached_property
    def _values(self) -> dict[str, Any]:
        members = (b",".join(some) for _, some in self.lines())
        values: dict[str, Any] = json.loads(b"{" + b",".join(members) + b"}")
        return values

    def __len__(self) -> int:
        return sum(chunk.count(b"\n") + 1 for chunk in self.chunks) // 2

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __getitem__(self, key: str) -> Any:
        return self._values[key]
