"""The page about a finished job: one HTML file that needs no network.

It has a timeline, the critical path, stragglers, durations, cost, bad rows and the largest groups.
The files beside this one are its parts, and draw in SVG: a page of some 30 kB, beside the job's
numbers, whose Content-Security-Policy allows no request at all. What comes from the data is text
there and never markup.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from errors import JobError, UsageError, visible
from report.parts import assemble
from state.fields import is_number
from views import finished, result
from views.jsonpairs import Pair
from views.summary import Summary
from views.timings import Timing

PARTS = Path(__file__).parent
SCRIPTS = ("page.js", "drawings.js")
LARGEST_GROUPS = 15


def check(path: str) -> None:
    """UsageError where no report could be written to `path`: asked before a job is started."""
    target = Path(path)
    if target.is_dir():
        raise UsageError(f"{path} is a folder: give the name of a file")
    if not target.absolute().parent.is_dir():
        raise UsageError(f"{path}: there is no folder {target.absolute().parent}: make it first")


def facts(done: Summary, groups: Iterable[Pair], rows: Iterable[Timing] = ()) -> dict[str, Any]:
    """What the page shows, as its script takes it; pure. `rows` are the calls, as far as the logs
    tell of them.
    """
    numbers = (pair for pair in groups if can_be_drawn(pair[1]))
    largest = result.largest(numbers, LARGEST_GROUPS)
    shown = {
        **done.to_json(),
        "started": done.job.start,
        "critical_path": [task.name for task in finished.critical_path(done.job)],
        "largest_groups": [list(pair) for pair in largest],
        "calls": [call_json(row) for row in rows if row.ended_unix_s and row.started_unix_s],
    }
    return {name: seen(value) for name, value in shown.items()}


def call_json(row: Timing) -> dict[str, Any]:
    """What the timeline shows of a call; pure."""
    start = row.started_unix_s or 0.0
    return {
        "name": row.name,
        "kind": row.kind,
        "outcome": row.outcome,
        "started_unix_s": start,
        "seconds": (row.ended_unix_s or start) - start,
        "init_s": None if row.init_ms is None else row.init_ms / 1000,
    }


def can_be_drawn(value: Any) -> bool:
    """Whether a value is a number that a browser has too."""
    most = sys.float_info.max
    return is_number(value, -most, most)


def seen(value: Any) -> Any:
    """A value of JSON whose texts are visible; pure."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, Mapping):
        return {name: seen(one) for name, one in value.items()}
    return [seen(one) for one in value] if isinstance(value, list | tuple) else value


def page(shown: Mapping[str, Any]) -> str:
    """The whole page; pure but for the reading of its parts."""
    return assemble(PARTS, SCRIPTS, shown, {"title": f"Job {shown['job_id']}"})


def write(path: str, done: Summary, groups: Iterable[Pair], rows: Iterable[Timing] = ()) -> None:
    """Write the page. JobError where the file cannot be written; one that was there stays then."""
    try:
        write_aside(Path(path), page(facts(done, groups, rows)))
    except OSError as error:
        raise JobError(f"{path} cannot be written: {error.strerror}") from error


def write_aside(path: Path, text: str) -> None:
    """Write a file whole or not at all: beside its place, then renamed. OSError."""
    place = path.resolve()
    if place.exists() and not place.is_file():  # /dev/stdout, or a pipe
        place.write_text(text, encoding="utf-8")
        return
    aside = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        aside.write_text(text, encoding="utf-8")
        aside.replace(place)
    finally:
        aside.unlink(missing_ok=True)
