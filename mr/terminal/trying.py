"""`job.py try`: a job's file tried on a sample, as a person reads it."""

from __future__ import annotations

import argparse
import itertools
import json
import linecache
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from errors import JobError, brief, counted, visible
from inputs import packing, text
from jobs import catalog, loading, shipped, source
from jobs.base import Job
from running.trial import Trial, Wrong, try_job

SHOWN = 5
"""Pairs that are shown."""


def show_trial(options: argparse.Namespace) -> int:
    """Try a job's file on samples, and print what it gives; 1 where `combine` is not associative.

    JobError where it breaks its contract, with the line of its own that raised.
    """
    path = Path(options.file)
    try:
        job = load(path, dict(options.set))
        trial = try_job(job, [(name, sample(Path(name))) for name in options.sample])
    except JobError as error:
        raise JobError(str(error), *where(error, path)) from error
    print("\n".join(visible(line) for line in lines(trial)))
    return 1 if trial.ungrouped else 0


def load(path: Path, given: Mapping[str, Any]) -> Job:
    """The job in a file, which may import others from beside it. JobError, OSError."""
    catalog.read(path)  # tells where a file is no Python
    sys.path.append(str(path.parent))
    place = f"job_{path.stem}"
    return loading.check(
        path.stem,
        shipped.run(path.stem, place, path.read_bytes(), str(path)),
        given,
        source.digest(str(path)),
    )


def sample(path: Path) -> bytes:
    """A sample's lines, as a job gets them: unpacked, in UTF-8, with one kind of line end."""
    chunks = iter([path.read_bytes()])
    how = packing.packing(path.name)
    unpacked = packing.unpack(chunks, how, str(path)) if how else chunks
    return b"".join(text.newlines(text.without_mark(unpacked, str(path))))


def where(error: BaseException, path: Path) -> Iterator[str]:
    """The line of a job's own file that raised, and its number; nothing where none did."""
    cause = error.__cause__
    trace = cause.__traceback__ if cause else None
    found = None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            found = trace
        trace = trace.tb_next
    if found is not None:
        number, name = found.tb_lineno, found.tb_frame.f_code.co_name
        yield f"{path}:{number}, in {name}: {linecache.getline(str(path), number).strip()}"


def lines(trial: Trial) -> Iterator[str]:
    """A trial as a person reads it."""
    bad = sum(fault.count for fault in trial.faults.values())
    headers = f", {counted(trial.headers, 'header line')}" if trial.headers else ""
    groups = counted(len(trial.answer), "group")
    yield f"{counted(trial.lines, 'row')}, {bad:,} bad{headers}, {groups}"
    for kind, fault in trial.faults.items():
        yield f"    {kind}: {fault.count:,}, such as {brief(fault.example)}"
    yield "the first pairs:"
    yield from some(trial.first)
    yield "the answer:"
    yield from some(dict(sorted(trial.answer.items())))
    yield from told(trial)


def some(pairs: Mapping[str, Any]) -> Iterator[str]:
    for key, value in itertools.islice(pairs.items(), SHOWN):
        yield f"    {json.dumps(key, ensure_ascii=False)}: {json.dumps(value, ensure_ascii=False)}"
    if len(pairs) > SHOWN:
        yield f"    and {len(pairs) - SHOWN:,} more"


def told(trial: Trial) -> Iterator[str]:
    """Whether `combine` keeps its contract."""
    if trial.ungrouped:
        yield f"combine is NOT associative: {difference(trial.ungrouped)}"
        yield "    outputs are merged in groups, in steps: another grouping must give the same"
    else:
        yield "combine gave the same in every grouping that was tried"
    if trial.unordered:
        yield f"combine depends on the order of values: {difference(trial.unordered)}"
        yield "    that is the order of the input's objects, and of the lines in them"


def difference(wrong: Wrong) -> str:
    return f"key {brief(wrong.key)} gives {brief(wrong.in_order)} or {brief(wrong.otherwise)}"
