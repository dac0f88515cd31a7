"""Which job a run is to run: name, settings and file are checked before anything is started."""

from __future__ import annotations

import hashlib
from pathlib import Path

from errors import JobError, UsageError, log
from jobs import catalog, settings, source
from jobs.catalog import Listed
from running.request import JobRequest
from state.choice import BY_ENVIRONMENT, Choice


def choose(request: JobRequest) -> tuple[Choice, bytes]:
    """The job that is asked for, its settings as values; and its file, where that goes with the
    run, else b"". UsageError.

    A job whose file is not beside the driver is checked by the functions that have it.
    """
    if not request.job:
        return BY_ENVIRONMENT, b""
    if request.job.endswith(".py"):
        return _choose_file(request, Path(request.job))
    if not request.job.isidentifier():
        raise UsageError(
            f"{request.job!r} is not the name of a job: --list-jobs has those that there are; a "
            "file of your own ends with .py"
        )
    found = catalog.find(request.job)
    if found is None:
        log(f"job {request.job} is not beside the driver: its settings are checked by the mappers")
        return Choice(request.job, request.settings), b""
    return Choice(request.job, _values(request, found)), b""


def _choose_file(request: JobRequest, path: Path) -> tuple[Choice, bytes]:
    body = _job_in(path)
    values = _values(request, catalog.read(path))
    return Choice(path.stem, values, hashlib.sha256(body).hexdigest()), body


def _job_in(path: Path) -> bytes:
    """A job's file. UsageError where it is no job, or more than a file; OSError."""
    body = path.read_bytes()
    catalog.read(path)
    if not path.stem.isidentifier():
        raise UsageError(f"{path}: {path.stem!r} is no name of a module: letters, digits and _")
    if not catalog.is_job(body):
        raise UsageError(
            f"{path} is no job: it needs combine(a, b), and map_line(line) or a class Accumulator "
            "(see docs/jobs.md)"
        )
    if beside := source.files(path)[1:]:
        raise UsageError(
            f"{path} imports {beside[0].name}, but one file alone goes with a run: put all of it "
            "into that file, or deploy it (see docs/jobs.md)"
        )
    return body


def _values(request: JobRequest, found: Listed) -> dict[str, settings.Value]:
    try:
        values = settings.resolve(found.name, found.settings, request.settings, {})
    except JobError as error:
        raise UsageError(f"{error}: --list-jobs has them all") from error
    return {name: values[name] for name in request.settings}
