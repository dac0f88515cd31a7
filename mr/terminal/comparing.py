"""`job.py compare`: two jobs, or the tables of two experiments, side by side."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from aws.client import Clients
from errors import UsageError, brief
from experiments import summing, table
from views import tables
from views.comparing import Line, compare
from views.summary import Summary, read_summary


def show(clients: Clients, options: argparse.Namespace) -> None:
    """Print the figures of both, and the second's by the first's."""
    found = lines(clients, options.first, options.second)
    if options.json:
        print(json.dumps({"figures": [line.to_json() for line in found]}))
        return
    rows = [
        (line.name, line.first, line.second, None if line.ratio is None else round(line.ratio, 3))
        for line in found
    ]
    names = ("figure", "first", "second", "second / first")
    tables.write_table(names, rows, sys.stdout.write, (False, True, True, True))


def lines(clients: Clients, first: str, second: str) -> list[Line]:
    """The figures of two jobs, or of two experiments. UsageError where they are not alike."""
    are_tables = [name.endswith(".csv") for name in (first, second)]
    if all(are_tables):
        return of_tables(table.read(Path(first)), table.read(Path(second)))
    if any(are_tables):
        raise UsageError("compare two jobs, or the tables of two experiments")
    return compare(read_job(clients, first), read_job(clients, second))


def read_job(clients: Clients, name: str) -> Summary:
    """What the job s3://BUCKET/JOB did. UsageError where that is no such name."""
    found = re.fullmatch(r"s3://([^/]+)/([^/]+)/?", name)
    if not found:
        raise UsageError(f"{brief(name)} is no job: write s3://MY-BUCKET-NAME/job1000, or FILE.csv")
    return read_summary(clients, found[1], found[2])


def of_tables(first: Sequence[table.Row], second: Sequence[table.Row]) -> list[Line]:
    """The medians of each combination that is in one of two tables; pure."""
    both = [{one.combination: one for one in summing.figures(rows)} for rows in (first, second)]
    found = []
    for combination in dict.fromkeys([*both[0], *both[1]]):
        one, other = (figures.get(combination) for figures in both)
        words = combination.words()
        for name in ("seconds", "dollars"):
            values = [getattr(each, name).median if each else None for each in (one, other)]
            found.append(Line(f"{words}: {name}", *values))
    return found
