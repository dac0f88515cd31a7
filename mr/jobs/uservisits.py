"""AMPLab's Big Data Benchmark, query 2, over `uservisits`: the job that runs unless told otherwise.

    SELECT SUBSTR(sourceIP, 1, 8), SUM(adRevenue) FROM uservisits GROUP BY SUBSTR(sourceIP, 1, 8)

In: blocks of whole lines, as bytes. Out: {"67.23.87": 12.5, ...}. Column 1 is sourceIP, column 4
is adRevenue, as `rows` reads them; what stands behind (user agents with commas, any bytes) does
not matter. The length is the setting `KEY_LENGTH`: 8 is query 2A, 10 is 2B, 12 is 2C.
"""

from __future__ import annotations

from collections import defaultdict
from operator import add as combine

from jobs import rows
from jobs.faults import RowCounts

__all__ = ["SETTINGS", "Accumulator", "combine", "parse_line"]
SETTINGS = {"KEY_LENGTH": {"default": 8, "least": 1, "help": "characters of sourceIP in a group"}}


class Accumulator(RowCounts):
    """The sums of all lines it was given, in order.

    `lines` counts rows (a blank line is none), `faults` those that cannot be read: whatever
    `rows` refuses, and a sourceIP that is not UTF-8.
    """

    def __init__(self, key_length: int = 8) -> None:
        super().__init__()
        self._key_length = key_length
        self._sums: defaultdict[bytes, float] = defaultdict(float)

    def add(self, block: bytes) -> None:
        """Add a block of whole lines. Any cut into blocks gives the same sums, bit for bit."""
        if block.isascii() and rows.is_plain(block):
            self._add_plain(block)
        else:
            for line in block.split(b"\n"):
                self._add_carefully(line)

    def _add_plain(self, block: bytes) -> None:
        """The fast way: in ASCII, the first bytes are the first characters. A line that is not as
        most lines are goes the careful way, in its turn.
        """
        sums, first = self._sums, slice(self._key_length)
        lines = block.split(b"\n")
        odd = 0
        for line in lines:
            try:
                source, _, _, revenue, _ = line.split(b",", 4)
                price = float(revenue)
                # Of what `float` takes, `rows.number` refuses these: nan and inf, from which
                # themselves are not 0.0 but nan, and 1_000; 95 is the "_".
                if price - price or 95 in revenue:
                    raise ValueError
                sums[source[first]] += price
            except ValueError:
                odd += 1
                self._add_carefully(line)
        self.lines += len(lines) - odd

    def _add_carefully(self, line: bytes) -> None:
        if not line:
            return
        self.lines += 1
        try:
            key, price = parse_line(line, self._key_length)
        except ValueError as error:
            self.add_fault(line, error)
        else:
            self._sums[key.encode()] += price

    def pairs(self) -> dict[bytes, float]:
        """The groups, in UTF-8, and their sums so far."""
        return self._sums


def parse_line(line: bytes, key_length: int = 8) -> tuple[str, float]:
    """Group and revenue of one row. ValueError where the row has none."""
    source, _, _, revenue = rows.columns(line, 4)
    price = rows.number(revenue, "price")
    return source.decode()[:key_length], price
