"""DuckDB in a mapper: rows in, partial aggregates out. Only the rows at hand are in memory.

A piece of lines is read, from a file in memory, into a table of the needed columns; once that has
many rows they are aggregated. DuckDB may open that file and no other, whatever it is asked.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from typing import Any

import duckdb

from errors import JobError, brief
from jobs.faults import RowCounts
from jobs.query import partials, reading
from jobs.query.aggregates import Columns, bins_of, columns_of, is_exact, reach
from jobs.query.plan import Plan, fields, quoted, text

MOST_ROWS = 1 << 21
MOST_BYTES = 1 << 28
"""Rows, and bytes they were read from, that are kept before they are aggregated."""
FULL_CORE_MB = 1769
"""Memory of a function that has one core to itself."""


class Engine:
    """One mapper's DuckDB. `counts` is told of bad rows."""

    def __init__(self, plan: Plan, counts: RowCounts) -> None:
        self._plan = plan
        self._counts = counts
        self._file = os.memfd_create("rows")
        self.path = f"/proc/self/fd/{self._file}"
        self._pairs: dict[str, list[Any]] = {}
        self._kept = self._kept_bytes = 0
        self._is_clean = True
        self._merges = [partials.merge_of(part.kind) for part in plan.parts]
        self._connection = self._connect()

    def __del__(self) -> None:
        os.close(self._file)

    def _connect(self) -> duckdb.DuckDBPyConnection:
        memory = int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE") or FULL_CORE_MB)
        made = duckdb.connect(":memory:")
        made.execute(f"SET threads = {max(1, memory // FULL_CORE_MB)}")
        made.execute(f"SET memory_limit = '{memory // 2}MB'")
        made.execute(f"SET allowed_paths = [{text(self.path)}]")
        made.execute("SET enable_external_access = false")
        made.execute("SET lock_configuration = true")
        columns = {name: self._plan.table.columns[name] for name in self._plan.needed}
        made.execute(f"CREATE TABLE input ({fields(columns or {'no column': 'BOOLEAN'})})")
        return made

    def run(self, command: str) -> list[Any]:
        """Carry out a command, and give its rows. JobError where DuckDB cannot."""
        try:
            return self._connection.execute(command).fetchall()
        except duckdb.Error as error:
            raise JobError(f"DuckDB: {first_line(error)}") from error

    # ------------------------------------------------------------------------------------ rows in

    def add_lines(self, piece: bytes) -> int:
        """Take whole lines; how many rows they are, bad ones too."""
        self.write(piece)
        rows = self._add_clean() if self._is_clean else None
        if rows is None:
            self._is_clean = False  # bad rows seldom come alone
            rows = self._add_with_faults(piece)
        self._keep(rows, len(piece))
        return rows

    def write(self, content: bytes, at: int = 0, size: int | None = None) -> None:
        """Put bytes into the file, which has `size` bytes then."""
        os.ftruncate(self._file, len(content) if size is None else size)
        os.pwrite(self._file, content, at)

    def _add_clean(self) -> int | None:
        """Take all rows of the file; None where one of them is bad."""
        source, values = reading.clean(self._plan, self.path)
        try:
            return int(self.run(f"INSERT INTO input SELECT {values} FROM {source}")[0][0])
        except JobError:
            return None

    def _add_with_faults(self, piece: bytes) -> int:
        """Take the rows that can be read, and count the others by kind of fault."""
        if reading.needs_cut(self._plan.table, piece):
            self.write(reading.cut(piece, self._plan.table))
        self.run("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
        self.run(f"CREATE OR REPLACE TEMP TABLE raw AS {reading.raw(self._plan, self.path)}")
        values = reading.values_of_raw(self._plan)
        self.run(f"INSERT INTO input SELECT {values} FROM raw WHERE {reading.FAULT} IS NULL")
        faults = self.run(reading.faults(self._plan.table))
        for kind, row, count in faults:
            self._counts.add_fault(str(row).encode(), ValueError(kind), count)
        good = self.run(f"SELECT count(*) FROM raw WHERE {reading.FAULT} IS NULL")[0][0]
        return int(good) + sum(count for _, _, count in faults)

    def _keep(self, rows: int, size: int) -> None:
        self._kept += rows
        self._kept_bytes += size
        if self._kept >= MOST_ROWS or self._kept_bytes >= MOST_BYTES:
            self._aggregate()

    def add_object(self, source: Any) -> int:
        """Take the row groups of Parquet that begin in a source's part; how many rows.

        A file with holes stands for the object: its footer, and of these row groups the chunks of
        the needed columns, which is all that DuckDB reads of it.
        """
        tail, size = source.tail(reading.TAIL_BYTES)
        begin = size - reading.footer_bytes(tail, size, source.where)
        if begin < size - len(tail):
            tail = source.read(begin, size)
        self.write(tail, size - len(tail), size)
        os.pwrite(self._file, tail[-4:], 0)
        self._check_columns(source.where)
        groups = reading.row_groups(self.run(reading.metadata(self.path)))
        own = [group for group in groups if source.start <= group.start < source.end]
        needed = self._plan.needed
        chunks = list(reading.joined(one for group in own for one in group.chunks(needed)))
        for start, end in chunks:
            os.pwrite(self._file, source.read(start, end), start)
        rows = self._add_rows_of(own) if own else 0
        self._keep(rows, sum(end - start for start, end in chunks))
        return rows

    def _add_rows_of(self, own: list[reading.RowGroup]) -> int:
        first, end = own[0].first, own[-1].first + own[-1].rows
        columns = ", ".join(map(quoted, self._plan.needed)) or "NULL"
        return int(
            self.run(
                f"INSERT INTO input SELECT {columns} FROM read_parquet({text(self.path)}, "
                f"file_row_number = true) WHERE file_row_number BETWEEN {first} AND {end - 1}"
            )[0][0]
        )

    def _check_columns(self, where: str) -> None:
        """JobError where an object has other columns than were planned with."""
        found = self.run(f"DESCRIBE SELECT * FROM read_parquet({text(self.path)})")
        types = {name: kind for name, kind, *_ in found}
        for name in self._plan.needed:
            if types.get(name) != self._plan.table.columns[name]:
                raise JobError(
                    f"{where}: its column {name} is {types.get(name, 'missing')}, not "
                    f"{self._plan.table.columns[name]} as in the first object: ask for objects "
                    "with the same columns by their --prefix"
                )

    # ----------------------------------------------------------------------------- aggregates out

    def pairs(self) -> dict[str, list[Any]]:
        """The groups of all rows, and their partial aggregates. JobError."""
        self._aggregate()
        return self._pairs

    def _aggregate(self) -> None:
        """Combine the rows at hand into the pairs, and drop them."""
        plan = self._plan
        columns = self._columns()
        groups = [f"g{number}" for number in range(len(plan.groups))]
        texts = ", ".join(f"CAST({one} AS VARCHAR)" for one in groups)
        key = f"CAST(json_array({texts}) AS VARCHAR)"
        values = [one for part in columns for one in part.sql]
        by = f"GROUP BY {', '.join(groups)}" if groups else ""
        reads = places_of(columns)
        for row in self.run(f"SELECT {', '.join([key, *values])} FROM ({self._picked}) {by}"):
            self._take(row[0], [read(row[place]) for read, place in reads])
        self.run("TRUNCATE input")
        self._kept = self._kept_bytes = 0

    def _take(self, key: str, values: list[Any]) -> None:
        known = self._pairs.get(key)
        if known is not None:
            merges = zip(self._merges, known, values, strict=True)
            values = [merge(old, new) for merge, old, new in merges]
        self._pairs[key] = values

    @property
    def _picked(self) -> str:
        """The rows that are asked for, as a query: groups are g0, g1, ..., arguments x0, x1, ..."""
        plan = self._plan
        chosen = [f"{one} AS g{number}" for number, one in enumerate(plan.groups)]
        chosen += [f"{one} AS x{number}" for number, one in enumerate(plan.arguments)]
        where = f" WHERE {plan.where}" if plan.where else ""
        return f"SELECT {', '.join(chosen) or 'NULL'} FROM input{where}"

    def _columns(self) -> list[Columns]:
        """The columns of each part; an exact sum's follow from the numbers that are there."""
        exact = [number for number, part in enumerate(self._plan.parts) if is_exact(part)]
        reaches = [reach(self._plan.parts[number]) for number in exact]
        row = self.run(f"SELECT {', '.join(reaches)} FROM ({self._picked})")[0] if exact else ()
        bins = {number: bins_of(*row[3 * at : 3 * at + 3]) for at, number in enumerate(exact)}
        return [
            columns_of(part, bins.get(number, ())) for number, part in enumerate(self._plan.parts)
        ]


def places_of(columns: list[Columns]) -> list[tuple[Callable[[Any], Any], slice]]:
    """For each part what reads it, and where its columns stand in a row, behind the group's key."""
    ends = itertools.accumulate((len(one.sql) for one in columns), initial=1)
    places = itertools.starmap(slice, itertools.pairwise(ends))
    return [(one.read, place) for one, place in zip(columns, places, strict=True)]


def first_line(error: Exception) -> str:
    """What DuckDB says, without the place and the hints behind it."""
    return brief(str(error).partition("\n")[0])[1:-1]
