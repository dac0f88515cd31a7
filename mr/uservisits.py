"""The job itself: AMPLab's Big Data Benchmark, query 2A, over `uservisits`.

    SELECT SUBSTR(sourceIP, 1, 8), SUM(adRevenue) FROM uservisits GROUP BY SUBSTR(sourceIP, 1, 8)

In: blocks of whole lines, as bytes. Out: {"67.23.87": 12.5, ...}. Column 1 is sourceIP, column 4
is adRevenue; what stands behind (user agents with commas, any bytes) does not matter.
"""

from __future__ import annotations

import math
from collections import defaultdict

KEY_CHARACTERS = 8


class Accumulator:
    """The sums of all lines it was given, in order.

    `lines` counts rows (a blank line is none), `errors` those that cannot be read (fewer than
    four columns, a price that is no finite number, a sourceIP that is not UTF-8), `example` is
    the first of these.
    """

    def __init__(self) -> None:
        self.lines = 0
        self.errors = 0
        self.example = ""
        self._sums: defaultdict[bytes, float] = defaultdict(float)

    def add(self, block: bytes) -> None:
        """Add a block of whole lines. Any cut into blocks gives the same sums, bit for bit."""
        if not self._add_clean(block):
            self._add_carefully(block)

    def _add_clean(self, block: bytes) -> bool:
        """The fast way, for a block without any oddity; False, and nothing added, where it has one.

        In ASCII the first 8 characters are the first 8 bytes.
        """
        if not block.isascii():
            return False
        rows = [line.split(b",", 4) for line in block.removesuffix(b"\n").split(b"\n")]
        try:
            prices = [float(row[3]) for row in rows]
        except (IndexError, ValueError):
            return False
        if not math.isfinite(sum(prices)):
            return False
        sums = self._sums
        for row, price in zip(rows, prices, strict=True):
            sums[row[0][:KEY_CHARACTERS]] += price
        self.lines += len(rows)
        return True

    def _add_carefully(self, block: bytes) -> None:
        for line in block.split(b"\n"):
            if not line.strip(b"\r"):
                continue
            self.lines += 1
            try:
                key, price = parse_line(line)
            except ValueError:
                self.errors += 1
                self.example = self.example or line[:200].decode(errors="backslashreplace")
            else:
                self._sums[key.encode()] += price

    def pairs(self) -> dict[str, float]:
        """The groups and their sums so far."""
        return {key.decode(): total for key, total in self._sums.items()}


def parse_line(line: bytes) -> tuple[str, float]:
    """Group and revenue of one row. ValueError where the row has none."""
    columns = line.split(b",", 4)
    if len(columns) < 4:
        raise ValueError("fewer than 4 columns")
    price = float(columns[3])
    if not math.isfinite(price):
        raise ValueError("the price is not finite")
    return columns[0].decode()[:KEY_CHARACTERS], price


def combine(a: float, b: float) -> float:
    """Two sums of the same group as one."""
    return a + b
