"""`--sql` about tables and with questions that Hypothesis makes, against DuckDB's own answers.

Names and texts with quotes, delimiters and letters of other languages, nulls, empty files; CSV,
JSON lines and Parquet; cut among mappers and into blocks anywhere, and merged in any order.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import functools
import itertools
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from asking import division, finishing
from inputs.ranged import Ranged
from jobs import loading, sql
from jobs.base import Job
from jobs.feeding import Feeder
from jobs.query import engine
from jobs.query.plan import fields, quoted, struct, text
from shuffle import pairs
from state.tasks import Input, Range
from tests.unit.test_sql_exact import Shelf, assert_same_rows

EXAMPLES = 25 if settings.default.max_examples <= 100 else 500
LETTERS = "abcXYZ019 ,;|\t\"'\\%_äß€語😀#-."
DAY, MOMENT = datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 1)
DATES = st.dates(DAY, datetime.date(2022, 12, 31)).map(str)
MOMENTS = st.datetimes(MOMENT, datetime.datetime(2022, 12, 31)).map(str)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "BIGINT": st.integers(-(10**6), 10**6) | st.integers(-3, 3),
    "INTEGER": st.integers(-(2**31), 2**31 - 1) | st.integers(-3, 3),
    "HUGEINT": st.integers(-(10**20), 10**20),
    "DOUBLE": st.integers(-(10**7), 10**7).map(lambda one: one / 8),
    "DECIMAL(12,2)": st.decimals(-(10**9), 10**9, places=2),
    "VARCHAR": st.text(LETTERS, min_size=1, max_size=6),
    "BOOLEAN": st.booleans(),
    "DATE": DATES,
    "TIMESTAMP": MOMENTS,
}
"""Floats are eighths, whose sums DuckDB does not round."""
NAMES = ["n", "N2", "order", "count", "a b", "größe", 'quo"te', "g0", "x0", "met", "input", "a.b"]
OF_NUMBERS = ["{x} % 3", "abs({x})", "coalesce({x}, 0)", "CASE WHEN {x} > 2 THEN {x} ELSE 0 END"]
SCALARS = {
    "BIGINT": [*OF_NUMBERS, "{x} * 2 + 1", "{x} // 10"],
    "INTEGER": OF_NUMBERS,
    "HUGEINT": ["{x} % 3", "-{x}"],
    "DOUBLE": ["round({x})", "{x} / 4", "abs({x})", "CAST({x} AS BIGINT)"],
    "DECIMAL(12,2)": ["{x} * 2", "coalesce({x}, 0)", "round({x}, 1)"],
    "VARCHAR": ["upper({x})", "length({x})", "substr({x}, 1, 2)", "{x} || '!'", "{x} LIKE '%a%'"],
    "BOOLEAN": ["NOT {x}", "coalesce({x}, FALSE)"],
    "DATE": ["year({x})", "date_trunc('month', {x})", "extract(dow FROM {x})", "{x} + 1"],
    "TIMESTAMP": ["hour({x})", "CAST({x} AS DATE)"],
}
ANY_SCALARS = ["{x}", "{x}", "{x} IS NULL", "({x})", "CASE WHEN {x} IS NULL THEN 1 END"]
ANY_AGGREGATES = ["count({x})", "min({x})", "max({x})", "count(DISTINCT {x})"]
NUMBERS = ("BIGINT", "INTEGER", "HUGEINT", "DOUBLE", "DECIMAL(12,2)")
OF_ALL_NUMBERS = ["sum({x})", "avg({x})", "sum({x}) + 1", "max({x}) - min({x})", "stddev({x})"]
AGGREGATES = {kind: [*ANY_AGGREGATES, *OF_ALL_NUMBERS] for kind in NUMBERS}
AGGREGATES["BOOLEAN"] = [*ANY_AGGREGATES, "bool_and({x})", "count_if({x})", "sum({x})"]
CONDITIONS = {kind: ["{x} > 0", "{x} BETWEEN -1 AND 100000", "NOT {x} < 0"] for kind in NUMBERS}
CONDITIONS |= {
    "VARCHAR": ["{x} LIKE '%a%'", "{x} > 'X'", "{x} NOT IN ('a', 'b')", "length({x}) > 1"],
    "BOOLEAN": ["{x}", "NOT {x}"],
    "DATE": ["{x} >= DATE '2021-02-03'", "year({x}) = 2021"],
    "TIMESTAMP": ["{x} < TIMESTAMP '2021-06-01 12:00:00'"],
}


@dataclasses.dataclass(frozen=True)
class World:
    """A table in some objects, and how DuckDB reads it."""

    form: str
    columns: dict[str, str]
    files: list[list[dict[str, Any]]]
    delimiter: str = ","
    header: bool = True

    @property
    def schema(self) -> str:
        return "" if self.form == "parquet" else fields(self.columns)

    @functools.cached_property
    def objects(self) -> dict[str, bytes]:
        suffix = {"csv": "", "json": ".jsonl", "parquet": ".parquet"}[self.form]
        return {f"{at}{suffix}": self._body(rows) for at, rows in enumerate(self.files)}

    def _body(self, rows: Sequence[dict[str, Any]]) -> bytes:
        if self.form == "json":
            whole = ({name: row[name] for name in self.columns} for row in rows)
            return "".join(json.dumps(row, default=as_number) + "\n" for row in whole).encode()
        if self.form == "csv":
            head = [self.delimiter.join(map(self._cell, self.columns))] if self.header else []
            lines = [
                self.delimiter.join(self._cell(row[name]) for name in self.columns) for row in rows
            ]
            return "".join(f"{line}\n" for line in head + lines).encode() if rows else b""
        with tempfile.TemporaryDirectory() as folder:
            connection = duckdb.connect()
            connection.execute(f"CREATE TABLE t ({fields(self.columns)})")
            marks = ", ".join("?" * len(self.columns))
            for row in rows:
                connection.execute(
                    f"INSERT INTO t VALUES ({marks})", [row[name] for name in self.columns]
                )
            connection.execute(f"COPY t TO '{folder}/x' (FORMAT parquet)")
            return Path(folder, "x").read_bytes()

    def _cell(self, value: Any) -> str:
        if value is None:
            return ""
        written = str(value).lower() if isinstance(value, bool) else str(value)
        special = set(written) & {self.delimiter, '"', "'", " ", "\\", "#"}
        return '"' + written.replace('"', '""') + '"' if special else written

    def direct(self, folder: Path) -> duckdb.DuckDBPyConnection:
        """DuckDB, with the same files as the table `input`."""
        paths = []
        for name, body in self.objects.items():
            (folder / name).write_bytes(body)
            paths += [str(folder / name)] if body else []
        connection, listed = duckdb.connect(), "[" + ", ".join(map(text, paths)) + "]"
        more = "" if self.form == "parquet" else f", columns = {struct(self.columns)}"
        if self.form == "csv":
            more += f", header = {self.header}, delim = {text(self.delimiter)}, quote = '\"'"
            more += ", escape = '\"', auto_detect = false"
        source = f"read_{self.form}({listed}{more})" if paths else "empty"
        connection.execute(f"CREATE TABLE empty ({fields(self.columns)})")
        connection.execute(f"CREATE TABLE input AS FROM {source}")
        return connection


def as_number(value: Any) -> Any:
    if isinstance(value, decimal.Decimal):
        return float(value)
    raise TypeError(value)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    form = draw(st.sampled_from(["csv", "csv", "json", "parquet"]))
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=4, unique_by=str.lower))
    kinds = st.sampled_from([kind for kind in VALUES if (form, kind) != ("parquet", "HUGEINT")])
    columns = {name: draw(kinds) for name in names}
    # A column of its own for each row, so that no line is blank: that is no row.
    columns["row"] = "BIGINT"
    row = st.fixed_dictionaries({name: st.none() | VALUES[kind] for name, kind in columns.items()})
    files = draw(st.lists(st.lists(row, max_size=8), min_size=1, max_size=3))
    for number, one in enumerate(one for rows in files for one in rows):
        one["row"] = number
    if not any(files):
        files[0] = [dict.fromkeys(columns) | {"row": 0}]
    return World(form, columns, files, draw(st.sampled_from(",;|\t")), draw(st.booleans()))


@st.composite
def questions(draw: st.DrawFn, columns: dict[str, str]) -> tuple[str, bool]:
    """A question, and whether its answer has one order only."""
    of_column = st.sampled_from(sorted(columns.items()))

    def made(some: dict[str, list[str]], always: list[str]) -> str:
        name, kind = draw(of_column)
        form = draw(st.sampled_from([*some.get(kind, []), *always]))
        return form.format(x=quoted(name))

    condition = draw(st.sampled_from(["", "", "{}", "NOT ({})", "({}) OR ({})", "({}) AND ({})"]))
    where = [made(CONDITIONS, ["{x} IS NOT NULL"]) for _ in range(condition.count("{}"))]
    tail = f" WHERE {condition.format(*where)}" if where else ""
    groups = [made(SCALARS, ANY_SCALARS) for _ in range(draw(st.integers(0, 2)))]
    parts = list(groups)
    if draw(st.integers(0, 3)):
        for _ in range(draw(st.integers(0 if groups else 1, 3))):
            one = made(AGGREGATES, ANY_AGGREGATES)
            is_plain = one.count("(") == 1 and one.endswith(")") and draw(st.booleans())
            filtered = f" FILTER (WHERE {made(CONDITIONS, ['{x} IS NULL'])})" if is_plain else ""
            parts.append(one + filtered)
        parts += ["count(*)"] * draw(st.integers(0, 1))
        if groups:
            names = draw(st.sampled_from(["ALL", ", ".join(map(str, range(1, 1 + len(groups))))]))
            tail += f" GROUP BY {names}"
        tail += draw(st.sampled_from(["", "", " HAVING count(*) > 1"]))
        start = "SELECT"
    else:
        parts = parts or ["*"]
        start = draw(st.sampled_from(["SELECT", "SELECT DISTINCT"]))
    is_ordered = not any("stddev" in one for one in parts) and "*" not in parts
    if is_ordered and draw(st.booleans()):
        ways = st.sampled_from(["", " DESC", " NULLS FIRST", " DESC NULLS LAST"])
        tail += " ORDER BY " + ", ".join(f"{at + 1}{draw(ways)}" for at in range(len(parts)))
        tail += draw(st.sampled_from(["", " LIMIT 3", " LIMIT 0", " LIMIT 2 OFFSET 1"]))
    else:
        is_ordered = False
    for at, one in enumerate(parts):
        if is_ordered and draw(st.integers(0, 4)) == 0:
            parts[at] = f"{one} AS {quoted(draw(st.sampled_from(['s', 'n', 'T'])))}"
    return f"{start} {', '.join(parts)} FROM input{tail}", is_ordered


def mapped(draw: st.DrawFn, job: Job, world: World, table: Any) -> list[dict[str, Any]]:
    """The outputs of some mappers, each of which reads some parts of objects."""
    shelf = Shelf(world.objects)
    parts = []
    for key, body in world.objects.items():
        cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=2)))
        edges = [0, *(cuts if body else []), len(body)]
        parts += [(key, *edge) for edge in itertools.pairwise(edges) if edge[0] < edge[1]]
    outputs = []
    while parts:
        mine, parts = parts[: (count := draw(st.integers(1, 4)))], parts[count:]
        fed = Feeder(job)
        for key, start, end in mine:
            if fed.takes_objects:
                source = Input("b", key, Range(start, end, '"1"'), '"1"')
                fed.take_object(Ranged(shelf, source))
                continue
            lines = world.objects[key].splitlines(keepends=True)
            places = [sum(map(len, lines[:at])) for at in range(len(lines))]
            own = [one for at, one in zip(places, lines, strict=True) if start <= at < end]
            size = draw(st.integers(1, 5))
            blocks = [b"".join(own[at : at + size]) for at in range(0, len(own), size)]
            fed.take(blocks, key, start == 0)
        assert job.counts(fed.accumulator)[1] == 0, job.counts(fed.accumulator)
        body, _ = pairs.as_output(job, job.pairs(fed.accumulator))
        outputs.append(pairs.parse_output(body, "output"))
    return outputs


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(world=worlds(), data=st.data())
def test_any_question_about_any_table_is_answered_as_by_duckdb(world: World, data) -> None:
    query, is_ordered = data.draw(questions(world.columns))
    note(f"{world.form}, {world.schema}: {query}")
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        theirs = world.direct(Path(folder)).execute(query).fetchall()
        patch.setattr(sql, "BATCH_BYTES", data.draw(st.sampled_from([1, 100, 1 << 24])))
        patch.setattr(engine, "ROWS_PART", data.draw(st.sampled_from([6, 1 << 30])))
        table = Shelf(world.objects).table(world.schema)
        plan, finish = division.divide(query, table)
        job = loading.load("sql", {"PLAN": plan.to_text(), "QUERY": query})
        outputs = mapped(data.draw, job, world, table)
        while len(outputs) > 1:
            one = outputs.pop(data.draw(st.integers(0, len(outputs) - 1)))
            job.merge(outputs[data.draw(st.integers(0, len(outputs) - 1))], one)
        with finishing.finished(finish, outputs[0].items()) as answer:
            assert_same_rows(list(answer.rows()), theirs, is_ordered)
