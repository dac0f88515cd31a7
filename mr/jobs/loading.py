"""The job that a function runs: found by its name, checked before any input is read.

`MR_JOB` has the name (default `uservisits`): a module of one's own beside the function, or one of
this folder. JobError names the module and what it lacks.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import os
import re
from types import ModuleType
from typing import Any

from errors import JobError
from jobs import source
from jobs.base import RAISED, Job, LineAccumulator

DEFAULT_JOB = "uservisits"


def load() -> Job:
    """The job that `MR_JOB` names. JobError where it cannot be run."""
    return _load(os.environ.get("MR_JOB") or DEFAULT_JOB)


@functools.cache
def _load(name: str) -> Job:
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise JobError(f"MR_JOB is {name!r}, not the name of a module such as {DEFAULT_JOB}")
    return check(name, _import(name))


def _import(name: str) -> ModuleType:
    # One of one's own has the name to itself; the others stand in this folder.
    place = name if importlib.util.find_spec(name) else f"{__package__}.{name}"
    try:
        return importlib.import_module(place)
    except JobError:
        raise
    except ModuleNotFoundError as error:
        if error.name != place:
            raise JobError(
                f"job {name} needs the module {error.name}, which the function does not have: add "
                "it to packages, layers or files_and_dirs in scns.json"
            ) from error
        raise JobError(
            f"MR_JOB is {name}, but the function has no {name}.py: add it to files_and_dirs of "
            "the mapper and of the reducer in scns.json"
        ) from error
    except RAISED as error:
        what = f"{type(error).__name__}: {error}"
        raise JobError(f"job {name}: {name}.py cannot be loaded: {what}") from error


def check(name: str, module: Any) -> Job:
    """The job in a module. JobError with everything that its contract lacks."""
    faults = []
    combine: Any = getattr(module, "combine", None)
    if not _takes(combine, 2):
        faults.append("there is no function combine(a, b)")
    map_line: Any = getattr(module, "map_line", None)
    accumulator: Any = getattr(module, "Accumulator", None)
    if (map_line is None) == (accumulator is None):
        faults.append("it must have either map_line(line) or a class Accumulator")
    elif map_line is not None and not _takes(map_line, 1):
        faults.append("map_line must be a function of one argument")
    elif accumulator is not None:
        faults += _accumulator_faults(accumulator)
    if faults:
        raise JobError(f"{name} is no job: " + "; ".join(faults) + " (see docs/jobs.md)")
    if accumulator is None:
        accumulator = functools.partial(LineAccumulator, name, map_line, combine)
    return Job(name, accumulator, combine, source.digest(getattr(module, "__file__", None)))


def _takes(function: Any, count: int) -> bool:
    if not callable(function):
        return False
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # a builtin that does not tell its signature
        return True
    return True


def _accumulator_faults(accumulator: Any) -> list[str]:
    if not _takes(accumulator, 0):
        return ["Accumulator() must need no argument"]
    try:
        made = accumulator()
    except RAISED as error:
        return [f"Accumulator() failed: {type(error).__name__}: {error}"]
    missing = [name for name in ("lines", "errors", "example") if not hasattr(made, name)]
    missing += [
        f"{name}()" for name, count in (("add", 1), ("pairs", 0))
        if not _takes(getattr(made, name, None), count)
    ]  # fmt: skip
    return [f"Accumulator has no {', '.join(missing)}"] if missing else []
