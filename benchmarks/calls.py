"""The sections about calls: starting mappers, and what an event costs the coordinator."""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import threading
import time
from collections.abc import Iterator

from cloud import BUCKET, DATA
from common import Bench, Section
from measure import faster, in_turns, median, run_case


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
        ratio = faster(runs["original"], runs["ours"])
        rows.append([f"{milliseconds} ms", f"{original:.2f} s", f"{ours:.2f} s", ratio])
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
    cpu, mappers = coordinators_of_a_job(bench), counts[-1]
    bench.cloud.clear()
    text = (
        "One event of a job that still waits for a mapper, with so many outputs written straight "
        "to S3. Requests: the job's record, and a page of 32 keys. "
        f"Over all events of a job of {mappers:,} mappers that end in random order, an event "
        f"takes {cpu * 1000:.1f} ms of a core in the median."
    )
    plot = {
        "kind": "lines", "title": "One coordinator event", "x": "outputs", "y": "seconds",
        "series": {"an event": list(points.items())}, "log": True,
    }  # fmt: skip
    return Section("coordinator", "The coordinator", text, rows, plot)


def coordinators_of_a_job(bench: Bench) -> float:
    """CPU seconds of an event, the median over a whole job."""
    count = 100 if bench.quick else 10_000
    put_job(bench, "whole", 0, count)
    environment = bench.cloud.variables
    return run_case("coordinator_job", BUCKET, "whole", str(count), environment=environment).seconds


LISTED = 1000
"""Keys of the page that is listed."""
PAIRS = 200_000
"""Pairs that are encoded."""


def computing(bench: Bench) -> Section:
    """What requests and outputs cost the core that makes them."""
    large = bench.size
    bench.cloud.s3.upload_file(str(bench.file), DATA, "computing/large")
    for number in range(LISTED - 1):
        bench.cloud.s3.put_object(Bucket=DATA, Key=f"computing/{number}", Body=b"")
    variables = bench.cloud.variables
    plain = {**variables, "BENCH_WITHOUT": "orjson"}
    units = dict.fromkeys(("client", "clients", "request", "page", "receive"), variables)
    units |= {"encode": plain, "encode_orjson": variables}
    cases = {
        what: functools.partial(run_case, "computing", what, DATA, str(PAIRS), environment=own)
        for what, own in units.items()
    }
    runs, _ = in_turns(cases, bench.rounds)
    cpu = {what: median(found) for what, found in runs.items()}
    bench.rates |= {
        "client": cpu["client"],
        "next_client": cpu["clients"] - cpu["client"],
        "request": cpu["request"],
        "listed": max(0.0, cpu["page"] - cpu["request"]) / LISTED,
        "receive": large / cpu["receive"],
        "encode": PAIRS / cpu["encode"],
        "encode_orjson": PAIRS / cpu["encode_orjson"],
    }
    found = bench.rates
    rows = [
        ["", "seconds of a core"],
        ["the first client of AWS", f"{found['client']:.3f}"],
        ["a further client", f"{found['next_client']:.4f}"],
        ["a request", f"{found['request']:.5f}"],
        ["a listed key", f"{found['listed']:.7f}"],
        ["100 MB of an object's bytes", f"{1e8 / found['receive']:.3f}"],
        ["100,000 pairs of an output, as JSON in the order of their buckets",
         f"{1e5 / found['encode']:.3f}"],
        ["the same with orjson", f"{1e5 / found['encode_orjson']:.3f}"],
    ]  # fmt: skip
    text = (
        "CPU time of the process alone, whatever it waits for. A function of 128 MB has 1/14 of a "
        "core: there, each takes 14 times as long. The embedded S3 is asked without TLS."
    )
    return Section("computing", "What requests cost a core", text, rows)


def put_job(bench: Bench, job_id: str, count: int, mappers: int | None = None) -> None:
    """A job of so many mappers, or of one more than it has outputs; its trigger does not fire."""
    s3 = bench.cloud.s3
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})
    info = {"jobId": job_id, "jobBucket": BUCKET, "mapCount": mappers or count + 1}
    info |= {"reducerFunction": "reducerNS", "reducerHandler": "reducer.handler"}
    s3.put_object(Bucket=BUCKET, Key=f"{job_id}/jobinfo.json", Body=json.dumps(info).encode())
    for number in range(1, count + 1):
        s3.put_object(Bucket=BUCKET, Key=f"{job_id}/task/mapper/{number}", Body=b"{}")
