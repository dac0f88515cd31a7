"""Partial aggregates by themselves: exact sums, sketches, sets; and what is refused by name."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asking import division, parsing, sampling, writing
from aws import s3json
from errors import JobError, UsageError
from jobs import loading, sql
from jobs.query import aggregates, engine, partials, reading
from jobs.query.plan import Part, Plan, Table, read_plan
from tests.unit.test_sql_exact import Shelf, ask

FLOATS = st.floats(allow_nan=False, allow_infinity=False)


def partial(part: Part, source: str, bins: Sequence[Any] = ()) -> Any:
    """A partial aggregate, as DuckDB makes and writes it in a mapper."""
    columns = aggregates.columns_of(part, bins)
    chosen = ", ".join(f"{made} AS p{at}" for at, made in enumerate(columns.sql))
    written = columns.json.format(*(f"p{at}" for at in range(len(columns.sql))))
    query = f"SELECT coalesce({written}, 'null') FROM (SELECT {chosen} FROM {source})"
    (text,) = duckdb.connect().execute(query).fetchone()
    return json.loads(text, parse_constant=s3json.no_number)


def partial_sum(values: list[float]) -> partials.Sum:
    """The exact sum of some numbers."""
    part, rows = Part("exact", 0), ", ".join(f"('{one!r}'::DOUBLE)" for one in values)
    source = f"(VALUES {rows}) AS t(x0)"
    row = duckdb.connect().execute(f"SELECT {aggregates.reach(part)} FROM {source}").fetchone()
    return partial(part, source, aggregates.bins_of(*row))


@settings(max_examples=40, deadline=None)
@given(st.lists(FLOATS, min_size=2, max_size=12), st.data())
def test_a_sum_is_the_exact_one_rounded_once_however_it_is_cut(values, data) -> None:
    cut = data.draw(st.integers(1, len(values) - 1))
    both = partials.add_exact(partial_sum(values[:cut]), partial_sum(values[cut:]))
    true = sum(map(Fraction, values))
    try:
        expected = float(true)
    except OverflowError:
        expected = math.inf if true > 0 else -math.inf
    assert partials.rounded(both) == expected
    assert Fraction(*partials.ratio(both)) == true


@pytest.mark.parametrize(
    ("values", "total"),
    [
        ([math.inf, 1.0], math.inf),
        ([-math.inf, 1e300], -math.inf),
        ([5e-324, 1.7e308, -1.7e308], 5e-324),
        ([0.1] * 10, 1.0),
        ([0.0, -0.0], 0.0),
    ],
)
def test_sums_at_the_edges(values, total) -> None:
    assert partials.rounded(partial_sum(values)) == total


def test_infinities_of_both_signs_or_nan_make_nan() -> None:
    assert math.isnan(partials.rounded(partial_sum([math.inf, -math.inf])))
    assert math.isnan(partials.rounded(partial_sum([math.nan, 1.0])))
    apart = partials.add_exact(partial_sum([math.inf]), partial_sum([-math.inf]))
    assert math.isnan(partials.rounded(apart))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(), min_size=1, max_size=8))
def test_floats_are_written_as_python_reads_them(values) -> None:
    rows = ", ".join(f"('{one!r}'::DOUBLE)" for one in values)
    for kind, better in (("least", min), ("largest", max)):
        found = float(partial(Part(kind, 0), f"(VALUES {rows}) AS t(x0)"))
        true = better(values, key=lambda one: (one != one, one))
        assert found == true or (math.isnan(found) and math.isnan(true))


@pytest.mark.parametrize(
    ("kind", "value", "scale", "written"),
    [
        ("sum", "(-0.05)::DECIMAL(12,2)", 2, -5),
        ("max", "0.00::DECIMAL(12,2)", 2, 0),
        ("min", "'9999999999999999999999999999999999.9999'::DECIMAL(38,4)", 4, 10**38 - 1),
        ("sum", "170141183460469231731687303715884105727::HUGEINT", 0, 2**127 - 1),
        ("sum", "(-3)::BIGINT", 0, -3),
        ("min", "340282366920938463463374607431768211455::UHUGEINT", 0, 2**128 - 1),
        ("max", "'a\"b\\\nü'", 0, 'a"b\\\nü'),
        ("max", "TRUE", 0, True),
        ("max", "NULL::VARCHAR", 0, None),
        ("distinct", "'\"'", 0, ['"']),
        ("moments", "'inf'::DOUBLE", 0, [1, "inf", 0.0]),
    ],
)
def test_values_are_written_as_python_reads_them(kind, value, scale, written) -> None:
    assert partial(Part(kind, 0, scale), f"(SELECT {value} AS x0)") == written


@given(st.lists(st.integers(-1000, 1000), min_size=4, max_size=30), st.integers(1, 3))
def test_moments_combine_as_those_of_all_values(values, cut) -> None:
    def moments(some: list[int]) -> list[float]:
        return [len(some), statistics.fmean(some), statistics.pvariance(some) * len(some)]

    count, mean, squares = partials.add_moments(moments(values[:cut]), moments(values[cut:]))
    assert count == len(values)
    assert mean == pytest.approx(statistics.fmean(values), abs=1e-9)
    assert squares == pytest.approx(statistics.pvariance(values) * len(values), abs=1e-6)


@pytest.mark.parametrize("count", [0, 1, 100, 5_000, 200_000])
def test_a_sketch_is_near_the_truth_and_the_same_in_pieces(count: int) -> None:
    def sketch(first: int, end: int) -> list[int]:
        found = partial(Part("registers", 0), f"(SELECT range AS x0 FROM range({first}, {end}))")
        return found or []

    whole, half = sketch(0, count), count // 2
    assert partials.add_registers(sketch(0, half), sketch(half, count)) == whole
    assert partials.estimate(whole) == pytest.approx(count, rel=0.05)


def test_a_sketch_errs_as_theory_says() -> None:
    """1.04 / sqrt(registers), by Flajolet et al.: the root of the mean square of 40 sketches."""
    registers = aggregates.columns_of(Part("registers", 0))
    query = f"""SELECT {registers.json.format("p")} FROM (SELECT {registers.sql[0]} AS p
        FROM (SELECT range AS x0, range // 30000 AS g FROM range(1200000)) GROUP BY g)"""
    found = [json.loads(row[0]) for row in duckdb.connect().execute(query).fetchall()]
    errors = [partials.estimate(one) / 30_000 - 1 for one in found]
    theory = 1.04 / math.sqrt(1 << partials.REGISTER_BITS)
    assert len(errors) == 40
    assert 0.7 < math.sqrt(statistics.fmean(one**2 for one in errors)) / theory < 1.3


def test_a_field_of_a_struct_is_asked_for_and_a_whole_one_is_refused() -> None:
    rows = b'{"k": "a", "s": {"a": 1, "t": {"b": 2}}}\n{"k": "b", "s": {"a": 5, "t": null}}\n'
    shelf = Shelf({"a.jsonl": rows})
    found = ask(shelf, "SELECT s.a % 4, max(x.s.t.b), sum(s.a) FROM x WHERE s.a > 0 GROUP BY 1")
    assert found == [(1, 2, 6)]
    with pytest.raises(UsageError, match="which cannot be asked for or grouped by"):
        ask(shelf, "SELECT s FROM x")


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (b'[{"a": 1},\n {"a": 2}]\n', "the input is a JSON list, not an object a line"),
        (b'{"a": 1, "A": 2}\n', "two names like 'A', in small letters and capitals"),
    ],
)
def test_json_that_cannot_be_asked_is_refused(rows: bytes, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Shelf({"a.json": rows}).table("")
    assert Shelf({"a.json": b'{"a_1": 1, "A": 2}\n'}).table("").columns.keys() == {"a_1", "A"}


def test_moments_of_a_time_zone_are_shown() -> None:
    shelf = Shelf({"a": b"d\n2020-01-05\n"})
    ((shown, count),) = ask(
        shelf, "SELECT d::TIMESTAMPTZ, count(*) FROM input GROUP BY 1", "d DATE"
    )
    assert shown.startswith("2020-01-05 00:00:00") and count == 1


def test_too_many_different_values_end_the_job_with_what_helps() -> None:
    some = [str(number) for number in range(partials.MOST_DISTINCT)]
    with pytest.raises(JobError, match="ask for approx_count_distinct"):
        partials.add_distinct(some, ["more"])


@pytest.mark.parametrize("kind", partials.KINDS)
def test_no_value_yet_combines_with_anything(kind: str) -> None:
    merge = partials.merge_of(kind)
    assert merge(None, "x") == "x" and merge("x", None) == "x" and merge(None, None) is None


TABLE = Table("csv", {"country": "VARCHAR", "n": "BIGINT", "d": "DATE"}, {"delim": "','"})
REFUSALS = {
    "SELECT sum(n) OVER () FROM input": "window functions",
    "SELECT * FROM a JOIN b USING (n)": "joins",
    "SELECT n FROM a, b": "joins",
    "SELECT (SELECT 1) FROM input": "subqueries",
    "SELECT n FROM (SELECT * FROM input)": "FROM must name one table|subqueries",
    "SELECT n FROM input WHERE n IN (SELECT 1)": "subqueries",
    "WITH q AS (SELECT 1) SELECT * FROM q": "subqueries",
    "SELECT n FROM input UNION SELECT 1": "UNION",
    "SELECT n FROM input GROUP BY ROLLUP (n)": "ROLLUP",
    "SELECT median(n) FROM input": "MEDIAN",
    "SELECT list(n) FROM input": "cannot be divided among mappers",
    "SELECT mode(n) FROM input": "MODE",
    "SELECT sum(DISTINCT n) FROM input": "DISTINCT",
    "SELECT count(DISTINCT (n, d)) FROM input WHERE FALSE AND nothing": "no column nothing",
    "SELECT random() FROM input": "another value each time",
    "SELECT now() FROM input": "another value each time",
    "SELECT n FROM read_csv('x')": "FROM must name one table",
    "SELECT n FROM 'x.csv'": "FROM must name one table",
    "SELECT country FROM input GROUP BY n": "neither grouped by nor in an aggregate",
    "SELECT x FROM input": "there is no column x: the input has country, n, d",
    "SELECT nosuch(n) FROM input": "nosuch",
    "SELECT sum(country) FROM input": "sum",
    "SELECT sum(sum(n)) FROM input": "aggregate",
    "SELECT n FROM input WHERE sum(n) > 1": "WHERE cannot have an aggregate",
    "SELECT n FROM input ORDER BY 2": "SELECT has no column 2",
    "SELECT n FROM input LIMIT n": "LIMIT must be a whole number",
    "SELECT n FROM input LIMIT 50%": "LIMIT must be a whole number",
    "SELECT n FROM input FETCH FIRST 2 ROWS ONLY": "LIMIT must be a whole number",
    "SELECT country COLLATE NOCASE AS c, count(*) FROM input GROUP BY c": "COLLATE",
    "SELECT FROM input": "SELECT names no column",
    "SELECT count(*) + country FROM input GROUP BY country": "types",
    "SELECT n FROM": "line 1",
    "SELECT 1; SELECT 2": "2 statements",
    "DELETE FROM input": "DELETE",
    "": "0 statements",
}


@pytest.mark.parametrize("query", REFUSALS)
def test_what_cannot_be_divided_is_refused_by_name(query: str) -> None:
    with pytest.raises(UsageError, match=REFUSALS[query]):
        division.divide(query, TABLE)


def test_a_plan_is_read_as_it_was_written_and_another_text_is_refused() -> None:
    plan, _ = division.divide("SELECT country, avg(n), max(d) FROM input GROUP BY 1", TABLE)
    assert read_plan(plan.to_text()) == plan
    assert plan.needed == ("country", "n", "d")
    for text in ("", "[]", "{}", '{"table": 1}'):
        with pytest.raises(JobError, match="ask with --sql"):
            read_plan(text)


def mapped(plan: Plan, rows: bytes) -> tuple[dict, tuple, dict]:
    job = loading.load("sql", {"PLAN": plan.to_text()})
    made = job.start()
    job.add(made, rows, "a")
    faults = {kind: one.count for kind, one in job.faults(made).items()}
    return job.pairs(made), job.counts(made)[:2], faults


@pytest.mark.parametrize(
    ("form", "rows", "faults"),
    [
        ("csv", b"a,1\nb,x\n", {"n is no whole number": 1}),
        ("csv", b"a,1\nb,1.5\n", {"n is no whole number": 1}),
        ("csv", b"a,1\nb\n", {"missing columns": 1}),
        ("csv", b"a,1\nb,2,3\nb,2,4\n", {"too many columns": 2}),
        ("csv", b'a,1\n"b,2\nc",3\n', {"a quote without a partner": 2}),
        ("csv", b'a,1\n"b"x,2\n', {"unquoted value": 1}),
        ("csv", b"a,1\n\xff,2\n", {"invalid encoding": 1}),
        ("json", b'{"country": "a", "n": 1}\nnot\n[1]\n', {"not JSON": 1, "not a JSON object": 1}),
        ("json", b'{"country": "a", "n": 1}\n{"n": "x"}\n', {"n is no BIGINT": 1}),
    ],
)
def test_rows_that_do_not_fit_are_bad_rows_by_kind(form, rows, faults) -> None:
    options = {"delim": "','", "quote": "'\"'", "escape": "'\"'", "new_line": "'\\n'"}
    table = Table(form, {"country": "VARCHAR", "n": "BIGINT"}, options if form == "csv" else {})
    plan, _ = division.divide("SELECT country, sum(n) FROM input GROUP BY country", table)
    pairs, counts, found = mapped(plan, rows)
    assert found == faults
    assert pairs == {'["a"]': [1]}
    assert counts == (1 + sum(faults.values()), sum(faults.values()))


def test_a_row_may_go_on_behind_the_columns_that_the_user_names() -> None:
    options = {"delim": "','", "quote": "'\"'", "escape": "'\"'", "new_line": "'\\n'"}
    table = Table("csv", {"country": "VARCHAR", "n": "BIGINT"}, options, None, ragged=True)
    plan, _ = division.divide("SELECT country, sum(n) FROM input GROUP BY country", table)
    assert mapped(plan, b"a,1,x\na,2\n")[:2] == ({'["a"]': [3]}, (2, 0))
    assert mapped(plan, b'"a,b",1,"x",y\nc,2\nd\n') == (
        {'["a,b"]': [1], '["c"]': [2]},
        (3, 1),
        {"missing columns": 1},
    )


def test_a_row_is_bad_whether_its_bad_value_counts_or_not() -> None:
    options = {"delim": "','", "quote": "'\"'", "escape": "'\"'", "new_line": "'\\n'"}
    table = Table("csv", {"country": "VARCHAR", "n": "BIGINT"}, options)
    query = "SELECT sum(CASE WHEN country = 'a' THEN n END), count(*) FROM input WHERE {}"
    for where in ("TRUE", "country = 'a'", "country = 'a' AND n > 0"):
        plan, _ = division.divide(query.format(where), table)
        rows = b"a,1\nb,1.5\nb,2\n" + b"c,3\n" * 5000
        _, counts, faults = mapped(plan, rows)
        assert (counts, faults) == ((5003, 1), {"n is no whole number": 1})


def test_rows_that_do_not_fit_into_memory_are_aggregated_in_turns(monkeypatch) -> None:
    """A function of so little memory puts by what it has after each piece."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
    monkeypatch.setattr(engine, "ROWS_PART", 1 << 20)
    monkeypatch.setattr(sql, "BATCH_BYTES", 1 << 16)
    options = {"delim": "','", "quote": "'\"'", "escape": "'\"'", "new_line": "'\\n'"}
    table = Table("csv", {"k": "BIGINT", "x": "DOUBLE"}, options)
    columns = "count(*), sum(x), min(k), stddev(x), count(DISTINCT x), approx_count_distinct(k)"
    plan, _ = division.divide(f"SELECT k % 700 AS g, {columns} FROM input GROUP BY g", table)
    rows = b"".join(b"%d,%d.5\n" % (number, number % 13) for number in range(40_000))
    job = loading.load("sql", {"PLAN": plan.to_text()})
    small, large = job.start(), job.start()
    for at in range(0, len(rows), 1 << 14):
        cut = rows.rfind(b"\n", 0, at) + 1, rows.rfind(b"\n", 0, at + (1 << 14)) + 1
        job.add(small, rows[slice(*cut)], "a")
    monkeypatch.undo()
    job.add(large, rows, "a")
    found, whole = dict(job.pairs(small)), dict(job.pairs(large))
    assert found.keys() == whole.keys() and len(found) == 700
    for key, values in found.items():
        flat, other = ([*v[:3], *v[3], *v[4:]] for v in (values, whole[key]))
        for one, two in zip(flat, other, strict=True):
            assert one == two or one == pytest.approx(two, rel=1e-12)
    assert job.counts(small) == job.counts(large)
    assert dict(job.pairs(small)) == found


def test_duckdb_in_a_mapper_opens_no_file_but_its_own() -> None:
    table = Table("csv", {"n": "BIGINT"}, {"delim": "','"})
    where = "EXISTS (SELECT 1 FROM read_text('/etc/hostname'))"
    plan = Plan(table, ("n",), (), (), (Part("count"),), where)
    with pytest.raises(JobError, match="DuckDB: Permission Error"):
        mapped(plan, b"1\n")


def test_row_groups_are_told_by_where_they_begin_and_chunks_are_joined() -> None:
    chunks = [
        (0, 10, "a", 6, 4, None),
        (0, 10, "s, x", 5, 12, 10),
        (1, 7, "a", 20, 40, 30),
        (1, 7, "s, x", 5, 50, None),
    ]
    first, second = reading.row_groups(chunks)
    assert (first.first, first.rows, first.start) == (0, 10, 4)
    assert (second.first, second.rows, second.start) == (10, 7, 30)
    assert second.chunks(("s",)) == [(50, 55)]
    assert list(reading.joined([(10_000, 10_005), (0, 5), (6, 9)])) == [(0, 9), (10_000, 10_005)]


@pytest.mark.parametrize("tail", [b"", b"PAR1", b"\xff\xff\xff\x7fPAR1", b"not at all"])
def test_what_is_no_parquet_is_said(tail: bytes) -> None:
    with pytest.raises(JobError, match="is no Parquet, or is cut short"):
        reading.footer_bytes(tail, len(tail), "s3://b/k")


@pytest.mark.parametrize(
    ("key", "form"),
    [("a/b.PARQUET", "parquet"), ("x.jsonl.gz", "json"), ("x.json", "json"), ("part-0", "csv")],
)
def test_the_form_follows_from_the_name(key: str, form: str) -> None:
    assert sampling.form_of(key) == form


def test_columns_that_the_user_names_are_read_as_duckdb_has_them() -> None:
    found = sampling.columns_of('"a b" int, amount decimal(12,2)')
    assert found == {"a b": "INTEGER", "amount": "DECIMAL(12,2)"}
    with pytest.raises(UsageError, match="--schema: "):
        sampling.columns_of("amount MONEY_OR_SO")


def test_names_are_told_apart_and_a_value_that_json_lacks_is_null() -> None:
    assert list(writing.unique(["a", "A", "a"])) == ["a", "A_1", "a_2"]
    assert [writing.as_json(one) for one in (math.nan, None, True, "ü")] == [
        "null", "null", "true", '"ü"',
    ]  # fmt: skip


def test_a_query_keeps_its_names_and_its_order() -> None:
    question = parsing.parse("SELECT n AS Total, count(*) FROM t GROUP BY 1 ORDER BY 2 DESC", ["N"])
    assert [name for name, _ in question.select] == ["Total", "count(*)"]


def test_of_parquet_little_more_is_read_than_the_columns_that_are_asked_for(tmp_path) -> None:
    """Two of twenty: at most 1.3 times their bytes."""
    path = tmp_path / "wide.parquet"
    columns = ", ".join(f"random() AS c{number}" for number in range(20))
    connection = duckdb.connect()
    connection.execute(f"COPY (SELECT {columns} FROM range(60000)) TO '{path}' (FORMAT parquet)")
    query = "SELECT sum(c3), max(c17) FROM input"
    asked = connection.execute(
        f"SELECT sum(total_compressed_size) FROM parquet_metadata('{path}') "
        "WHERE path_in_schema IN ('c3', 'c17')"
    ).fetchone()[0]
    shelf = Shelf({"wide.parquet": path.read_bytes()})
    shelf.table("")
    shelf.read = 0
    (row,) = ask(shelf, query, cuts=1)
    assert row == pytest.approx(
        connection.execute(query.replace("input", f"'{path}'")).fetchone(), rel=1e-12
    )
    assert asked <= shelf.read <= 1.3 * asked
