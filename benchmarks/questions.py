"""Questions in SQL: the Big Data Benchmark's queries 1A-C and 2A-C, one line each.

What a mapper of `driver.py --sql` computes of a file, beside DuckDB on the same file, on one core.
"""

from __future__ import annotations

import functools
import random
from pathlib import Path

from common import Bench, Section, megabytes
from measure import in_turns, median, run_case

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
    columns = {"rankings": RANKINGS, "uservisits": VISITS}
    rows = [["query", "a mapper of `--sql`, s", "DuckDB, s", "DuckDB's time to ours"]]
    missing: dict[str, str] = {}
    for name, (table, query) in QUERIES.items():
        plan, _ = divide(query, Table("csv", columns[table], OPTIONS, None, ragged=True))
        path = str(files[table])
        words = (path, query, struct(columns[table]))
        cases = {
            "ours": functools.partial(run_case, "question", path, plan.to_text(), core=0),
            "duckdb": functools.partial(run_case, "duckdb_question", *words, core=0),
        }
        runs, failed = in_turns(cases, bench.rounds)
        missing |= {f"{name}, {case}": why for case, why in failed.items()}
        if len(runs) == 2:
            ours, direct = median(runs["ours"]), median(runs["duckdb"])
            rows.append([name, f"{ours:.2f}", f"{direct:.2f}", f"{direct / ours:.2f}"])
    sizes = " and ".join(f"{megabytes(path.stat().st_size)} of {n}" for n, path in files.items())
    text = (
        f"{sizes}, from the page cache, on one core, each query as `driver.py --sql` takes it. "
        "A mapper counts every row, finds bad ones, adds up exactly and makes its groups the pairs "
        "that the reducers take, which is most of its time where groups are many."
    )
    return Section("questions", "Questions in SQL", text, rows, {}, missing)
