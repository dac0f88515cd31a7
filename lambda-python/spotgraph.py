# PYTHON_ARGCOMPLETE_OK: the shell may complete this command's options
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
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

sys.path.append(str(Path(__file__).resolve().parent.parent / "mr"))

from aws.client import error_code
from deploy.clients import NOT_FOUND, Clients
from errors import JobError, brief, counted, log
from graph import causes, dot, page
from graph.causes import Trace
from spotwrap import settings
from spotwrap.recorder import Record
from spotwrap.table import plain
from terminal import program


class GraphError(JobError):
    """There is nothing to draw; the message has the fact, the value and the remedy."""


def scan(clients: Clients, table: str) -> Iterator[Any]:
    """All items of a table. GraphError where there is no such table."""
    pages = clients.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    try:
        for page in pages:
            yield from page["Items"]
    except ClientError as error:
        if error_code(error) != NOT_FOUND:
            raise
        raise GraphError(
            f"there is no table {table} in this region: deploy with SpotWrap, or name another "
            "with --spotFnsTableName or --spotFnsTableRegion"
        ) from error


def read(path: Path) -> list[Any]:
    """The items in a file that `aws dynamodb scan` printed. GraphError where it is none."""
    try:
        items = json.loads(path.read_text(encoding="utf-8"))["Items"]
    except OSError as error:
        raise GraphError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise GraphError(
            f"{path} is not what `aws dynamodb scan --output json` prints: {error!r}"
        ) from error
    if not isinstance(items, list):
        raise GraphError(f"{path}: Items is no list, as `aws dynamodb scan` prints it")
    return items


def records_of(items: Iterable[Any]) -> Iterator[Record]:
    """The records in a table's items; of each that is none, a line says so."""
    for number, item in enumerate(items, 1):
        try:
            yield plain(item)
        except ValueError as error:
            log(f"item {number} is left out: {error}: {brief(item)}")


def write(trace: Trace, title: str, base: str) -> list[Path]:
    """Write the page and the Graphviz file; returns their paths. GraphError."""
    texts = {
        Path(f"{base}.html"): page.page(trace, title),
        Path(f"{base}.dot"): dot.text(trace, title),
    }
    for path, text in texts.items():
        try:
            aside = path.with_name(f".{path.name}.{os.getpid()}")
            aside.write_text(text, encoding="utf-8", errors="backslashreplace")
            aside.replace(path)
        except OSError as error:
            aside.unlink(missing_ok=True)
            raise GraphError(f"{path} cannot be written: {error.strerror}") from error
    return list(texts)


def draw(options: argparse.Namespace) -> None:
    """Read, draw and write. GraphError where the table knows nothing of the job."""
    if options.records:
        items: Iterable[Any] = read(options.records)
    else:
        clients = Clients(options.spotFnsTableRegion, options.profile)
        items = scan(clients, options.spotFnsTableName)
    records = list(records_of(items))
    trace = causes.trace(records, options.jobbkt, options.jobid)
    if not trace.nodes:
        raise GraphError(
            f"{counted(len(records), 'record')} read, none about job {options.jobid} in bucket "
            f"{options.jobbkt}: was it run by functions deployed with SpotWrap?"
        )
    base = options.output or re.sub(r"[^\w.-]", "_", options.jobid)
    for path in write(trace, f"Job {options.jobid} in {options.jobbkt}", base):
        print(path)


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

exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted""",
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
    return program.run(make_parser(), draw, argv)


if __name__ == "__main__":
    sys.exit(main())
