"""DuckDB in a mapper: rows in, partial aggregates out. Only the rows at hand are in memory.

A piece of lines lies in a file in memory; what is asked of its rows goes into a table, and once
that is large it is aggregated. DuckDB may open that file and no other, whatever it is asked. It
also writes the pairs as JSON, some at a time: to make values of Python of each costs far more.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterator
from typing import Any

import duckdb

from errors import JobError, brief
from jobs.faults import RowCounts
from jobs.query import partials, reading
from jobs.query.aggregates import Columns, bins_of, columns_of, is_exact, reach
from jobs.query.plan import Plan, fields, quoted, text
from jobs.written import Written

MET = quoted("(met)")
"""Whether a row is asked for: a column by a name that no input has."""
CHUNK_PAIRS = 1 << 14
"""Pairs that are written at a time: so many fit a core's cache."""
ROWS_PART = 6
"""The rows that are kept take a sixth of a function's memory: with what DuckDB needs to aggregate
them, they are within the half that it may take.
"""
FULL_CORE_MB = 1769
"""Memory of a function that has one core to itself."""


class Engine:
    """One mapper's DuckDB. `counts` is told of bad rows."""

    def __init__(self, plan: Plan, counts: RowCounts) -> None:
        self._plan = plan
        self._counts = counts
        self._file = os.memfd_create("rows")
        self.path = f"/proc/self/fd/{self._file}"
        self._size = 0
        self._is_clean = True
        self._connection = self._connect()
        self.run(f"CREATE TABLE rows AS {self._asked('FROM input')}")

    def __del__(self) -> None:
        os.close(self._file)

    def _connect(self) -> duckdb.DuckDBPyConnection:
        memory = int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE") or FULL_CORE_MB)
        self._most_bytes = (memory << 20) // ROWS_PART
        made = duckdb.connect(":memory:")
        made.execute(f"SET threads = {max(1, memory // FULL_CORE_MB)}")
        made.execute(f"SET memory_limit = '{memory // 2}MB'")
        made.execute(f"SET allowed_paths = [{text(self.path)}]")
        made.execute("SET enable_external_access = false")
        made.execute("SET lock_configuration = true")
        columns = {name: self._plan.table.columns[name] for name in self._plan.needed}
        made.execute(f"CREATE TABLE input ({fields(columns or {'no column': 'BOOLEAN'})})")
        made.execute("CREATE SEQUENCE met")
        made.execute("CREATE TABLE parts (key VARCHAR, value VARCHAR)")
        return made

    def run(self, command: str) -> list[Any]:
        """Carry out a command, and give its rows. JobError where DuckDB cannot."""
        try:
            return self._connection.execute(command).fetchall()
        except duckdb.Error as error:
            raise JobError(f"DuckDB: {first_line(error)}") from error

    # ------------------------------------------------------------------------------------ rows in

    def add_lines(self, block: bytes) -> None:
        """Put whole lines into the file."""
        os.pwrite(self._file, block, self._size)
        self._size += len(block)

    @property
    def size(self) -> int:
        """Bytes of the lines in the file."""
        return self._size

    def take_lines(self) -> int:
        """Take the lines of the file; how many rows they are, bad ones too."""
        if not self._size:
            return 0
        os.ftruncate(self._file, self._size)
        rows = self._take_clean() if self._is_clean else None
        if rows is None:
            self._is_clean = False  # bad rows seldom come alone
            rows = self._take_with_faults()
        self._size = 0
        self._keep()
        return rows

    def write(self, content: bytes, at: int = 0, size: int | None = None) -> None:
        """Put bytes into the file, which has `size` bytes then."""
        os.ftruncate(self._file, len(content) if size is None else size)
        os.pwrite(self._file, content, at)

    def _take_clean(self) -> int | None:
        """Take all rows of the file; None where one of them is bad."""
        source, values = reading.clean(self._plan, self.path)
        try:
            return self._insert(f"FROM (SELECT {values} FROM {source})")
        except JobError:
            return None

    def _insert(self, source: str) -> int:
        """Keep what is asked of a source's rows; how many these are. JobError."""
        before = self.run("SELECT nextval('met')")[0][0]
        kept = self.run(f"INSERT INTO rows {self._asked(source)}")[0][0]
        met = self.run("SELECT nextval('met')")[0][0] - before - 1
        return int(met if self._plan.where else kept)

    def _asked(self, source: str) -> str:
        """A query of what is asked of a source's rows: groups are g0, g1, ..., arguments x0, x1,
        ... Those that a condition leaves out are counted on the way, by the sequence `met`.
        """
        plan = self._plan
        chosen = [f"{one} AS g{number}" for number, one in enumerate(plan.groups)]
        chosen += [f"{one} AS x{number}" for number, one in enumerate(plan.arguments)]
        if plan.where:
            met = f"CASE WHEN nextval('met') > 0 THEN {plan.where} END AS {MET}"
            source = f"FROM (SELECT *, {met} {source}) WHERE {MET}"
        return f"SELECT {', '.join(chosen) or 'NULL AS nothing'} {source}"

    def _take_with_faults(self) -> int:
        """Take the rows that can be read, and count the others by kind of fault."""
        if self._plan.table.ragged:
            piece = os.pread(self._file, self._size, 0)
            if reading.needs_cut(self._plan.table, piece):
                self.write(reading.cut(piece, self._plan.table))
        self.run("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
        self.run(f"CREATE OR REPLACE TEMP TABLE raw AS {reading.raw(self._plan, self.path)}")
        values = reading.values_of_raw(self._plan)
        good = self._insert(f"FROM (SELECT {values} FROM raw WHERE {reading.FAULT} IS NULL)")
        faults = self.run(reading.faults(self._plan.table))
        for kind, row, count in faults:
            self._counts.add_fault(str(row).encode(), ValueError(kind), count)
        return good + sum(count for _, _, count in faults)

    def _keep(self) -> None:
        used = self.run("SELECT sum(memory_usage_bytes) FROM duckdb_memory()")[0][0]
        if used > self._most_bytes:
            self._put_by()

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
        if own:
            self._insert(f"FROM ({self._rows_of(own)})")
            self._keep()
        return sum(group.rows for group in own)

    def _rows_of(self, own: list[reading.RowGroup]) -> str:
        first, end = own[0].first, own[-1].first + own[-1].rows
        columns = ", ".join(map(quoted, self._plan.needed)) or "NULL"
        return (
            f"SELECT {columns} FROM read_parquet({text(self.path)}, file_row_number = true) "
            f"WHERE file_row_number BETWEEN {first} AND {end - 1}"
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

    def pairs(self) -> Written:
        """The groups of all rows, and their partial aggregates. JobError."""
        if not self.run("SELECT count(*) FROM parts")[0][0]:
            return Written(list(self._written(self._aggregated())))
        self._put_by()
        self.run(
            "CREATE OR REPLACE TABLE found AS SELECT key, string_agg(value, ',') AS value, "
            "count(*) AS count FROM parts GROUP BY key"
        )
        return Written([*self._written("found WHERE count = 1"), *self._merged()])

    def _put_by(self) -> None:
        """Aggregate the rows at hand, and drop them."""
        self.run(f"INSERT INTO parts SELECT key, value FROM {self._aggregated()}")
        self.run("TRUNCATE rows; TRUNCATE found")

    def _aggregated(self) -> str:
        """A source of key and value of each group of the rows at hand, as JSON."""
        columns = self._columns()
        names = [[f"p{one}_{at}" for at in range(len(it.sql))] for one, it in enumerate(columns)]
        groups = [f"g{number}" for number in range(len(self._plan.groups))]
        chosen = [
            f"{made} AS {name}"
            for part, own in zip(columns, names, strict=True)
            for made, name in zip(part.sql, own, strict=True)
        ]
        by = f"GROUP BY {', '.join(groups)}" if groups else ""
        query = f"SELECT {', '.join([*groups, *chosen])} FROM rows {by}"
        self.run(f"CREATE OR REPLACE TABLE found AS {query}")
        self._check_sets(names)
        texts = ", ".join(f"CAST({one} AS VARCHAR)" for one in groups)
        parts = [part.json.format(*own) for part, own in zip(columns, names, strict=True)]
        value = ", ',', ".join(f"coalesce({one}, 'null')" for one in parts) or "''"
        key = f"CAST(json_array({texts}) AS VARCHAR)"
        return f"(SELECT rowid, {key} AS key, concat('[', {value}, ']') AS value FROM found)"

    def _check_sets(self, names: list[list[str]]) -> None:
        """JobError where a group has too many different values."""
        sets = [
            f"max(len({name}))"
            for part, (name, *_) in zip(self._plan.parts, names, strict=True)
            if part.kind == "distinct"
        ]
        for size in self.run(f"SELECT {', '.join(sets)} FROM found")[0] if sets else ():
            partials.check_set(size or 0)

    def _written(self, source: str) -> Iterator[bytes]:
        """The pairs of a source, in chunks (jobs/written.py)."""
        member = "concat(key, chr(10), CAST(to_json(key) AS VARCHAR), ':', value)"
        for (chunk,) in self.run(
            f"SELECT string_agg({member}, chr(10)) FROM {source} GROUP BY rowid // {CHUNK_PAIRS}"
        ):
            yield chunk.encode()

    def _merged(self) -> Iterator[bytes]:
        """The pairs of the groups that were aggregated more than once."""
        merges = [partials.merge_of(part.kind) for part in self._plan.parts]

        def add(a: list[Any], b: list[Any]) -> list[Any]:
            return [merge(x, y) for merge, x, y in zip(merges, a, b, strict=True)]

        for key, values in self.run("SELECT key, value FROM found WHERE count > 1"):
            value = functools.reduce(add, json.loads(f"[{values}]"))
            yield f"{key}\n{json.dumps(key)}:{json.dumps(value)}".encode()

    def _columns(self) -> list[Columns]:
        """The columns of each part; an exact sum's follow from the numbers that are there."""
        exact = [number for number, part in enumerate(self._plan.parts) if is_exact(part)]
        reaches = [reach(self._plan.parts[number]) for number in exact]
        row = self.run(f"SELECT {', '.join(reaches)} FROM rows")[0] if exact else ()
        bins = {number: bins_of(*row[3 * at : 3 * at + 3]) for at, number in enumerate(exact)}
        return [
            columns_of(part, bins.get(number, ())) for number, part in enumerate(self._plan.parts)
        ]


def first_line(error: Exception) -> str:
    """What DuckDB says, without the place and the hints behind it."""
    return brief(str(error).partition("\n")[0])[1:-1]
