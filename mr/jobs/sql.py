"""A question in SQL, as `driver.py --sql` asks it: DuckDB in the mapper, Python in the reducer.

In: CSV, JSON lines or Parquet. Out: for each group, whose key is a JSON list of texts, a list of
partial aggregates (jobs/query/partials.py). What is computed stands in `PLAN` (jobs/query/plan.py).
"""

from __future__ import annotations

import functools
import json
from typing import Any

from errors import JobError
from jobs.faults import Fault, RowCounts
from jobs.query import partials
from jobs.query.plan import Plan, read_plan
from jobs.written import Written

SETTINGS = {
    "PLAN": {"default": "", "help": "what is computed, as driver.py --sql writes it"},
    "QUERY": {"default": "", "help": "the question"},
}
PACKAGES = ["duckdb==2.0.0"]
BATCH_BYTES = 1 << 24
"""DuckDB spends some time on each piece that it is given; this bounds the memory."""
QUOTE = ord('"')


def combine(a: list[Any], b: list[Any], plan: str) -> list[Any]:
    """The partial aggregates of two parts of a group as those of both."""
    return [merge(x, y) for merge, x, y in zip(_merges(plan), a, b, strict=True)]


@functools.lru_cache(maxsize=16)
def _merges(plan: str) -> list[partials.Merge]:
    return [partials.merge_of(part.kind) for part in read_plan(plan).parts]


class Accumulator:
    """The groups of all rows it was given.

    `takes_objects` is whether it is given objects to read of them what it needs, and not lines.
    """

    def __init__(self, plan: str = "") -> None:
        self._text = plan
        self._counts = RowCounts()

    @functools.cached_property
    def _plan(self) -> Plan:
        return read_plan(self._text)

    @functools.cached_property
    def _engine(self) -> Any:
        try:
            from jobs.query.engine import Engine  # a reducer does without DuckDB
        except ModuleNotFoundError as error:
            raise JobError(
                f'the mapper has no {error.name}: give it "packages": {json.dumps(PACKAGES)} in '
                "scns.json, and deploy it again"
            ) from error
        return Engine(self._plan, self._counts)

    @property
    def takes_objects(self) -> bool:
        return self._plan.table.form == "parquet"

    def is_header(self, line: bytes) -> bool:
        """Whether an object's first line is the header. JobError where it should be and is not."""
        header = self._plan.table.header
        if header is None:
            return False
        found = line.decode(errors="replace").rstrip("\n")
        if found != header:
            raise JobError(
                f"the first line is {found!r}, but the header of the others is {header!r}: ask "
                "for objects with the same columns by their --prefix, or name the columns of all, "
                "of which none has a header, with --schema"
            )
        return True

    def add(self, block: bytes) -> None:
        """Add a block of whole lines."""
        whole = self._without_open_quotes(block) if QUOTE in block else block
        self._engine.add_lines(whole if whole.endswith(b"\n") or not whole else whole + b"\n")
        if self._engine.size >= BATCH_BYTES:
            self._flush()

    def add_object(self, source: Any) -> None:
        """Add an object, of which `source` reads the bytes that are needed."""
        self._counts.lines += self._engine.add_object(source)

    def pairs(self) -> Written:
        """The groups so far. JobError where the question cannot be computed."""
        self._flush()
        return self._engine.pairs()

    @property
    def lines(self) -> int:
        return self._flushed().lines

    @property
    def errors(self) -> int:
        return self._flushed().errors

    @property
    def example(self) -> str:
        return self._flushed().example

    @property
    def faults(self) -> dict[str, Fault]:
        return self._flushed().faults

    def _flushed(self) -> RowCounts:
        """What was counted of all rows so far."""
        self._flush()
        return self._counts

    def _without_open_quotes(self, block: bytes) -> bytes:
        """The block without lines on which a quoted column begins or ends that goes over lines."""
        if self._plan.table.form != "csv":
            return block
        lines = block.split(b"\n")
        odd = [line for line in lines if line.count(b'"') & 1]
        for line in odd:
            self._counts.lines += 1
            self._counts.add_fault(line, ValueError("a quote without a partner"))
        return b"\n".join(line for line in lines if not line.count(b'"') & 1) if odd else block

    def _flush(self) -> None:
        self._counts.lines += self._engine.take_lines()
