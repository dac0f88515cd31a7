"""AMPLab's Big Data Benchmark, query 1: a scan of `rankings`.

    SELECT pageURL, pageRank FROM rankings WHERE pageRank > X

In: blocks of whole lines, as bytes; columns pageURL, pageRank, avgDuration. Out: {"url": rank, ...}
for the pages above X, the setting `RANK_ABOVE` (1000: query 1A, 100: 1B, 10: 1C). In the benchmark
every page stands in one row; of several rows the highest rank is kept.
"""

from __future__ import annotations

from jobs import rows
from jobs.faults import RowCounts

SETTINGS = {"RANK_ABOVE": {"default": 1000, "least": 0, "help": "the rank that a page is above"}}


class Accumulator(RowCounts):
    """The pages above `rank_above`."""

    def __init__(self, rank_above: int = 1000) -> None:
        super().__init__()
        self._rank_above = rank_above
        self._ranks: dict[str, int] = {}

    def add(self, block: bytes) -> None:
        """Scan a block of whole lines; one that is not as most lines are is read carefully."""
        plain = rows.is_plain(block)
        for line in filter(None, block.split(b"\n")):
            self.lines += 1
            found = line.split(b",", 2)
            try:
                if plain and len(found) > 1 and found[1].isdigit():
                    self._keep(found[0], int(found[1]))
                else:
                    self._keep(*parse_line(line))
            except ValueError as error:
                self.add_fault(line, error)

    def _keep(self, url: bytes, rank: int) -> None:
        if rank > self._rank_above:
            page = url.decode()
            self._ranks[page] = max(rank, self._ranks.get(page, 0))

    def pairs(self) -> dict[str, int]:
        """The pages found so far, and their ranks."""
        return self._ranks


def parse_line(line: bytes) -> tuple[bytes, int]:
    """Page and rank of one row. ValueError where the row has none."""
    url, rank = rows.columns(line, 2)
    return url, rows.whole_number(rank, "rank")


def combine(a: int, b: int) -> int:
    """Two ranks of the same page as one."""
    return max(a, b)
