"""One measured run, in a process of its own: `python benchmarks/cases.py CASE ARGUMENT...`.

In: the name of a case below and its arguments. Out: one line of JSON on standard output with
`seconds` (without the start of Python and its imports) and the answer's `groups` and `total`, by
which the cases are compared. `original_*` are the original's algorithms, written anew.
"""

from __future__ import annotations

import importlib
import json
import operator
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "mr"))

Answer = Mapping[Any, float]

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


def original_loop(contents: bytes, output: dict[str, float]) -> int:
    """All of an object in memory, every column split, one key after the other; the rows."""
    rows = 0
    for line in contents.split(b"\n")[:-1]:
        rows += 1
        try:
            columns = line.split(b",")
            source = str(columns[0][:8])
            if source not in output:
                output[source] = 0
            output[source] += float(columns[3])
        except Exception as error:  # noqa: BLE001 - as the original has it
            print(error)
    return rows


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


def question(path: str, plan: str) -> Callable[[], Answer]:
    """What a mapper of `driver.py --sql` makes of a file."""
    from jobs.sql import Accumulator

    accumulator = Accumulator(plan)
    for block in blocks(path):
        accumulator.add(block)
    pairs = accumulator.pairs()
    return lambda: {key: finished(*values) for key, values in pairs.items()}


def finished(value: Any) -> float:
    """A count as it is, or an exact sum rounded."""
    from jobs.query import partials

    return partials.rounded(value) if isinstance(value, str) else value


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


# --------------------------------------------------------------------------- S3 to S3


def client() -> Any:
    from aws.client import Clients

    return Clients().s3


def original_mapper(bucket: str, *keys: str) -> Answer:
    """Object after object, each as a whole, then one JSON object back."""
    s3 = client()
    output: dict[str, float] = {}
    for key in keys:
        original_loop(s3.get_object(Bucket=bucket, Key=key)["Body"].read(), output)
    s3.put_object(Bucket=bucket, Key="out/original", Body=json.dumps(output).encode())
    return output


def our_mapper(bucket: str, *keys: str) -> Callable[[], Answer]:
    """The answer is in S3, and is read when the clock has been stopped."""
    import mapper

    s3 = client()
    event = {"bucket": bucket, "keys": list(keys), "jobBucket": bucket, "jobId": "j", "mapperId": 1}
    s3.delete_object(Bucket=bucket, Key="j/task/mapper/1")  # an output that is there stays
    mapper.handle(s3, event, "benchmark")
    return lambda: json.loads(s3.get_object(Bucket=bucket, Key="j/task/mapper/1")["Body"].read())


def original_reducer(bucket: str, *keys: str) -> Answer:
    """The only reducer of a step: it counts its rows, and writes the answer as `done` once more."""
    s3 = client()
    results: dict[str, float] = {}
    rows = 0
    for key in keys:
        contents = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        for source, value in json.loads(contents).items():
            rows += 1
            if source not in results:
                results[source] = 0
            results[source] += float(value)
    for name in ("result", "done"):
        s3.put_object(Bucket=bucket, Key=f"out/{name}", Body=json.dumps(results).encode())
    return results


def our_reducer(bucket: str, *keys: str) -> Answer:
    import reducer

    s3 = client()
    event = {"bucket": bucket, "keys": list(keys), "jobBucket": bucket, "jobId": "j"}
    event |= {"nReducers": 1, "stepId": 1, "reducerId": 1}
    s3.delete_object(Bucket=bucket, Key="j/result")  # an output that is there stays
    reducer.handle(s3, event, "benchmark")
    return {}


# --------------------------------------------------------------------------- calls


def start_one_after_another(endpoint: str, count: str) -> Answer:
    """The original's way: a fresh client for each call, and one call after another."""
    import boto3

    for number in range(int(count)):
        fresh = boto3.client("lambda", endpoint_url=endpoint, region_name="us-west-2")
        fresh.invoke(
            FunctionName="mapper", InvocationType="Event", Payload=json.dumps({"mapperId": number})
        )
    return {}


def start_pooled(endpoint: str, count: str) -> Answer:
    from aws.client import Clients
    from aws.invoker import Function, call_all
    from running.run import STARTING_THREADS

    os.environ["AWS_ENDPOINT_URL"] = endpoint
    pooled = Clients("us-west-2").make("lambda", connections=STARTING_THREADS)
    start = Function(pooled, "mapper").start
    payloads = [{"mapperId": number} for number in range(int(count))]
    call_all(start, payloads, STARTING_THREADS, 2, lambda index, answer: None)
    return {}


def coordinator_event(bucket: str, job_id: str) -> Answer:
    """One event of a job whose outputs lie in S3, all but one; `groups` are the S3 requests."""
    import reducerCoordinator

    os.environ["MR_REDUCERS"] = "reducerNS"
    s3 = reducerCoordinator.CLIENTS.s3
    requests = []
    s3.meta.events.register("before-send.s3", lambda request, **_: requests.append(request))
    key = f"{job_id}/task/mapper/1"
    event = {"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": key}}}]}
    reducerCoordinator.handler(event, Context())
    requests.clear()
    begin = time.perf_counter()
    reducerCoordinator.handler(event, Context())
    seconds = time.perf_counter() - begin
    report(seconds, dict.fromkeys(range(len(requests)), 0.0), peak_mb())
    raise SystemExit(0)


def computing(what: str, bucket: str, pairs: str) -> Answer:
    """CPU seconds of this process: of a client, a request, a page, an object, `pairs` encoded."""
    from aws import s3stream
    from aws.client import Clients
    from shuffle import partition

    s3 = client()
    output = {f"{number:08x}": number / 7 for number in range(int(pairs))}
    work: dict[str, tuple[Callable[[], Any], int]] = {
        "client": (lambda: Clients().s3, 5),
        "clients": (lambda: operator.attrgetter("s3", "functions")(Clients()), 5),
        "request": (lambda: s3.head_object(Bucket=bucket, Key="computing/large"), 50),
        "page": (lambda: s3.list_objects_v2(Bucket=bucket, Prefix="computing/"), 50),
        "receive": (lambda: list(s3stream.read_chunks(s3, bucket, "computing/large")), 2),
        "encode": (lambda: partition.encode(output), 3),
    }
    do, count = work[what]
    do()
    before = time.process_time()
    for _ in range(count):
        do()
    report((time.process_time() - before) / count, {}, peak_mb())
    raise SystemExit(0)


class Context:
    aws_request_id = "benchmark"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 60_000


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


def peak_mb() -> float:
    """The process's own peak. getrusage would give that of whoever started it, if larger."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def report(seconds: float, answer: Answer, peak: float) -> None:
    total = sum(value for value in answer.values() if isinstance(value, float))
    line = {"seconds": seconds, "peak_mb": peak, "groups": len(answer), "total": total}
    print(json.dumps(line), flush=True)


IMPORTS = {
    "uservisits": ["jobs.uservisits", "aws.s3stream"],
    "uservisits_polars": ["jobs.uservisits_polars", "aws.s3stream"],
    "our_mapper": ["mapper", "jobs.uservisits"],
    "our_reducer": ["reducer", "jobs.uservisits"],
    "question": ["jobs.sql", "jobs.query.engine", "aws.s3stream"],
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
    case: Callable[..., Answer | Callable[[], Answer]] = globals()[name]
    if without := os.environ.get("BENCH_WITHOUT"):
        sys.modules[without] = None  # type: ignore[assignment]  # as if it were not installed
    for library in IMPORTS.get(name, [name] if name in ("duckdb", "polars") else []):
        importlib.import_module(library)
    begin = time.perf_counter()
    found = case(*arguments)
    seconds, peak = time.perf_counter() - begin, peak_mb()
    report(seconds, found() if callable(found) else found, peak)


if __name__ == "__main__":
    main()
