"""The sections of the page: what is measured, on what data, and the table that comes of it."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import http.server
import json
import random
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cloud import BUCKET, DATA, Cloud
from measure import Run, Runs, in_turns, median, peak, run_case
from model import Rates, estimate

from local import uservisits as generator
from local.emulator import Emulator

KERNELS = (
    "original_kernel",
    "uservisits",
    "uservisits_polars",
    "mawk",
    "duckdb",
    "polars",
    "pyarrow",
)
TITLES = {
    "original_kernel": "the original's loop",
    "uservisits": "**uservisits** (standard library)",
    "uservisits_polars": "**uservisits_polars**",
    "mawk": "mawk",
    "duckdb": "DuckDB",
    "polars": "Polars",
    "pyarrow": "PyArrow",
    "original": "the original's way",
    "ours": "**this project**",
    "ours_polars": "**this project, Polars**",
    "spark": "PySpark, local[2]",
    "lithops": "Lithops, localhost",
    "mrjob": "mrjob, local runner",
}


@dataclasses.dataclass
class Section:
    """A heading, a text, a table (its first row are the headings), and a plot's series."""

    name: str
    title: str
    text: str
    rows: list[list[str]]
    plot: dict[str, Any] = dataclasses.field(default_factory=dict)
    missing: dict[str, str] = dataclasses.field(default_factory=dict)


class Bench:
    """What the sections share: sizes, input files, and the embedded AWS."""

    def __init__(self, emulator: Emulator, folder: Path, quick: bool) -> None:
        self.quick = quick
        self.rounds = 2 if quick else 5
        self.folder = folder
        self.emulator = emulator
        self.rates: dict[str, float] = {}

    @functools.cached_property
    def cloud(self) -> Cloud:
        made = Cloud(self.emulator, self.folder)
        made.deploy()
        return made

    @functools.cached_property
    def size(self) -> int:
        return 10_000_000 if self.quick else 200_000_000

    @functools.cached_property
    def file(self) -> Path:
        """One object of `size` bytes."""
        path = self.folder / "one"
        with path.open("wb") as file:
            for block in generator.generate(1, 0, self.size):
                file.write(block)
        return path

    def files(self, name: str, count: int, size: int) -> Path:
        """A folder of `count` objects of `size` bytes."""
        folder = self.folder / name
        if not folder.exists():
            for _ in generator.write_folder(folder, count, size):
                pass
        return folder


def megabytes(size: float) -> str:
    return f"{size / 1e6:,.0f} MB"


def comparison(runs: Runs, base: str, size: int) -> list[list[str]]:
    rows = [["", "seconds (median)", "MB/s", f"x {TITLES[base].strip('*')}", "peak memory"]]
    for name, found in runs.items():
        seconds = median(found)
        ratio = median(runs[base]) / seconds
        memory = megabytes(peak(found) * 1e6) if peak(found) else ""
        rate = f"{size / 1e6 / seconds:,.0f}"
        rows.append([TITLES[name], f"{seconds:.2f}", rate, f"{ratio:.2f}", memory])
    return rows


def kernel(bench: Bench) -> Section:
    """The mappers' loop alone, on one core."""
    cases = {
        name: functools.partial(run_case, name, str(bench.file), core=0)
        for name in KERNELS
        if name != "mawk" or shutil.which("mawk")
    }
    runs, missing = in_turns(cases, bench.rounds)
    bench.rates["kernel"] = bench.size / median(runs["uservisits"])
    bench.rates["polars"] = bench.size / median(runs["uservisits_polars"])
    bench.rates["original"] = bench.size / median(runs["original_kernel"])
    ratios = (
        f"{median(runs['original_kernel']) / median(runs['uservisits']):.2f} x the original's loop"
    )
    if "mawk" in runs:
        ratios += f" and {median(runs['mawk']) / median(runs['uservisits']):.2f} x mawk"
    best = min(median(runs[name]) for name in ("duckdb", "polars", "pyarrow") if name in runs)
    text = (
        f"One file of {megabytes(bench.size)}, read from the page cache, query 2A, on one core. "
        f"The standard library's loop is {ratios}. The accelerated job is "
        f"{best / median(runs['uservisits_polars']):.2f} x the best of the three libraries run "
        "directly on the same file; it reads a stream, in blocks."
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
        "ours_polars": lambda: run_case("our_mapper", DATA, *keys, environment=fast),
    }
    runs, missing = in_turns(cases, bench.rounds)
    text = (
        f"One object of {megabytes(bench.size)} in the embedded S3, to its output there. Both "
        "cores may be used: one serves S3, and downloading overlaps computing."
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
    small = bench.file.read_bytes()[:400_000].rpartition(b"\n")[0]
    names = [f"small/{number}" for number in range(500)]
    for name in names:
        bench.cloud.s3.put_object(Bucket=DATA, Key=name, Body=small)
    environment = bench.cloud.variables
    rows = [["input", "the original's way", "**this project**", "groups"]]
    inputs = ((f"one object of {megabytes(large * bench.size)}", ["large"]), ("500 objects", names))
    for title, keys in inputs:
        original = run_case("original_mapper", DATA, *keys, environment=environment)
        ours = run_case("our_mapper", DATA, *keys, environment=environment)
        rows.append(
            [title, megabytes(original.peak_mb * 1e6), megabytes(ours.peak_mb * 1e6),
             f"{ours.groups:,}"]
        )  # fmt: skip
    text = (
        "Peak memory of the whole process: Python, boto3, the groups, and their JSON when it is "
        "written. 16 MiB of input at most wait to be computed."
    )
    return Section("memory", "Memory of a mapper", text, rows)


def reducer(bench: Bench) -> Section:
    """Merging many outputs of many groups."""
    groups, outputs = (20_000, 10) if bench.quick else (200_000, 30)
    keys = put_outputs(bench, "merge", groups, outputs)
    environment = bench.cloud.variables
    cases = {
        "original": lambda: run_case("original_reducer", DATA, *keys, environment=environment),
        "ours": lambda: run_case("our_reducer", DATA, *keys, environment=environment),
    }
    runs, missing = in_turns(cases, bench.rounds)
    pairs = groups * outputs
    bench.rates["merge"] = pairs / median(runs["ours"])
    rows = [["", "outputs x groups", "seconds (median)", "pairs/s", "peak memory"]]
    for name, found in runs.items():
        seconds = median(found)
        rows.append(
            [TITLES[name], f"{outputs} x {groups:,}", f"{seconds:.2f}", f"{pairs / seconds:,.0f}",
             megabytes(peak(found) * 1e6)]
        )  # fmt: skip
    if not bench.quick:
        many = put_outputs(bench, "many", 2_000_000, 30)
        run = run_case("our_reducer", DATA, *many, environment=environment)
        rows.append(
            [TITLES["ours"], "30 x 2,000,000", f"{run.seconds:.1f}", f"{6e7 / run.seconds:,.0f}",
             megabytes(run.peak_mb * 1e6)]
        )  # fmt: skip
    text = (
        "From S3 to S3, in one pass. Most of the time is JSON's, in both; the next outputs are "
        "downloaded meanwhile. The last row must fit into 1,536 MB."
    )
    return Section("reducer", "The reducer", text, rows, {}, missing)


def put_outputs(bench: Bench, name: str, groups: int, count: int) -> list[str]:
    numbers = random.Random(1)  # noqa: S311 - input, not a secret
    body = json.dumps({f"{number:08x}": numbers.random() * 99 for number in range(groups)})
    keys = [f"{name}/{number}" for number in range(count)]
    for key in keys:
        bench.cloud.s3.put_object(Bucket=DATA, Key=key, Body=body.encode())
    return keys


def starting(bench: Bench) -> Section:
    """Starting mappers by Event."""
    count = "20" if bench.quick else "200"
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    rows = [["an answer takes", "fresh client, one after another", "**one client, pooled**", "x"]]
    for milliseconds in (0, 20):
        with lambda_service(milliseconds / 1000) as endpoint:
            cases = {
                "original": functools.partial(
                    run_case, "start_one_after_another", endpoint, count, environment=credentials
                ),
                "ours": functools.partial(
                    run_case, "start_pooled", endpoint, count, environment=credentials
                ),
            }
            runs, _ = in_turns(cases, bench.rounds)
        original, ours = median(runs["original"]), median(runs["ours"])
        if milliseconds:
            bench.rates["starts"] = int(count) / ours
        rows.append(
            [f"{milliseconds} ms", f"{original:.2f} s", f"{ours:.2f} s", f"{original / ours:.1f}"]
        )
    text = (
        f"{count} mappers, asynchronously, against a server on this machine that answers every "
        "invocation with 202. A mapper costs these S3 requests: one GET an object or range (one "
        "more for each doubling of a last line over 64 KiB), one PUT, one DELETE of its record of "
        "an earlier failure."
    )
    return Section("starting", "Starting mappers", text, rows)


@contextlib.contextmanager
def lambda_service(seconds: float) -> Iterator[str]:
    """A server that takes every asynchronous invocation; yields its URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(seconds)
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Nothing is logged."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def coordinator(bench: Bench) -> Section:
    """What one event costs, by the outputs that lie there."""
    rows = [["outputs", "seconds an event (median)", "S3 requests"]]
    counts = (10, 100) if bench.quick else (10, 100, 1000, 10_000)
    points = {}
    for count in counts:
        job_id = f"event-{count}"
        put_job(bench, job_id, count)
        case = functools.partial(
            run_case, "coordinator_event", BUCKET, job_id, environment=bench.cloud.variables
        )
        runs, _ = in_turns({job_id: case}, bench.rounds)
        seconds = median(runs[job_id])
        points[count] = seconds
        rows.append([f"{count:,}", f"{seconds:.4f}", str(runs[job_id][0].groups)])
    bench.cloud.clear()
    text = (
        "One event of a job that still waits for a mapper, with so many outputs written straight "
        "to S3. Requests: the job's record, and one listing for each 1,000 outputs."
    )
    plot = {
        "kind": "lines", "title": "One coordinator event", "x": "outputs", "y": "seconds",
        "series": {"an event": list(points.items())}, "log": True,
    }  # fmt: skip
    return Section("coordinator", "The coordinator", text, rows, plot)


def put_job(bench: Bench, job_id: str, count: int) -> None:
    """A job of one mapper more than there are outputs; its bucket's trigger does not fire."""
    s3 = bench.cloud.s3
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})
    info = {"jobId": job_id, "jobBucket": BUCKET, "mapCount": count + 1}
    info |= {"reducerFunction": "reducerNS", "reducerHandler": "reducer.handler"}
    s3.put_object(Bucket=BUCKET, Key=f"{job_id}/jobinfo.json", Body=json.dumps(info).encode())
    for number in range(1, count + 1):
        s3.put_object(Bucket=BUCKET, Key=f"{job_id}/task/mapper/{number}", Body=b"{}")


def jobs(bench: Bench) -> Section:
    """Whole jobs, from the command to the answer, against other frameworks."""
    count, size = (4, 1_000_000) if bench.quick else (8, 12_500_000)
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


def whole(case: str, folder: Path) -> Run:
    """A framework's job, the start of its program included."""
    begin = time.perf_counter()
    run = run_case(case, str(folder), "2")
    return dataclasses.replace(run, seconds=time.perf_counter() - begin)


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
        runs, _ = in_turns(cases, 1)
        for name in names:
            series.setdefault(TITLES[name].strip("*"), []).append((size / 1e9, median(runs[name])))
        cells = [
            f"{median(runs[name]):.2f} s, {megabytes(peak(runs[name]) * 1e6)}" for name in names
        ]
        rows.append([megabytes(size), *cells])
    path.unlink()
    rows += mapper_growth(bench)
    text = (
        "Seconds and peak memory on one core as the input grows (one run each; the rows repeat, so "
        "the groups stay), and whole jobs on the embedded AWS as the number of mappers grows, 64 "
        "KB of input each."
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
    rows = [["mappers", "seconds", "", ""]]
    for count in (5, 10) if bench.quick else (10, 50, 200):
        prefix = f"grow-{count}/"
        for number in range(count):
            s3.put_object(Bucket=DATA, Key=f"{prefix}{number:04}", Body=body)
        options = ("--batchsize", "1", "--concurrency", "4")
        seconds = bench.cloud.job(prefix, *options).seconds
        rows.append([str(count), f"{seconds:.1f}", "", ""])
    return rows


PUBLISHED = [
    ("1node, 25.4 GB", "the original, on AWS", "600 s", ""),
    ("1node, 25.4 GB", "corral (Go), on AWS", "48.5 s", ""),
    ("5nodes, 126.8 GB", "corral (Go), on AWS", "168.8 s", ""),
    ("5nodes, 126.8 GB", "awslabs' reference, on AWS", "200 s", "$0.1129"),
    ("5nodes, 126.8 GB", "Redshift", "25.5 s", ""),
    ("5nodes, 126.8 GB", "Impala", "84 s", ""),
    ("5nodes, 126.8 GB", "Hive", "731 s", ""),
]


def model(bench: Bench) -> Section:
    """The AWS run, computed from what was measured."""
    rows = [["input", "mapper", "split", "mappers", "reducers", "seconds", "dollars"]]
    series: dict[str, list[tuple[float, float]]] = {}
    for title, size in (("1node, 25.4 GB", 25.4e9), ("5nodes, 126.8 GB", 126.8e9)):
        for job, rate in (("uservisits", "kernel"), ("uservisits_polars", "polars")):
            rates = Rates(kernel=bench.rates[rate], merge=bench.rates["merge"])
            for split in (32, 64, 128, 256, 512, 900):
                found = estimate(int(size), int(split * 1e6), rates)
                rows.append(
                    [title, job, f"{split} MB", f"{found.mappers:,}", str(found.reducers),
                     f"{found.seconds:.1f}", f"${found.dollars:.4f}"]
                )  # fmt: skip
                series.setdefault(f"{title}, {job}", []).append((split, found.seconds))
    rows += [
        [title, who, "", "", "", seconds, dollars] for title, who, seconds, dollars in PUBLISHED
    ]
    fields = dataclasses.asdict(Rates(bench.rates["kernel"], bench.rates["merge"]))
    assumed = ", ".join(f"`{name}` {value:g}" for name, value in fields.items())
    text = (
        "**Computed, not measured**, from the rates above and these assumptions "
        f"(benchmarks/model.py says what each is): {assumed}. The kernel of the second job is "
        f"{bench.rates['polars']:,.0f} bytes/s. A core here is taken for a core there; mappers "
        "start at once up to the account's concurrency; the slowest one is taken to be like the "
        "others. At the bottom, what others have published, on AWS and on clusters."
    )
    plot = {
        "kind": "lines", "title": "The modelled AWS run", "x": "split size, MB", "y": "seconds",
        "series": series,
    }  # fmt: skip
    return Section("model", "A model of the run on AWS", text, rows, plot)


NEEDED = ("kernel", "reducer")
"""Sections whose rates the model takes."""

ALL: dict[str, Callable[[Bench], Section]] = {
    function.__name__: function
    for function in (
        kernel, mapper, memory, reducer, starting, jobs, growth, coordinator, model
    )
}  # fmt: skip
