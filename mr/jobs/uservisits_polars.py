"""`uservisits` for functions deployed with Polars: the same job, several times as fast.

In and out as in uservisits.py, to 1e-9 of each sum (the order of additions differs). Choose it
with `MR_JOB=uservisits_polars` and `packages` in scns.json. Polars parses some megabytes at a
time, from memory, without a file. Whatever it does not read exactly as Python does (bad rows,
quotes, bytes that are not UTF-8) is narrowed down and given to uservisits.Accumulator.
"""

from __future__ import annotations

import math
from typing import Any

import polars

from jobs import rows, uservisits
from jobs.faults import Fault
from jobs.uservisits import SETTINGS, combine

__all__ = ["PACKAGES", "SETTINGS", "Accumulator", "combine"]
PACKAGES = ["polars==2.1.0"]
BATCH_BYTES = 1 << 22
"""Polars spends some time on each piece that it is given; this bounds the memory."""
CAREFUL_BYTES = 1 << 16
"""A piece with an oddity in it, of this size or less, is read by Python."""
MOST_ROWS = 1 << 21
"""Rows that are kept before they are summed up, or twice the groups where these are many."""
_COLUMNS = {
    "source": polars.String,
    "url": polars.String,
    "date": polars.String,
    "revenue": polars.Float64,
}


class Accumulator:
    """The sums of all lines it was given; rows and bad rows are counted as in uservisits."""

    def __init__(self, key_length: int = 8) -> None:
        self._key_length = key_length
        self._odd = uservisits.Accumulator(key_length)
        self._rows = 0
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._frames: list[polars.DataFrame] = []
        self._kept = 0
        self._groups = 0

    @property
    def lines(self) -> int:
        self._flush()
        return self._rows + self._odd.lines

    @property
    def faults(self) -> dict[str, Fault]:
        self._flush()
        return self._odd.faults

    @property
    def errors(self) -> int:
        self._flush()
        return self._odd.errors

    @property
    def example(self) -> str:
        self._flush()
        return self._odd.example

    def add(self, block: bytes) -> None:
        """Add a block of whole lines."""
        self._waiting.append(block if block.endswith(b"\n") else block + b"\n")
        self._waiting_bytes += len(block)
        if self._waiting_bytes >= BATCH_BYTES:
            self._flush()

    def pairs(self) -> dict[str, float]:
        """The groups and their sums so far."""
        self._flush()
        self._sum_up()
        sums: dict[str, float] = {}
        for frame in self._frames:
            sums = dict(zip(frame["source"].to_list(), frame["revenue"].to_list(), strict=True))
        for name, value in self._odd.pairs().items():
            key = name.decode()
            sums[key] = combine(sums[key], value) if key in sums else value
        return sums

    def _flush(self) -> None:
        if self._waiting:
            piece = b"".join(self._waiting)
            self._waiting, self._waiting_bytes = [], 0
            self._add(piece)

    def _add(self, piece: bytes) -> None:
        """Add some lines: by Polars, or in two halves, or, once they are few, by Python."""
        frame = parse(piece, self._key_length)
        if frame is not None:
            self._keep(frame)
        elif middle := cut(piece):
            self._add(piece[:middle])
            self._add(piece[middle:])
        else:
            self._odd.add(piece)

    def _keep(self, frame: polars.DataFrame) -> None:
        self._rows += frame.height
        self._frames.append(frame)
        self._kept += frame.height
        if self._kept > max(MOST_ROWS, 2 * self._groups):
            self._sum_up()

    def _sum_up(self) -> None:
        if self._frames:
            every = polars.concat(self._frames).lazy()  # the lazy engine is twice as fast at this
            summed = every.group_by("source").agg(polars.col("revenue").sum()).collect()
            self._frames, self._groups, self._kept = [summed], summed.height, 0


def cut(piece: bytes) -> int:
    """Where a piece's second half of lines begins; 0 where it is not worth cutting."""
    if len(piece) <= CAREFUL_BYTES:
        return 0
    middle = piece.find(b"\n", len(piece) // 2) + 1
    return middle if middle < len(piece) else 0


def parse(piece: bytes, key_length: int) -> polars.DataFrame | None:
    """Group and revenue of every row; None unless Polars reads all of them as Python would."""
    if not rows.is_plain(piece):
        return None
    options: dict[str, Any] = {
        "has_header": False,
        "quote_char": None,
        "schema": _COLUMNS,
        "truncate_ragged_lines": True,
        "extra_columns": "ignore",
        "empty_string_is_null": False,
    }
    group = polars.col("source").str.slice(0, key_length)
    try:
        frame = polars.scan_csv(piece, **options).select(group, "revenue").collect()
    except polars.exceptions.PolarsError:
        return None
    # Polars makes a row of every line, also of a blank or a short one; those have no revenue.
    revenue = frame["revenue"]
    return None if revenue.null_count() or not math.isfinite(revenue.sum()) else frame
