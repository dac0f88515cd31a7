"""Byte-range splits: how large objects are cut and small ones packed, and which lines a cut owns.

Every mapper gets about as many bytes to read, as keys and ranges. A range owns the lines that begin
in it, so every line of an object belongs to exactly one range, wherever it is cut. All of it is
pure.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from aws.s3objects import S3Object
from inputs import packing
from lambdautils import MAX_KEYS_BYTES
from state.tasks import Range

SLACK = 0.1
"""Share of a split by which it may be larger or smaller, so that no sliver is cut off an object."""


@dataclasses.dataclass
class Split:
    """What one mapper reads: `ranges` has an entry for each key, None for all of the object."""

    keys: list[str] = dataclasses.field(default_factory=list)
    ranges: list[Range | None] = dataclasses.field(default_factory=list)
    etags: list[str] = dataclasses.field(default_factory=list)
    size: int = 0
    payload: int = 0

    def take(self, item: S3Object, start: int, end: int) -> None:
        """Add bytes start..end-1 of an object."""
        whole = start == 0 and end == item.size
        self.keys.append(item.key)
        self.etags.append(item.etag)
        self.ranges.append(None if whole else Range(start, end, item.etag))
        self.size += end - start
        self.payload += payload_bytes(item)


def payload_bytes(item: S3Object) -> int:
    """Bytes of an event that one key with a range and a version may take."""
    longest = Range(item.size, item.size, item.etag)
    return len(json.dumps([item.key, longest.to_json(), item.etag]))


def plan_splits(objects: Sequence[S3Object], split_size: int) -> list[Split]:
    """Cut objects, in the order given, into splits of even size.

    A split is about `split_size` bytes or less. An object that is compressed stays whole, and so
    does one smaller than a tenth of that. ValueError for a size below 1.
    """
    if split_size < 1:
        raise ValueError(f"a split holds at least 1 byte, not {split_size}")
    total = sum(item.size for item in objects)
    target = -(-total // max(1, -(-total // split_size))) or 1
    slack = int(target * SLACK)
    splits = [Split()]
    for item in objects:
        whole = bool(packing.packing(item.key))
        start = 0
        while True:
            split, rest = splits[-1], item.size - start
            room = target - split.size
            fits = rest <= room + slack
            crowded = split.payload + payload_bytes(item) > MAX_KEYS_BYTES
            if split.keys and (crowded or (not fits and (whole or room <= slack))):
                splits.append(Split())
                continue
            end = item.size if whole or fits else start + room
            split.take(item, start, end)
            start = end
            if start >= item.size:
                break
    return [split for split in splits if split.keys]
