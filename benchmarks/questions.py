"""Questions in SQL: the Big Data Benchmark's queries 1A-C and 2A-C, one line each.

What a mapper of `driver.py --sql` takes for them, from S3 to S3, beside DuckDB on a local copy of
the same file, on one core; and what is read of a large object of Parquet.
"""

from __future__ import annotations

import functools
import random
import statistics
from pathlib import Path

import duckdb
from cloud import BUCKET, DATA
from common import Bench, Section, megabytes
from measure import in_turns, ratios, run_case

from asking.division import divide
from jobs.query.plan import Table, struct

RANKINGS = {"pageURL": "VARCHAR", "pageRank": "BIGINT", "avgDuration": "BIGINT"}
VISITS = {
    "sourceIP": "VARCHAR",
    "destURL": "VARCHAR",
    "visitDate": "DATE",
    "adRevenue": "DOUBLE",
}
ONE = "SELECT pageURL, pageRank FROM rankings WHERE pageRank > {}"
TWO = "SELECT substr(sourceIP, 1, {0}), sum(adRevenue) FROM uservisits GROUP BY 1"
QUERIES = {
    "1A": ("rankings", ONE.format(1000)),
    "1B": ("rankings", ONE.format(100)),
    "1C": ("rankings", ONE.format(10)),
    "2A": ("uservisits", TWO.format(8)),
    "2B": ("uservisits", TWO.format(10)),
    "2C": ("uservisits", TWO.format(12)),
    "one sum": ("uservisits", "SELECT 1, sum(adRevenue) FROM uservisits"),
}
OPTIONS = {"delim": "','", "quote": "'\"'", "escape": "'\"'", "new_line": "'\\n'"}


def rankings(bench: Bench) -> Path:
    """A file of rankings: few pages have a high rank, as in the benchmark."""
    path, chance = bench.folder / "rankings", random.Random(1)  # noqa: S311 - made up
    with path.open("w") as file:
        for number in range(bench.size // 100):
            url = f"{chance.getrandbits(128):032x}{number:08}"
            rank = min(100_000, int(chance.paretovariate(0.8)))
            file.write(f"{url},{rank},{chance.randrange(1, 100)}\n")
    return path


def questions(bench: Bench) -> Section:
    """Each query, as a mapper of `--sql` computes it, and as DuckDB does."""
    files = {"rankings": rankings(bench), "uservisits": bench.file}
    keys = {name: bench.cloud.upload(f"{name}/", [path])[0] for name, path in files.items()}
    columns = {"rankings": RANKINGS, "uservisits": VISITS}
    head = ["query", "groups", "a mapper of `--sql`, CPU s", "DuckDB, CPU s", "DuckDB's to ours"]
    rows = [head]
    missing: dict[str, str] = {}
    for name, (table, query) in QUERIES.items():
        plan, _ = divide(query, Table("csv", columns[table], OPTIONS, None, ragged=True))
        words = (str(files[table]), query, struct(columns[table]))
        own = (plan.to_text(), DATA, keys[table])
        variables = bench.cloud.variables
        cases = {
            "ours": functools.partial(run_case, "question", *own, core=0, environment=variables),
            "duckdb": functools.partial(run_case, "duckdb_question", *words, core=0),
        }
        runs, failed = in_turns(cases, bench.rounds)
        missing |= {f"{name}, {case}": why for case, why in failed.items()}
        if len(runs) == 2:
            ours, direct = ([run.cpu for run in runs[case]] for case in ("ours", "duckdb"))
            times = statistics.median(ratios(direct, ours))
            seconds = [f"{statistics.median(found):.2f}" for found in (ours, direct)]
            rows.append([name, f"{runs['ours'][0].groups:,}", *seconds, f"{times:.2f}"])
    sizes = " and ".join(f"{megabytes(path.stat().st_size)} of {n}" for n, path in files.items())
    text = (
        f"{sizes}, each query as `driver.py --sql` takes it: a whole mapper, from an object in the "
        "embedded S3 to its output there, beside DuckDB on a local copy, with the answer in "
        f"Python; both on one core, {bench.rounds} rounds, medians. A mapper downloads, "
        "counts every row, finds bad ones, adds up exactly and writes its groups as the JSON that "
        "reducers take."
    )
    return Section("questions", "Questions in SQL", text, rows, {}, missing)


WIDE = 20
ASKED = ("c3", "c17")


def parquet(bench: Bench) -> Section:
    """A whole job about two of twenty columns of one object."""
    path = bench.folder / "wide.parquet"
    connection = duckdb.connect()
    columns = ", ".join(
        f"random() AS c{number}" if number % 2 else f"hash(range + {number}) AS c{number}"
        for number in range(WIDE)
    )
    rows = 300_000 if bench.quick else 6_300_000
    connection.execute(f"COPY (SELECT {columns} FROM range({rows})) TO '{path}' (FORMAT parquet)")
    asked: int
    (asked,) = connection.execute(  # type: ignore[misc]
        f"SELECT sum(total_compressed_size)::BIGINT FROM parquet_metadata('{path}') "
        f"WHERE path_in_schema IN {ASKED}"
    ).fetchone()
    size = path.stat().st_size
    bench.cloud.upload("wide/", [path])
    path.unlink()
    query = f"SELECT sum({ASKED[0]}), max({ASKED[1]}), count(*) FROM input"
    table = [["mappers", "bytes read", "of the two columns", "seconds"]]
    for split in (size, size // 4, size // 16):
        bench.cloud.clear()
        seconds = bench.cloud.command(
            "mr/driver.py", BUCKET, "wide", "mapperNS", "reducerNS", "--databkt", DATA,
            "--prefix", "wide/", "--splitsize", str(split + 1), "--sql", query,
        )  # fmt: skip
        found = bench.cloud.metadata("wide/task/mapper/")
        read = sum(int(one["inputbytes"]) for one in found)
        times = f"{read / asked:.3f} x"
        table.append([str(len(found)), f"{read:,}", times, f"{seconds:.1f}"])
    text = (
        f"One object of {megabytes(size)} of Parquet, {rows:,} rows of {WIDE} columns, of which "
        f"`{query}` names two, of {asked:,} bytes: a whole job, from the command to the answer on "
        "the screen, and what its mappers read of the object. Each of them reads the footer too."
    )
    return Section("parquet", "Two columns of twenty", text, table)
