"""One measured run, in a process of its own: `python benchmarks/cases.py CASE ARGUMENT...`.

In: the name of a case below and its arguments. Out: one line of JSON on standard output with
`seconds` (without the start of Python and its imports) and the answer's `groups` and `total`, by
which the cases are compared. `original_*` are the original's algorithms, written anew.
"""

from __future__ import annotations

import importlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "mr"))

import s3cases
from s3cases import Answer, original_loop, peak_mb, report

BLOCK = 1 << 18
QUERY = "SELECT substr({source}, 1, 8) AS source, sum({revenue}) AS revenue FROM {table} GROUP BY 1"


def blocks(path: str) -> Iterator[bytes]:
    """A file's blocks of whole lines, as a mapper gets them."""
    from aws import s3stream

    with Path(path).open("rb") as file:
        yield from s3stream.whole_lines(iter(lambda: file.read(BLOCK), b""))


# --------------------------------------------------------------------------- kernels


def original_kernel(path: str) -> Answer:
    output: dict[str, float] = {}
    original_loop(Path(path).read_bytes(), output)
    return output


def our_kernel(path: str, job: str) -> Answer:
    accumulator = importlib.import_module(f"jobs.{job}").Accumulator()
    for block in blocks(path):
        accumulator.add(block)
    return accumulator.pairs()


def uservisits(path: str) -> Answer:
    return our_kernel(path, "uservisits")


def uservisits_polars(path: str) -> Answer:
    return our_kernel(path, "uservisits_polars")


def duckdb(path: str, threads: str = "1") -> Answer:
    """One text column, split in SQL, or columns: whichever is faster on ragged rows."""
    import duckdb as library

    connection = library.connect(config={"threads": int(threads)})
    names = ", ".join(f"'c{number}': 'VARCHAR'" for number in range(9))
    names = names.replace("'c3': 'VARCHAR'", "'c3': 'DOUBLE'")
    table = (
        f"read_csv('{path}', header=false, delim=',', quote='', escape='', auto_detect=false, "
        f"ignore_errors=true, strict_mode=false, columns={{{names}}})"
    )
    query = QUERY.format(source="c0", revenue="c3", table=table)
    return dict(connection.execute(query).fetchall())


def duckdb_question(path: str, query: str, columns: str) -> Answer:
    """The same query by DuckDB itself, on one thread."""
    import duckdb as library

    source = (
        f"read_csv('{path}', header=false, delim=',', quote='\"', auto_detect=false, "
        f"strict_mode=false, columns={columns})"
    )
    connection = library.connect(config={"threads": 1})
    before, _, behind = query.partition(" FROM ")
    behind = behind.partition(" ")[2]
    found = connection.execute(f"{before} FROM {source} {behind}").fetchall()
    return {row[0]: row[1] for row in found}


def polars(path: str) -> Answer:
    import polars as library

    columns = {"source": library.String, "url": library.String, "date": library.String}
    rows = library.scan_csv(
        path,
        has_header=False,
        quote_char=None,
        truncate_ragged_lines=True,
        extra_columns="ignore",
        schema={**columns, "revenue": library.Float64},
    )
    group = library.col("source").str.slice(0, 8)
    found = rows.group_by(group).agg(library.col("revenue").sum()).collect()
    return dict(zip(found["source"].to_list(), found["revenue"].to_list(), strict=True))


def pyarrow(path: str) -> Answer:
    """Rows with a comma too many are refused by Arrow's reader, and split here."""
    import pyarrow as library
    from pyarrow import compute, csv

    library.set_cpu_count(1)
    refused: list[str] = []

    def refuse(row: Any) -> str:
        refused.append(row.text)
        return "skip"

    table = csv.read_csv(
        path,
        read_options=csv.ReadOptions(use_threads=False, column_names=list("abcdefghi")),
        parse_options=csv.ParseOptions(quote_char=False, invalid_row_handler=refuse),
        convert_options=csv.ConvertOptions(
            include_columns=["a", "d"],
            column_types={"a": library.string(), "d": library.float64()},
        ),
    )
    rows = [row.split(",", 4) for row in refused]
    rest = library.table({"a": [row[0] for row in rows], "d": [float(row[3]) for row in rows]})
    every = library.concat_tables([table, rest.cast(table.schema)])
    group = compute.utf8_slice_codeunits(every["a"], 0, 8)
    summed = library.table({"source": group, "revenue": every["d"]}).group_by(
        "source", use_threads=False
    )
    found = summed.aggregate([("revenue", "sum")])
    return dict(zip(found["source"].to_pylist(), found["revenue_sum"].to_pylist(), strict=True))


def mawk(path: str) -> Answer:
    """The whole program, its start too; what it prints goes into a file."""
    program = "{ sum[substr($1, 1, 8)] += $4 } END { for (key in sum) print key, sum[key] }"
    with tempfile.TemporaryFile("w+") as output:
        begin = time.perf_counter()
        subprocess.run(["mawk", "-F,", program, path], stdout=output, check=True)
        seconds = time.perf_counter() - begin
        output.seek(0)
        answer = {line.split()[0]: float(line.split()[1]) for line in output}
    report(seconds, answer, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6)
    raise SystemExit(0)


# --------------------------------------------------------------------------- whole jobs


def spark_job(folder: str, threads: str) -> Answer:
    from pyspark.sql import SparkSession
    from pyspark.sql import functions as f

    session = (
        SparkSession.builder.master(f"local[{threads}]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "2g")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", threads)
        .getOrCreate()
    )
    columns = f.split(f.col("value"), ",", 5)
    source, revenue = f.substring(columns[0], 1, 8), columns[3].cast("double")
    rows = session.read.text(folder).select(source.alias("s"), revenue.alias("r"))
    found = rows.groupBy("s").agg(f.sum("r").alias("r")).collect()
    session.stop()
    return {row["s"]: row["r"] for row in found}


def lithops_job(folder: str, threads: str) -> Answer:
    import lithops

    config = {"lithops": {"backend": "localhost", "storage": "localhost"}}
    config["localhost"] = {"worker_processes": int(threads)}
    executor = lithops.FunctionExecutor(config=config, log_level="ERROR")
    paths = sorted(str(path) for path in Path(folder).iterdir())
    executor.map_reduce(lithops_map, paths, lithops_reduce)
    return executor.get_result()


def lithops_map(path: str) -> dict[str, float]:
    """The plain loop, so that the frameworks are compared and not the loops."""
    from collections import defaultdict
    from pathlib import Path

    sums: dict[str, float] = defaultdict(float)
    with Path(path).open() as file:
        for line in file:
            columns = line.split(",", 4)
            sums[columns[0][:8]] += float(columns[3])
    return dict(sums)


def lithops_reduce(results: list[dict[str, float]]) -> dict[str, float]:
    merged: dict[str, float] = {}
    for result in results:
        for key, value in result.items():
            merged[key] = merged.get(key, 0.0) + value
    return merged


def mrjob_job(folder: str, threads: str) -> Answer:
    """mrjob's local runner, by its own command line, as its documentation has it."""
    from mrjob_uservisits import Revenue

    paths = sorted(str(path) for path in Path(folder).iterdir())
    job = Revenue(args=["-r", "local", "--num-cores", threads, "--quiet", *paths])
    with job.make_runner() as runner:
        runner.run()
        return dict(job.parse_output(runner.cat_output()))


def duckdb_job(folder: str, threads: str) -> Answer:
    return duckdb(f"{folder}/*", threads)


# --------------------------------------------------------------------------- the command


IMPORTS = {
    "uservisits": ["jobs.uservisits", "aws.s3stream"],
    "uservisits_polars": ["jobs.uservisits_polars", "aws.s3stream"],
    "our_mapper": ["mapper", "jobs.uservisits"],
    "mapper_without_order": ["mapper", "jobs.uservisits"],
    "our_reducer": ["reducer", "jobs.uservisits"],
    "range_reducer": ["reducer", "jobs.uservisits"],
    "question": ["mapper", "jobs.sql", "jobs.query.engine"],
    "duckdb_question": ["duckdb"],
    "original_mapper": ["lambdautils"],
    "original_reducer": ["lambdautils"],
    "start_pooled": ["driver"],
    "start_one_after_another": ["boto3"],
    "coordinator_event": ["reducerCoordinator"],
    "pyarrow": ["pyarrow.csv", "pyarrow.compute"],
}
"""What is imported before the clock starts; other cases import the library of their name."""


def main() -> None:
    name, *arguments = sys.argv[1:]
    if core := os.environ.get("BENCH_CORE"):
        os.sched_setaffinity(0, {int(core)})
    case: Callable[..., Answer | Callable[[], Answer]] = {**vars(s3cases), **globals()}[name]
    if without := os.environ.get("BENCH_WITHOUT"):
        sys.modules[without] = None  # type: ignore[assignment]  # as if it were not installed
    for library in IMPORTS.get(name, [name] if name in ("duckdb", "polars") else []):
        importlib.import_module(library)
    begin, used = time.perf_counter(), time.process_time()
    found = case(*arguments)
    seconds, cpu = time.perf_counter() - begin, time.process_time() - used
    peak = peak_mb()
    report(seconds, found() if callable(found) else found, peak, cpu)


if __name__ == "__main__":
    main()
