"""`driver.py --sql` the whole way: real commands, mappers that are processes, one answer."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import duckdb
import pytest

from tests.cloud import Cloud, run

ROWS = [
    f"{('de', 'us', '', 'fr,x')[number % 4]!r}".replace("'", '"') + f",{number * 0.1:.1f},{number}"
    for number in range(4_000)
]
HEADER = "country,amount,n"
QUERY = (
    "SELECT country, count(*), avg(amount) AS mean FROM input WHERE amount > 100 "
    "GROUP BY country ORDER BY 2 DESC, country LIMIT 10"
)

SCHEMA = "amount DOUBLE, n BIGINT"
"""One bad row makes texts of these columns for DuckDB, which looks at so small an input whole."""


@pytest.fixture(scope="module")
def asked(cloud: Cloud, tmp_path_factory) -> Path:
    """Two objects of CSV, one of them with a bad row, one empty; and the same as files."""
    folder = tmp_path_factory.mktemp("asked")
    for number, rows in enumerate((ROWS[:2500], ROWS[2500:])):
        body = "\n".join([HEADER, *rows]) + "\n"
        (folder / f"{number}.csv").write_text(body)
        body += "de,many,x\n" if number else ""
        cloud.s3.put_object(Bucket=cloud.databkt, Key=f"asked/{number}.csv", Body=body.encode())
    cloud.s3.put_object(Bucket=cloud.databkt, Key="asked/none.csv", Body=b"")
    return folder


def answer_of(folder: Path, query: str) -> list[tuple]:
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE input AS FROM read_csv('{folder}/*.csv', header = true)")
    return connection.execute(query).fetchall()


def test_a_question_is_one_command_and_standard_output_is_its_answer(cloud, asked: Path) -> None:
    words = ("--splitsize", "20KB", "--format", "csv", "--schema", SCHEMA, "--sql", QUERY)
    done = cloud.driver("asked", *words, prefix="asked/")
    assert done.returncode == 0, done.stderr
    header, *rows = csv.reader(done.stdout.splitlines())
    assert header == ["country", "count(*)", "mean"]
    expected = answer_of(asked, QUERY)
    assert [(row[0] or None, int(row[1])) for row in rows] == [row[:2] for row in expected]
    assert [float(row[2]) for row in rows] == pytest.approx([row[2] for row in expected], rel=1e-12)
    assert "4,001 rows, 1 bad, 2 header lines" in done.stderr
    assert f"asked: {QUERY}" in done.stderr
    assert "TIMER:CALL:" in done.stderr
    assert cloud.read("asked/jobinfo.json")["settings"]["QUERY"] == QUERY
    command = [sys.executable, "mr/job.py", "result", cloud.bucket, "asked"]
    assert run([*command, "--format", "csv"], cloud.environment).stdout == done.stdout
    report = run(
        [*command[:2], "report", *command[3:], "--output", str(asked / "page.html")],
        cloud.environment,
    )
    assert report.returncode == 0, report.stderr
    assert "GROUP BY country ORDER BY 2 DESC" in (asked / "page.html").read_text()


def test_parquet_is_asked_by_its_row_groups_and_answered_in_parquet(cloud, asked, tmp_path) -> None:
    connection, source = duckdb.connect(), tmp_path / "rows.parquet"
    connection.execute(
        "COPY (SELECT range AS n, range % 7 AS k, md5(range::VARCHAR) AS other FROM range(20000)) "
        f"TO '{source}' (FORMAT parquet, ROW_GROUP_SIZE 2048)"
    )
    cloud.s3.put_object(Bucket=cloud.databkt, Key="pq/a.parquet", Body=source.read_bytes())
    query = "SELECT k, sum(n) AS s, count(*) AS c FROM rows GROUP BY k ORDER BY k"
    target = tmp_path / "answer.parquet"
    words = ("--splitsize", "200KB", "--output", str(target), "--sql", query)
    done = cloud.driver("asked-pq", *words, prefix="pq/")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    ours = connection.execute(f"SELECT * FROM '{target}'").fetchall()
    assert ours == connection.execute(query.replace("rows", f"'{source}'")).fetchall()
    metadata = [
        cloud.s3.head_object(Bucket=cloud.bucket, Key=key)["Metadata"]
        for key in cloud.keys("asked-pq/task/mapper/")
    ]
    assert len(metadata) > 2
    read = sum(int(one["inputbytes"]) for one in metadata)
    assert read < source.stat().st_size  # with the footer once for each of the mappers


def test_what_cannot_be_asked_is_refused_before_anything_starts(cloud: Cloud, asked) -> None:
    for query, what in (
        ("SELECT sum(amount) OVER () FROM input", "window functions (OVER) cannot be asked"),
        ("SELECT nothing FROM input", "no column nothing: the input has country, amount, n"),
        ("SELECT median(n) FROM input", "MEDIAN("),
        ("SELECT sum(amount) FROM input", "--schema gives a column another type"),
    ):
        done = cloud.driver("asked-wrong", "--sql", query, prefix="asked/")
        assert done.returncode == 2
        assert what in done.stderr
    assert cloud.keys("asked-wrong/") == []


def test_a_dry_run_shows_the_names_and_types(cloud: Cloud, asked: Path) -> None:
    words = ("--dryrun", "--schema", SCHEMA, "--sql", QUERY)
    done = cloud.driver("asked-dry", *words, prefix="asked/", names=False)
    assert done.returncode == 0, done.stderr
    assert "the input is CSV, with a header, delimited by ','" in done.stderr
    for column in ("country VARCHAR", "amount DOUBLE", "n BIGINT"):
        assert f"    {column}" in done.stderr
