"""`--sql` against DuckDB over the same files: planned, mapped in pieces, merged, finished.

In-process, without an emulator: objects lie in a dict that answers as S3 does.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import gzip
import io
import itertools
import json
import math
import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

import mapper
from asking import division, finishing, sampling
from aws.s3objects import S3Object
from jobs import loading
from jobs.query.plan import Table
from shuffle import pairs
from state.tasks import Input, MapperEvent, Range

COLUMNS = {
    "country": "VARCHAR",
    "amount": "DOUBLE",
    "n": "BIGINT",
    "day": "DATE",
    "price": "DECIMAL(12,2)",
    "ok": "BOOLEAN",
    "moment": "TIMESTAMP",
    "big": "HUGEINT",
}
QUERIES = [
    "SELECT count(*) FROM input",
    "SELECT count(*) AS c, count(amount), count(country), count(ok) FROM input",
    "SELECT country, count(*) FROM input GROUP BY country",
    "SELECT country, count(*) FROM input GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3",
    "SELECT country c, sum(amount) s FROM input GROUP BY c ORDER BY s DESC NULLS LAST, c LIMIT 5",
    "SELECT country, count(*), avg(amount) FROM input WHERE amount > 100 GROUP BY country "
    "ORDER BY 2, 1",
    "SELECT sum(n), avg(n), min(n), max(n) FROM input",
    "SELECT sum(amount), avg(amount), min(amount), max(amount) FROM input",
    "SELECT sum(price), avg(price), min(price), max(price) FROM input",
    "SELECT sum(big), min(big), max(big) FROM input",
    "SELECT min(day), max(day), min(moment), max(moment) FROM input",
    "SELECT min(country), max(country), min(ok), max(ok) FROM input",
    "SELECT country, stddev(amount), variance(n), var_pop(n), stddev_pop(price) FROM input "
    "GROUP BY 1",
    "SELECT stddev_samp(n), var_samp(amount) FROM input WHERE n < 5",
    "SELECT count(DISTINCT country), count(DISTINCT n), count(DISTINCT day) FROM input",
    "SELECT ok, count(DISTINCT country) FROM input GROUP BY ok",
    "SELECT count(DISTINCT amount), count(DISTINCT price), count(DISTINCT ok) FROM input",
    "SELECT bool_and(ok), bool_or(ok), count_if(ok) FROM input",
    "SELECT country, bool_or(n > 50) FROM input GROUP BY country HAVING bool_or(n > 50)",
    "SELECT count(*) FILTER (WHERE n > 10), sum(n) FILTER (WHERE ok) FROM input",
    "SELECT country, avg(amount) FILTER (WHERE ok) FROM input GROUP BY country",
    "SELECT CASE WHEN n < 50 THEN 'low' WHEN n < 80 THEN 'mid' ELSE 'high' END k, count(*) "
    "FROM input GROUP BY k",
    "SELECT sum(CASE WHEN ok THEN n ELSE 0 END) FROM input",
    "SELECT sum(n * 2 + 1), sum(amount / 4), avg(n % 7) FROM input",
    "SELECT max(n) - min(n) AS spread, sum(n) / count(n) FROM input",
    "SELECT country, sum(amount) / sum(n) FROM input GROUP BY country HAVING sum(n) > 0",
    "SELECT round(avg(amount), 2) FROM input",
    "SELECT country, max(n) FROM input WHERE country LIKE 'd%' OR country ILIKE '%S' GROUP "
    "BY country",
    "SELECT count(*) FROM input WHERE country NOT LIKE '%e%'",
    "SELECT count(*) FROM input WHERE country IN ('de', 'us') AND n BETWEEN 10 AND 60",
    "SELECT count(*) FROM input WHERE amount IS NULL OR country IS NULL",
    "SELECT coalesce(country, 'none') c, count(*) FROM input GROUP BY c",
    "SELECT upper(country) u, length(country) l, count(*) FROM input GROUP BY u, l",
    "SELECT substr(country, 1, 1) s, sum(n) FROM input GROUP BY ALL",
    "SELECT year(day) y, month(day) m, count(*) FROM input GROUP BY y, m ORDER BY y, m",
    "SELECT date_trunc('month', day) m, sum(n) FROM input GROUP BY m ORDER BY m",
    "SELECT extract(dow FROM day) d, count(*) FROM input GROUP BY 1",
    "SELECT count(*) FROM input WHERE day >= DATE '2021-06-01' AND moment < TIMESTAMP "
    "'2023-01-01 12:00:00'",
    "SELECT day, count(*) FROM input GROUP BY day ORDER BY day LIMIT 7 OFFSET 2",
    "SELECT moment, n FROM input WHERE n > 90 ORDER BY moment, n LIMIT 10",
    "SELECT hour(moment) h, max(moment) FROM input GROUP BY h",
    "SELECT amount, count(*) FROM input GROUP BY amount",
    "SELECT price, count(*) FROM input GROUP BY price",
    "SELECT big, ok, count(*) FROM input GROUP BY big, ok",
    "SELECT DISTINCT country FROM input",
    "SELECT DISTINCT country, ok FROM input ORDER BY country, ok",
    "SELECT DISTINCT upper(country) FROM input ORDER BY 1 LIMIT 2",
    "SELECT country, n FROM input WHERE n > 80",
    "SELECT * FROM input WHERE n = 42",
    "SELECT n, n * 2 AS twice, country || '!' FROM input WHERE n < 20 ORDER BY n, 3",
    "SELECT country FROM input ORDER BY n DESC, amount, country LIMIT 4",
    "SELECT n FROM input ORDER BY n LIMIT 5",
    "SELECT t.country, sum(t.n) FROM sales AS t GROUP BY t.country",
    "SELECT country, count(*) FROM input GROUP BY country HAVING count(*) > 3 ORDER BY "
    "count(*) DESC, country",
    "SELECT country, sum(n) FROM input GROUP BY country HAVING country IS NOT NULL AND avg(n) > 40",
    "SELECT sum(amount) + sum(n), sum(price) * 2 FROM input",
    "SELECT count(*), sum(n) FROM input WHERE n > 1000000",
    "SELECT country, sum(n) FROM input WHERE n > 1000000 GROUP BY country",
    "SELECT ok, sum(ok) FROM input GROUP BY ok",
    "SELECT count(1), count(NULL) FROM input",
    "SELECT abs(amount) > 50 AS large, count(*), min(amount) FROM input GROUP BY large",
    "SELECT nullif(country, 'de') c, avg(price) FROM input GROUP BY c",
    "SELECT concat(country, '-', ok) k, count(*) FROM input GROUP BY k",
    "SELECT trim(country) = 'de' AS is_de, mean(n) FROM input GROUP BY is_de",
    "SELECT 1 AS one, sum(n) FROM input GROUP BY one",
    "SELECT country FROM input GROUP BY country",
    "SELECT greatest(n, 50) g, count(*) FROM input GROUP BY g ORDER BY g DESC",
    "SELECT cast(amount AS INTEGER) i, count(*) FROM input WHERE abs(amount) < 1e9 GROUP BY i",
    "SELECT n // 10 AS tens, count(*), sum(amount) FROM input GROUP BY tens",
    "SELECT count(), count() FILTER (WHERE n > 5) FROM input",
    "SELECT country, n FROM input WHERE n > 70 ORDER BY ALL DESC NULLS LAST LIMIT 9",
    "SELECT sum(n) FROM input GROUP BY ()",
    "SELECT 'x', 2 FROM input GROUP BY 1, 2",
    "SELECT 1 AS one, count(*) FROM input WHERE n > 1000000 GROUP BY one",
    "SELECT -n AS n, n AS country FROM input WHERE n > 90 ORDER BY n, 2",
    "SELECT country, sum(n) AS s FROM input GROUP BY country HAVING s > 3 ORDER BY abs(s - 4), 1",
    "SELECT count(*) FROM input LIMIT 0",
    "SELECT 1 FROM input HAVING count(*) > 1",
    "SELECT n AS \"select\", n AS \"select\" FROM input WHERE n > 80 ORDER BY \"select\"",
    "SELECT day + INTERVAL 1 MONTH AS m, count(*) FROM input GROUP BY m ORDER BY m LIMIT 5",
]  # fmt: skip
COUNTRIES = ["de", "us", "fr", "a,b", 'say "hi"', " x ", "größe", None]


def made_rows(seed: int, count: int) -> list[dict[str, Any]]:
    chance = random.Random(seed)

    def row() -> dict[str, Any]:
        day = datetime.date(2020, 1, 1) + datetime.timedelta(days=chance.randrange(1500))
        moment = datetime.datetime(2020, 1, 1) + datetime.timedelta(seconds=chance.randrange(10**8))
        values = {
            "country": chance.choice(COUNTRIES),
            "amount": chance.choice([0.1, 0.2, -3.5, 1e-12, 1e15, 123.456]) * chance.randrange(50),
            "n": chance.randrange(100),
            "day": day.isoformat(),
            "price": f"{chance.randrange(100_000) / 100:.2f}",
            "ok": chance.random() < 0.5,
            "moment": str(moment),
            "big": chance.randrange(10**20),
        }
        return {k: None if chance.random() < 0.07 else v for k, v in values.items()}

    return [row() for _ in range(count)]


class Shelf:
    """Objects in a dict, read as S3 gives them."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects
        self.read = 0

    def get_object(self, Bucket: str, Key: str, Range: str = "", **_: Any) -> dict[str, Any]:  # noqa: N803
        body = self.objects[Key]
        first, _, last = Range.removeprefix("bytes=").partition("-")
        start = int(first) if first else max(0, len(body) - int(last)) if last else 0
        end = int(last) + 1 if first and last else len(body)
        part = body[start:end]
        self.read += len(part)
        where = f"bytes {start}-{start + len(part) - 1}/{len(body)}"
        return {"Body": Stream(part), "ETag": '"1"', "ContentRange": where}

    @functools.cache  # noqa: B019 - it goes with the test
    def table(self, schema: str) -> Table:
        """What a sample of the objects tells."""
        return sampling.look(
            self, listed(self), lambda item: Input("b", item.key, None, item.etag), schema
        )


class Stream(io.BytesIO):
    def iter_chunks(self, size: int) -> Iterable[bytes]:
        return iter(lambda: self.read(size), b"")


@dataclasses.dataclass(frozen=True)
class OneRun:
    """A run that nobody ends."""

    s3: Shelf

    def check(self) -> None:
        """It goes on."""


def listed(shelf: Shelf) -> list[S3Object]:
    return [S3Object(key, len(body), '"1"') for key, body in sorted(shelf.objects.items())]


def events(shelf: Shelf, cuts: int) -> list[MapperEvent]:
    """Two mappers an object that can be cut, one for others."""
    made = []
    for item in listed(shelf):
        if not item.size:
            continue
        parts: list[Range | None] = [None]
        if cuts > 1 and not item.key.endswith(".gz"):
            places = [item.size * one // cuts for one in range(cuts + 1)]
            parts = [Range(a, b, '"1"') for a, b in itertools.pairwise(places) if a < b]
        made += [MapperEvent("b", [item.key], [part], "jobs", "j", 1) for part in parts]
    return made


def ask(shelf: Shelf, query: str, schema: str = "", cuts: int = 2) -> list[tuple[Any, ...]]:
    """A question's answer, the way a run gives it."""
    plan, finish = division.divide(query, shelf.table(schema))
    job = loading.load("sql", {"PLAN": plan.to_text(), "QUERY": query})
    merged: dict[str, Any] = {}
    for event in events(shelf, cuts):
        fed = mapper.feed(OneRun(shelf), event, job)
        assert job.counts(fed.accumulator)[1] == 0, job.counts(fed.accumulator)
        body, _ = pairs.as_output(job, job.pairs(fed.accumulator))
        job.merge(merged, pairs.parse_output(body, "output"))
    with finishing.finished(finish, merged.items()) as answer:
        return list(answer.rows())


def written_csv(rows: Sequence[dict[str, Any]], delimiter: str = ",", header: bool = True) -> bytes:
    def cell(value: Any) -> str:
        if value is None:
            return ""
        text = str(value).lower() if isinstance(value, bool) else str(value)
        special = delimiter in text or '"' in text or text != text.strip()
        return '"' + text.replace('"', '""') + '"' if special else text

    lines = [delimiter.join(COLUMNS)] if header else []
    lines += [delimiter.join(cell(row[name]) for name in COLUMNS) for row in rows]
    return "".join(f"{line}\n" for line in lines).encode()


def written_json(rows: Sequence[dict[str, Any]]) -> bytes:
    """A member that has no value is left out, or null."""
    kept = ({k: v for k, v in row.items() if v is not None or k != "n"} for row in rows)
    return "".join(json.dumps(row) + "\n" for row in kept).encode()


def written_parquet(rows: Sequence[dict[str, Any]], folder: Path) -> bytes:
    """Row groups of 2,048 rows, which is as few as DuckDB writes."""
    source, target = folder / "rows.json", folder / "rows.parquet"
    source.write_bytes(written_json(rows))
    columns = ", ".join(f"{name}: '{kind}'" for name, kind in COLUMNS.items())
    duckdb.connect().execute(
        f"COPY (SELECT * REPLACE (CAST(big AS DECIMAL(38,0)) AS big) FROM read_json('{source}', "
        f"format = 'newline_delimited', columns = {{{columns}}})) TO '{target}' "
        "(FORMAT parquet, ROW_GROUP_SIZE 2048)"
    )
    return target.read_bytes()


SCHEMA = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
COLUMNS_SQL = "{" + ", ".join(f"{name}: '{kind}'" for name, kind in COLUMNS.items()) + "}"
ROWS = made_rows(1, 300), made_rows(2, 200)
MANY = made_rows(3, 5_000)
SHAPES: dict[str, Callable[[Path], tuple[dict[str, bytes], str]]] = {
    "csv with a header and quotes, and an empty object": lambda _: (
        {"a.csv": written_csv(ROWS[0]), "b.csv": written_csv(ROWS[1]), "c.csv": b""},
        f"read_csv(FILES, header = true, delim = ',', columns = {COLUMNS_SQL})",
    ),
    "csv without a header, delimited by ;": lambda _: (
        {"a": written_csv(ROWS[0], ";", False), "b": written_csv(ROWS[1], ";", False)},
        f"read_csv(FILES, header = false, delim = ';', columns = {COLUMNS_SQL})",
    ),
    "packed csv": lambda _: (
        {f"{n}.csv.gz": gzip.compress(written_csv(rows, "\t")) for n, rows in enumerate(ROWS)},
        f"read_csv(FILES, header = true, delim = '\t', columns = {COLUMNS_SQL})",
    ),
    "json lines": lambda _: (
        {"a.jsonl": written_json(ROWS[0]), "b.jsonl": written_json(ROWS[1]), "c.jsonl": b""},
        f"read_json(FILES, format = 'newline_delimited', columns = {COLUMNS_SQL})",
    ),
    "parquet": lambda folder: (
        {"a.parquet": written_parquet(MANY, folder), "b.parquet": written_parquet(ROWS[0], folder)},
        "read_parquet(FILES)",
    ),
}
"""Objects, and how DuckDB reads the same as files."""


CASES = [
    (shape, query, cuts)
    for place, shape in enumerate(SHAPES)
    for number, query in enumerate(QUERIES)
    for cuts in [1 + (number % 4 == 0)]
    if place in (0, 4) or number % 3 == place % 3
]
"""Two shapes are asked everything, the others a third of it; a quarter in more pieces."""


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """Gives a shape's objects, DuckDB with the same as the tables `input` and `sales`, and the
    schema.
    """

    @functools.cache
    def open_shape(shape: str) -> tuple[Shelf, duckdb.DuckDBPyConnection, str]:
        folder = tmp_path_factory.mktemp("shape")
        objects, source = SHAPES[shape](folder)
        for name, body in objects.items():
            (folder / name).write_bytes(body)
        names = [str(folder / name) for name, body in objects.items() if body]
        direct, connection = source.replace("FILES", str(names)), duckdb.connect()
        connection.execute(f"CREATE TABLE input AS SELECT * FROM {direct}")
        connection.execute("CREATE VIEW sales AS FROM input")
        return Shelf(objects), connection, "" if shape == "parquet" else SCHEMA

    return open_shape


def same(ours: Any, theirs: Any) -> bool:
    """Whether two values are the same; floats to 1e-11 of themselves."""
    if isinstance(ours, float) and isinstance(theirs, float):
        both_nan = math.isnan(ours) and math.isnan(theirs)
        return both_nan or math.isclose(ours, theirs, rel_tol=1e-11, abs_tol=1e-15)
    return type(ours) is type(theirs) and ours == theirs


def assert_same_rows(ours: list[Any], theirs: list[Any], in_order: bool) -> None:
    if not in_order:
        ours, theirs = sorted(ours, key=rank), sorted(theirs, key=rank)
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert all(map(same, one, other)), (one, other)


def rank(row: Sequence[Any]) -> list[str]:
    return [f"{value + 0.0:.9e}" if isinstance(value, float) else str(value) for value in row]


@pytest.mark.parametrize(("shape", "query", "cuts"), CASES)
def test_the_answer_is_duckdbs_own(opened, shape: str, query: str, cuts: int) -> None:
    shelf, connection, schema = opened(shape)
    theirs = connection.execute(query).fetchall()
    assert_same_rows(ask(shelf, query, schema, cuts), theirs, "ORDER BY" in query)


def test_there_are_sixty_queries_and_five_shapes() -> None:
    assert len(set(QUERIES)) >= 60
    assert len(SHAPES) >= 5
