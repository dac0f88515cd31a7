"""`driver.py --sql`: a question becomes a run of the job `sql`, and its merged pairs an answer.

The libraries that a question needs are options of the terminal (requirements-cli.txt): without them
one clear error, and all else works.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import sys
from collections.abc import Iterator
from typing import Any

from aws.s3objects import S3Object, list_input
from errors import JobError, UsageError, log
from inputs.selecting import is_folder_marker, is_hidden
from running.request import JobRequest
from state.choice import ASKED, Choice
from state.records import JobInfo
from state.tasks import Input
from views.answer import answer_of

FORMS = ("table", "csv", "json")
SUFFIXES = (".csv", ".json", ".parquet")
LOOKED_AT = 8
"""Objects of which the first are looked at."""


@contextlib.contextmanager
def libraries() -> Iterator[None]:
    """UsageError where one that the block imports is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in ("duckdb", "sqlglot"):
            raise
        raise UsageError(
            f"--sql needs {error.name}: `pip install -r requirements-cli.txt` has it"
        ) from error


def asked(s3: Any, request: JobRequest, query: str, schema: str) -> JobRequest:
    """The request of a question: its input is looked at, and it is divided. JobError."""
    with libraries():
        from asking import division, sampling

    objects = _first_objects(s3, request)
    table = sampling.look(s3, objects, lambda item: _source(request, item), schema)
    for line in sampling.lines(table):
        log(line)
    plan, _ = division.divide(query, table)
    return dataclasses.replace(
        request,
        job=ASKED,
        settings={"QUERY": query, "PLAN": plan.to_text()},
        tables=table.form == "parquet",
    )


def _first_objects(s3: Any, request: JobRequest) -> list[S3Object]:
    listed = list_input(s3, request.bucket, request.prefix, request.requester_pays)
    found = (
        item
        for item in listed
        if not is_folder_marker(item) and not is_hidden(item.key, request.prefix)
    )
    first = list(itertools.islice(found, LOOKED_AT))
    if not first:
        raise UsageError(
            f"there is no object under s3://{request.bucket}/{request.prefix}: check the bucket "
            "(--databkt) and the prefix (--prefix)"
        )
    return [item for item in first if item.size] or first


def _source(request: JobRequest, item: S3Object) -> Input:
    return Input(request.bucket, item.key, None, item.etag, request.requester_pays)


def check_output(path: str | None) -> None:
    """UsageError where the answer cannot be written there: before anything is started."""
    if path is None:
        return
    if not path.lower().endswith(SUFFIXES):
        raise UsageError(f"--output {path}: its name must end with {', '.join(SUFFIXES)}")
    with open(path, "ab"):  # noqa: PTH123 - an OSError has the name as the user wrote it
        pass


def is_question(job: JobInfo) -> bool:
    """Whether a run was asked by --sql."""
    return bool(job.choice.question)


def answer(s3: Any, job: JobInfo, form: str, path: str | None = None) -> None:
    """Print the answer of a run that is done, or write it to a file. JobError, OSError."""
    with libraries():
        from asking import division, finishing, writing
    from jobs.query.plan import read_plan

    query, plan = (_setting(job.choice, name) for name in ("QUERY", "PLAN"))
    _, finish = division.divide(query, read_plan(plan).table)
    pairs = answer_of(s3, job).pairs()
    with finishing.finished(finish, pairs, path) as found:
        if path is None:
            writing.write(found, form, sys.stdout.write)
        else:
            writing.write_file(found, path)
            log(f"the answer is {path}")


def _setting(choice: Choice, name: str) -> str:
    value = choice.settings.get(name)
    if not isinstance(value, str):
        raise JobError(f"the run's record has no {name}: it was not asked by --sql")
    return value
