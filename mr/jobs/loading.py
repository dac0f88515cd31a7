"""The job that a function runs: found by its name, checked before any input is read.

A run names it, or the variable `MR_JOB` does (default `uservisits`): a module of one's own beside
the function, or one of this folder; or the run brings a file along. JobError names the module and
what it lacks.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import os
import re
import types
from collections.abc import Callable, Mapping
from typing import Any

from errors import JobError
from jobs import settings, shipped, source
from jobs.base import RAISED, Job, LineAccumulator
from jobs.settings import Value

DEFAULT_JOB = "uservisits"
NOT_SET: Mapping[str, Value] = types.MappingProxyType({})


def load(
    name: str = "",
    given: Mapping[str, Value] = NOT_SET,
    digest: str = "",
    fetch: Callable[[str], bytes] | None = None,
) -> Job:
    """The job of that name, or the one that `MR_JOB` names, with the settings that are given.

    With a `digest`, the job is in a file that goes with the run, and `fetch` gives that file.
    JobError where it cannot be run.
    """
    if digest and fetch:
        return check(name, shipped.module(name, digest, fetch), given, digest)
    name = name or os.environ.get("MR_JOB") or DEFAULT_JOB
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise JobError(f"{name!r} is not the name of a job's module, such as {DEFAULT_JOB}")
    return check(name, _import(name), given)


@functools.cache
def _import(name: str) -> types.ModuleType:
    # One of one's own has the name to itself; the others stand in this folder.
    place = name if importlib.util.find_spec(name) else f"{__package__}.{name}"
    try:
        with shipped.told(name, place):
            return importlib.import_module(place)
    except ModuleNotFoundError as error:
        raise JobError(
            f"the job is {name}, but the function has no {name}.py: add it to files_and_dirs of "
            "the mapper and of the reducer in scns.json"
        ) from error


def check(name: str, module: Any, given: Mapping[str, Value] = NOT_SET, digest: str = "") -> Job:
    """The job in a module, whose digest is that of its file unless it is given. JobError with
    everything that its contract lacks, or that is wrong with its settings.
    """
    values = _settings_of(name, module, given)
    parts = {
        part: bound(getattr(module, part, None), values)
        for part in ("combine", "map_line", "Accumulator")
    }
    if faults := _faults(**parts):
        raise JobError(f"{name} is no job: " + "; ".join(faults) + " (see docs/jobs.md)")
    combine, map_line, accumulator = parts.values()
    if accumulator is None:
        accumulator = functools.partial(LineAccumulator, name, map_line, combine)
    digest = digest or _digest(getattr(module, "__file__", None))
    return Job(name, accumulator, combine, digest)


_digest = functools.cache(source.digest)


def _settings_of(name: str, module: Any, given: Mapping[str, Value]) -> dict[str, Value]:
    try:
        declared = settings.declared(getattr(module, "SETTINGS", {}))
    except ValueError as error:
        raise JobError(f"{name} is no job: {error} (see docs/jobs.md)") from error
    return settings.resolve(name, declared, given, os.environ)


def bound(part: Any, values: Mapping[str, Value]) -> Any:
    """A function or class of a job with the settings that it has parameters for, in small letters;
    one that has none is itself.
    """
    if not values or not callable(part):
        return part
    try:
        names = inspect.signature(part).parameters
    except (TypeError, ValueError):  # a builtin that does not tell its signature
        return part
    taken = {name.lower(): value for name, value in values.items() if name.lower() in names}
    if not taken:
        return part
    made = functools.update_wrapper(functools.partial(part, **taken), part, updated=())
    del made.__wrapped__  # its signature is its own: what is bound is no longer to be given
    return made


def _faults(combine: Any, map_line: Any, Accumulator: Any) -> list[str]:  # noqa: N803
    """What a job's contract lacks."""
    faults = [] if _takes(combine, 2) else ["there is no function combine(a, b)"]
    if (map_line is None) == (Accumulator is None):
        faults.append("it must have either map_line(line) or a class Accumulator")
    elif map_line is not None and not _takes(map_line, 1):
        faults.append("map_line must be a function of one argument")
    elif Accumulator is not None:
        faults += _accumulator_faults(Accumulator)
    return faults


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
