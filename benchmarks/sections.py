"""The sections of the page: what is measured, on what data, and the table that comes of it."""

from __future__ import annotations

import functools
import shutil
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

from backups import backups
from calls import computing, coordinator, starting
from cloud import DATA
from common import TITLES, Bench, Section, comparison, megabytes
from groups import many_groups
from hedging import hedging
from measure import Run, faster, in_turns, median, peak, ratios, run_case, whole
from outlook import model
from questions import parquet, questions
from steps import answer, put_ordered, ranges

from local import uservisits as generator

KERNELS = (
    "original_kernel",
    "uservisits",
    "uservisits_polars",
    "mawk",
    "duckdb",
    "polars",
    "pyarrow",
)


def kernel(bench: Bench) -> Section:
    """The mappers' loop alone, on one core."""
    cases = {
        name: functools.partial(run_case, name, str(bench.file), core=0)
        for name in KERNELS
        if name != "mawk" or shutil.which("mawk")
    }
    rounds = 4 * bench.rounds + 1  # short runs, close to each other
    runs, missing = in_turns(cases, rounds)
    ours, fast = runs["uservisits"], runs["uservisits_polars"]
    bench.rates["kernel"] = bench.size / median(ours)
    bench.rates["polars"] = bench.size / median(fast)
    bench.rates["original"] = bench.size / median(runs["original_kernel"])
    others = {name: runs[name] for name in ("original_kernel", "mawk") if name in runs}
    ratios = " and ".join(
        f"{faster(other, ours)} x {TITLES[name]}" for name, other in others.items()
    )
    accelerated = ""
    if direct := [runs[name] for name in ("duckdb", "polars", "pyarrow") if name in runs]:
        accelerated = (
            f"The accelerated job is {faster(min(direct, key=median), fast)} x the best of the "
            "three libraries run directly on the same file; it reads a stream, in blocks. "
        )
    text = (
        f"One file of {megabytes(bench.size)}, read from the page cache, query 2A, on one core. "
        f"The standard library's loop is {ratios}; it keeps its groups as bytes: making them "
        "text is not in this table, but in the next, where they are written. Much of either loop "
        "is waiting for memory, for which the machine's other guests wait too: the dict of the "
        f"groups is larger than a core's cache. {accelerated}{rounds} rounds."
    )
    bars = {TITLES[name].strip("*"): median(found) for name, found in runs.items()}
    plot = {"kind": "bars", "series": bars, "unit": "seconds", "title": "The mappers' loop"}
    rows = comparison(runs, "original_kernel", bench.size)
    return Section("kernel", "The mappers' loop", text, rows, plot, missing)


def mapper(bench: Bench) -> Section:
    """A whole mapper, from S3 object to S3 object."""
    keys = bench.cloud.upload("one/", [bench.file])
    environment = bench.cloud.variables
    fast = {**environment, "MR_JOB": "uservisits_polars"}
    cases = {
        "original": lambda: run_case("original_mapper", DATA, *keys, environment=environment),
        "ours": lambda: run_case("our_mapper", DATA, *keys, environment=environment),
        "without_order": lambda: run_case(
            "mapper_without_order", DATA, *keys, environment=environment
        ),
        "ours_polars": lambda: run_case("our_mapper", DATA, *keys, environment=fast),
    }
    runs, missing = in_turns(cases, bench.rounds)
    ordered = ratios(*([run.cpu for run in runs[name]] for name in ("ours", "without_order")))
    low, middle, high = statistics.quantiles(ordered, n=4, method="inclusive")
    text = (
        f"One object of {megabytes(bench.size)} in the embedded S3, to its output there. Both "
        "cores may be used: one serves S3, and downloading overlaps computing. With its pairs in "
        f"the order of their buckets, and the index, a mapper takes {middle:.2f} ({low:.2f}-"
        f"{high:.2f}) x the CPU seconds of one that writes them as they come."
    )
    rows = comparison(runs, "original", bench.size)
    return Section("mapper", "A whole mapper, S3 to S3", text, rows, {}, missing)


def memory(bench: Bench) -> Section:
    """Peak memory of a mapper: one large object, and many small ones."""
    large = 5
    bench.cloud.s3.upload_file(str(bench.file), DATA, "one/one")
    parts = [{"PartNumber": number, "ETag": ""} for number in range(1, large + 1)]
    upload = bench.cloud.s3.create_multipart_upload(Bucket=DATA, Key="large")["UploadId"]
    for part in parts:
        copied = bench.cloud.s3.upload_part(
            Bucket=DATA, Key="large", UploadId=upload, PartNumber=part["PartNumber"],
            Body=bench.file.read_bytes(),
        )  # fmt: skip
        part["ETag"] = copied["ETag"]
    bench.cloud.s3.complete_multipart_upload(
        Bucket=DATA, Key="large", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    begin = bench.file.read_bytes()[:400_000]
    small = begin[: begin.rindex(b"\n") + 1]
    names = [f"small/{number}" for number in range(500)]
    for name in names:
        bench.cloud.s3.put_object(Bucket=DATA, Key=name, Body=small)
    environment = bench.cloud.variables
    rows = [["input", "the original's way", "**this project**", "groups", "the groups alone"]]
    inputs = ((f"one object of {megabytes(large * bench.size)}", ["large"]), ("500 objects", names))
    missing: dict[str, str] = {}
    for title, keys in inputs:
        cases = {
            name: functools.partial(run_case, name, DATA, *keys, environment=environment)
            for name in ("original_mapper", "our_mapper")
        }
        runs, failed = in_turns(cases, bench.rounds)
        missing |= failed
        groups = runs["our_mapper"][0].groups
        peaks = [megabytes(peak(runs[name]) * 1e6) if name in runs else "-" for name in cases]
        rows.append([title, *peaks, f"{groups:,}", megabytes(groups_bytes(groups))])
    text = (
        f"Peak memory of the whole process, the highest of {bench.rounds} runs: Python, boto3, the "
        "groups, and their JSON when it is written. 4 MiB of each of 4 inputs at most wait to be "
        "computed. The last column is what the dict of the groups takes in any Python program."
    )
    return Section("memory", "Memory of a mapper", text, rows, {}, missing)


def groups_bytes(count: int) -> int:
    """What a dict of so many groups takes, its keys and values with it."""
    made = {f"{number:08}": float(number) for number in range(count)}
    return sys.getsizeof(made) + sum(
        sys.getsizeof(key) + sys.getsizeof(value) for key, value in made.items()
    )


def reducer(bench: Bench) -> Section:
    """Merging many outputs of many groups."""
    environment = bench.cloud.variables
    plain = {**environment, "BENCH_WITHOUT": "orjson"}
    rows = [["", "outputs x groups", "seconds (median)", "pairs/s", "peak memory"]]
    missing: dict[str, str] = {}
    for groups, outputs in [(20_000, 10)] if bench.quick else [(200_000, 30), (2_000_000, 30)]:
        keys, size = put_ordered(bench, f"merge-{groups}", groups, outputs)
        cases = {
            "original": functools.partial(
                run_case, "original_reducer", DATA, *keys, environment=environment
            ),
            "ours": functools.partial(
                run_case, "our_reducer", str(size), DATA, *keys, environment=plain
            ),
            "ours_orjson": functools.partial(
                run_case, "our_reducer", str(size), DATA, *keys, environment=environment
            ),
        }
        runs, failed = in_turns(cases, bench.rounds)
        missing |= failed
        pairs = groups * outputs
        rates = {name: pairs / median(found) for name, found in runs.items()}
        # The model's reducers merge fewer groups than the largest here.
        bench.rates.setdefault("merge", rates["ours"])
        bench.rates.setdefault("merge_orjson", rates["ours_orjson"])
        rows += [
            [TITLES[name], f"{outputs} x {groups:,}", f"{median(found):.2f}", f"{rates[name]:,.0f}",
             megabytes(peak(found) * 1e6)]
            for name, found in runs.items()
        ]  # fmt: skip
    text = (
        "From S3 to S3, in one pass. Most of the time is JSON's, in both; the next outputs are "
        "downloaded meanwhile. The last rows must fit into 1,536 MB."
    )
    return Section("reducer", "The reducer", text, rows, {}, missing)


def jobs(bench: Bench) -> Section:
    """Whole jobs, from the command to the answer, against other frameworks."""
    count, size = (4, 1_000_000) if bench.quick else (8, 6_250_000)
    folder = bench.files("jobs", count, size)
    bench.cloud.upload("jobs/", sorted(folder.iterdir()))
    split = ("--splitsize", str(size * count // 4), "--concurrency", "2")
    cases: dict[str, Callable[[], Run]] = {
        "ours": lambda: bench.cloud.job("jobs/", *split),
        "mrjob": functools.partial(whole, "mrjob_job", folder),
        "lithops": functools.partial(whole, "lithops_job", folder),
        "duckdb": functools.partial(whole, "duckdb_job", folder),
    }
    missing = {}
    if shutil.which("java"):
        cases["spark"] = functools.partial(whole, "spark_job", folder)
    else:
        missing["spark"] = "there is no Java on this machine: install Java 17 or newer"
        print(f"\n*** PySpark is left out: {missing['spark']} ***\n", file=sys.stderr)
    bench.cloud.job("jobs/", *split)  # so that the embedded AWS has warm functions
    runs, failed = in_turns(cases, bench.rounds)
    text = (
        f"{count} objects of {megabytes(size)} on this machine's two cores, from the shell command "
        "to the answer in memory, the start of every program included. This project runs on the "
        "embedded AWS: its drivers, functions, S3 and events all share the two cores. mrjob and "
        "Lithops run a plain Python loop. DuckDB is no framework: it is here as the floor."
    )
    bars = {TITLES[name].strip("*"): median(found) for name, found in runs.items()}
    plot = {"kind": "bars", "series": bars, "unit": "seconds", "title": "Whole jobs"}
    rows = comparison(runs, "mrjob" if "mrjob" in runs else "ours", count * size)
    rows = [row[:-1] for row in rows]  # the memory of many processes is not known here
    return Section("jobs", "Whole jobs", text, rows, plot, {**missing, **failed})


def growth(bench: Bench) -> Section:
    """Time against input, and against mappers."""
    rows = [["input", "the original's loop", "**uservisits**", "**uservisits_polars**"]]
    series: dict[str, list[tuple[float, float]]] = {}
    factors = (0.5, 1.0) if bench.quick else (0.25, 0.5, 1.0, 2.0)
    path = bench.folder / "growing"
    names = ("original_kernel", "uservisits", "uservisits_polars")
    for factor in factors:
        size = int(factor * (10_000_000 if bench.quick else 1_000_000_000))
        grow(bench.file, path, size)
        cases = {name: functools.partial(run_case, name, str(path), core=0) for name in names}
        runs, _ = in_turns(cases, bench.rounds)
        for name in names:
            series.setdefault(TITLES[name].strip("*"), []).append((size / 1e9, median(runs[name])))
        cells = [
            f"{median(runs[name]):.2f} s, {megabytes(peak(runs[name]) * 1e6)}" for name in names
        ]
        rows.append([megabytes(size), *cells])
    path.unlink()
    rows += mapper_growth(bench)
    text = (
        "Seconds (median) and peak memory on one core as the input grows (the rows repeat, so the "
        "groups stay), and whole jobs on the embedded AWS as the number of mappers grows, 64 KB of "
        "input each."
    )
    plot = {
        "kind": "lines", "title": "Time against input", "x": "GB", "y": "seconds", "series": series
    }  # fmt: skip
    return Section("growth", "Growth", text, rows, plot)


def grow(source: Path, path: Path, size: int) -> None:
    """Append the lines of `source`, over and over, until `path` has about `size` bytes."""
    lines = source.read_bytes()
    with path.open("ab") as file:
        while (missing := size - file.tell()) > 0:
            file.write(lines[: lines.find(b"\n", missing - 1) + 1 or len(lines)])


def mapper_growth(bench: Bench) -> list[list[str]]:
    s3 = bench.cloud.s3
    bench.cloud.deploy()  # the trigger, which another section may have taken away
    body = b"".join(generator.generate(1, 0, 64_000))
    cases = {}
    for count in (5, 10) if bench.quick else (10, 50, 200):
        prefix = f"grow-{count}/"
        for number in range(count):
            s3.put_object(Bucket=DATA, Key=f"{prefix}{number:04}", Body=body)
        cases[str(count)] = functools.partial(job_of_small_mappers, bench, prefix)
    runs, _ = in_turns(cases, bench.rounds)
    counts = [[count, f"{median(found):.1f}", "", ""] for count, found in runs.items()]
    return [["mappers", "seconds", "", ""], *counts]


def job_of_small_mappers(bench: Bench, prefix: str) -> Run:
    """A mapper an object. Its answer is left out: these jobs have different input."""
    return Run(bench.cloud.job(prefix, "--batchsize", "1", "--concurrency", "4").seconds)


ALL: dict[str, Callable[[Bench], Section]] = {
    function.__name__: function
    for function in (
        kernel, questions, parquet, mapper, memory, reducer, ranges, starting, jobs, many_groups,
        growth, coordinator, answer, computing, model, backups, hedging,
    )
}  # fmt: skip
