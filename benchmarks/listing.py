"""What it takes to plan a job over very many objects: CPU seconds and memory of the driver.

    python benchmarks/listing.py --objects 200000

A server of this script's own, in a process of its own, gives the pages of a listing as S3 does; the
plan is made from them as the driver makes it. Out: CPU seconds, and how much the peak of the
resident memory grew.
"""

from __future__ import annotations

import argparse
import http.server
import os
import resource
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "mr")]

from aws.client import Clients
from aws.s3objects import list_input
from running.planning import plan_batches
from running.request import JobRequest

PREFIX = "uservisits/"
PAGE = 1000
OBJECT = (
    "<Contents><Key>uservisits/2024/part-{0:08}.csv</Key>"
    "<LastModified>2024-05-06T07:08:09.000Z</LastModified><ETag>&quot;{0:032x}&quot;</ETag>"
    "<Size>{1}</Size><StorageClass>STANDARD</StorageClass></Contents>"
)


def page(first: int, count: int) -> bytes:
    """A page of the listing of `count` objects, as S3 writes it."""
    objects = "".join(OBJECT.format(n, 10**6 + n) for n in range(first, min(first + PAGE, count)))
    more = first + PAGE < count
    token = f"<NextContinuationToken>{first + PAGE}</NextContinuationToken>" if more else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>data</Name>'
        f"<EncodingType>url</EncodingType><IsTruncated>{str(more).lower()}</IsTruncated>{token}"
        f"{objects}</ListBucketResult>"
    ).encode()


def serve(count: int) -> None:
    """Answer every request with a page; the port is printed. Ends with standard input."""

    class Pages(http.server.BaseHTTPRequestHandler):
        def log_message(self, *words: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            asked = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
            body = page(int(asked.get("continuation-token", ["0"])[0]), count)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = http.server.HTTPServer(("127.0.0.1", 0), Pages)
    print(server.server_port, flush=True)
    server.serve_forever()


def peak_mb() -> float:
    """The peak of this process's resident memory so far, in MB of 10^6 bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def measure(count: int) -> tuple[float, float]:
    """CPU seconds and growth in MB of planning over `count` objects from AWS_ENDPOINT_URL."""
    s3 = Clients("us-west-2").s3
    s3.list_objects_v2(Bucket="data", Prefix=PREFIX)  # what is loaded once is not counted
    memory, begun = peak_mb(), time.process_time()
    request = JobRequest(bucket="data", prefix=PREFIX, dryrun=True)
    plan = plan_batches(list_input(s3, request.bucket, request.prefix), request)
    if plan.objects != count:
        raise SystemExit(f"{plan.objects} objects were planned, not {count}")
    return time.process_time() - begun, peak_mb() - memory


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="benchmarks/listing.py",
        description="Measure what it takes to plan a job over very many objects.",
        epilog="example: python benchmarks/listing.py --objects 200000",
    )
    parser.add_argument("--objects", type=int, default=200_000, help="objects (%(default)s)")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.serve:
        serve(options.objects)
    command = [sys.executable, __file__, "--serve", "--objects", str(options.objects)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        port = server.stdout.readline().strip() if server.stdout else ""
        os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"
        os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        seconds, grown = measure(options.objects)
    finally:
        server.terminate()
        server.wait()
    print(f"{options.objects} objects planned: {seconds:.1f} CPU s, {grown:.0f} MB more memory")
    return 0


if __name__ == "__main__":
    sys.exit(main())
