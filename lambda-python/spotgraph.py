"""Draw what caused what in a job, from the records that SpotWrap left in DynamoDB.

    python spotgraph.py MY-BUCKET-NAME job1000

In: the table, or a file with what `aws dynamodb scan` printed. Out: JOBID.html, a page with the
causal graph and the timeline, and JOBID.dot for Graphviz; their names on standard output.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from deploy.clients import NOT_FOUND, Clients, DeployError, error_code
from graph import causes, dot, page
from graph.causes import Trace
from spotwrap import settings
from spotwrap.recorder import Record
from spotwrap.table import plain


class GraphError(Exception):
    """There is nothing to draw; the message has the fact, the value and the remedy."""


def scan(clients: Clients, table: str) -> Iterator[Record]:
    """All records of a table. GraphError where there is no such table."""
    pages = clients.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    try:
        for page in pages:
            yield from map(plain, page["Items"])
    except ClientError as error:
        if error_code(error) != NOT_FOUND:
            raise
        raise GraphError(
            f"there is no table {table} in this region: deploy with SpotWrap, or name another "
            "with --spotFnsTableName or --spotFnsTableRegion"
        ) from error


def read(path: Path) -> list[Record]:
    """The records in a file that `aws dynamodb scan` printed. GraphError where it is none."""
    try:
        items = json.loads(path.read_text(encoding="utf-8"))["Items"]
        return [plain(item) for item in items]
    except OSError as error:
        raise GraphError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise GraphError(
            f"{path} is not what `aws dynamodb scan --output json` prints: {error!r}"
        ) from error


def write(trace: Trace, title: str, base: str) -> list[Path]:
    """Write the page and the Graphviz file; returns their paths. GraphError."""
    texts = {
        Path(f"{base}.html"): page.page(trace, title),
        Path(f"{base}.dot"): dot.text(trace, title),
    }
    for path, text in texts.items():
        try:
            aside = path.with_name(f".{path.name}.{os.getpid()}")
            aside.write_text(text, encoding="utf-8")
            aside.replace(path)
        except OSError as error:
            aside.unlink(missing_ok=True)
            raise GraphError(f"{path} cannot be written: {error.strerror}") from error
    return list(texts)


def run(options: argparse.Namespace) -> list[Path]:
    """Read, draw and write. GraphError where the table knows nothing of the job."""
    if options.records:
        records = read(options.records)
    else:
        clients = Clients(options.spotFnsTableRegion, options.profile)
        records = list(scan(clients, options.spotFnsTableName))
    trace = causes.trace(records, options.jobbkt, options.jobid)
    if not trace.nodes:
        raise GraphError(
            f"none of the {len(records)} records is about job {options.jobid} in bucket "
            f"{options.jobbkt}: was it run by functions deployed with SpotWrap?"
        )
    base = options.output or re.sub(r"[^\w.-]", "_", options.jobid)
    return write(trace, f"Job {options.jobid} in {options.jobbkt}", base)


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="spotgraph.py",
        description="Draw what caused what in a job run by functions with SpotWrap.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="""examples:
  write job1000.html and job1000.dot:
    python spotgraph.py MY-BUCKET-NAME job1000
  from a file:
    aws dynamodb scan --table-name spotFns --output json > records.json
    python spotgraph.py MY-BUCKET-NAME job1000 --records records.json --output picture

exit status: 0 done, 1 failed, 2 wrong usage""",
    )
    add = parser.add_argument
    add("jobbkt", help="the job bucket")
    add("jobid", help="the job id")
    add("--output", "-o", metavar="BASE", help="name of the two files, without .html and .dot")
    add("--records", type=Path, metavar="FILE", help="read what `aws dynamodb scan` printed")
    add("--profile", "-p", help="AWS profile (default: as boto3 finds it)")
    add("--spotFnsTableName", default=settings.TABLE, help="SpotWrap's table (%(default)s)")
    add("--spotFnsTableRegion", default="us-west-2", help="its region (%(default)s)")
    return parser


def main(argv: list[str] | None = None) -> int:
    """The command. Returns the exit status."""
    options = make_parser().parse_args(argv)
    try:
        for path in run(options):
            print(path)
    except (GraphError, DeployError, ClientError, BotoCoreError) as error:
        print(f"spotgraph.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
