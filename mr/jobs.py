"""The job that a mapper and a reducer run: a module of its own, chosen by the environment.

In: `MR_JOB`, the module's name (default `uservisits`). Out: a `Job`, checked before any input is
read; or JobError that names the module and what it lacks. docs/jobs.md is the contract in full:
a module has `combine(a, b)`, and either `map_line(line)` or a class `Accumulator`.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import itertools
import os
import re
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any, Protocol

import s3json
from lambdautils import JobError

DEFAULT_JOB = "uservisits"
MAX_EXAMPLE = 200
"""Characters of a bad row that are kept to be shown."""

COMBINE = "combine"
"""The entry of an output's metadata that says how its values are combined."""

MAX_NAME = 100

PORTION = 4096
"""Pairs that become JSON at a time."""


class Accumulator(Protocol):
    """A mapper's state: fed with blocks of whole lines, in order, asked for its pairs at the end.

    `lines` counts rows, `errors` those that cannot be read, `example` is the first of these.
    """

    lines: int
    errors: int
    example: str

    def add(self, block: bytes) -> None:
        """Take a block of whole lines; only an object's last line may lack its line end."""

    def pairs(self) -> dict[str, Any] | dict[bytes, Any]:
        """Key -> value for all lines so far. The keys are texts, or all of them are UTF-8; a
        value is whatever JSON has a form for.
        """


Combine = Callable[[Any, Any], Any]


@dataclasses.dataclass(frozen=True)
class Job:
    """A job that keeps its contract."""

    name: str
    accumulator: Callable[[], Accumulator]
    combine: Combine

    def add(self, accumulator: Accumulator, block: bytes, source: str) -> None:
        """Have the accumulator take a block of `source`. JobError where it fails."""
        try:
            accumulator.add(block)
        except JobError:
            raise
        except Exception as error:
            raise self.failed("Accumulator.add", f"in {source}", error) from error

    def merge(self, merged: dict[str, Any], pairs: Mapping[str, Any]) -> None:
        """Combine `pairs` into `merged`. JobError where the job's own `combine` fails."""
        combine, get, missing = self.combine, merged.get, object()
        try:
            for key, value in pairs.items():
                known = get(key, missing)
                merged[key] = value if known is missing else combine(known, value)
        except Exception as error:
            raise self.failed("combine", f"at key {key!r}", error) from error

    @property
    def combine_name(self) -> str:
        """What tells one `combine` from another: "countries.combine", or "_operator.add"."""
        module = getattr(self.combine, "__module__", None) or self.name
        return f"{module}.{getattr(self.combine, '__qualname__', 'combine')}"[:MAX_NAME]

    def check_written_for(self, metadata: Mapping[str, str], where: str) -> None:
        """JobError where an output was written by a job that combines in another way.

        An output that does not say how, as one of a mapper of one's own, is taken as it is.
        """
        if (written := metadata.get(COMBINE, self.combine_name)) != self.combine_name:
            raise JobError(
                f"{where} is to be combined with {written}, but the reducer runs the job "
                f"{self.name}, with {self.combine_name}: give the mapper and the reducer the same "
                "MR_JOB in scns.json"
            )

    def failed(self, function: str, where: str, error: Exception) -> JobError:
        """The error of a function of the job that raised."""
        what = f"{type(error).__name__}: {error}"
        return JobError(f"job {self.name}: {function} failed {where}: {what}")

    def check_keys(self, pairs: Any) -> dict[Any, Any]:
        """The pairs as they are. JobError unless they are a dict whose keys are texts, or bytes."""
        if not isinstance(pairs, dict):
            raise JobError(f"job {self.name}: pairs() gave {type(pairs).__name__}, not a dict")
        kinds = set(map(type, pairs))
        kind = bytes if bytes in kinds else str
        if kinds <= {kind}:
            return pairs
        key = next(key for key in pairs if type(key) is not kind)
        raise JobError(
            f"job {self.name}: the key {key!r} is {type(key).__name__}, not {kind.__name__}: make "
            "every key a text, or every key bytes"
        )

    def unwritable(self, pairs: Mapping[Any, Any], error: Exception) -> JobError:
        """The error of pairs that JSON has no form for, with the first that is to blame."""
        for key, value in pairs.items():
            try:
                encode_pairs({key: value})
            except (TypeError, ValueError, RecursionError) as fault:
                shown = repr(value)[:MAX_EXAMPLE]
                return JobError(f"job {self.name}: the value {shown} of key {key!r}: {fault}")
        return JobError(f"job {self.name}: its pairs cannot be written as JSON: {error}")


def write_pairs(
    s3: Any, job: Job, bucket: str, key: str, pairs: Mapping[Any, Any], metadata: Mapping[str, str]
) -> None:
    """Write an output. JobError, naming the pair, where JSON has no form for it."""
    try:
        body = encode_pairs(pairs)
    except (TypeError, ValueError, RecursionError) as error:
        raise job.unwritable(pairs, error) from error
    s3json.write_body(s3, bucket, key, body, {**metadata, COMBINE: job.combine_name})


def encode_pairs(pairs: Mapping[Any, Any]) -> bytes:
    """Pairs as one JSON object; keys that are bytes are UTF-8. ValueError or TypeError; pure.

    Portion by portion, since json makes a text of every key and value before it joins them.
    """
    items = iter(pairs.items())
    portions = []
    while portion := dict(itertools.islice(items, PORTION)):
        if isinstance(next(iter(portion)), bytes):
            portion = {key.decode(): value for key, value in portion.items()}
        portions.append(s3json.json_bytes(portion)[1:-1])
    return b"{" + b",".join(portions) + b"}"


def load() -> Job:
    """The job that `MR_JOB` names. JobError where it cannot be run."""
    return _load(os.environ.get("MR_JOB") or DEFAULT_JOB)


@functools.cache
def _load(name: str) -> Job:
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise JobError(f"MR_JOB is {name!r}, not the name of a module such as {DEFAULT_JOB}")
    return check(name, _import(name))


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except JobError:
        raise
    except ModuleNotFoundError as error:
        if error.name != name:
            raise JobError(
                f"job {name} needs the module {error.name}, which the function does not have: add "
                "it to packages, layers or files_and_dirs in scns.json"
            ) from error
        raise JobError(
            f"MR_JOB is {name}, but the function has no {name}.py: add it to files_and_dirs of "
            "the mapper and of the reducer in scns.json"
        ) from error
    except Exception as error:
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
    return Job(name, accumulator, combine)


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
    except Exception as error:  # noqa: BLE001 - whatever a user's code may raise
        return [f"Accumulator() failed: {type(error).__name__}: {error}"]
    missing = [name for name in ("lines", "errors", "example") if not hasattr(made, name)]
    missing += [
        f"{name}()" for name, count in (("add", 1), ("pairs", 0))
        if not _takes(getattr(made, name, None), count)
    ]  # fmt: skip
    return [f"Accumulator has no {', '.join(missing)}"] if missing else []


class LineAccumulator:
    """The accumulator of a job that has only `map_line`: each pair is combined as it comes."""

    def __init__(
        self, name: str, map_line: Callable[[str], Iterable[Any]], combine: Combine
    ) -> None:
        self.lines = 0
        self.errors = 0
        self.example = ""
        self._job = Job(name, lambda: self, combine)
        self._map_line = map_line
        self._pairs: dict[str, Any] = {}

    def add(self, block: bytes) -> None:
        """Map every line. A line that is no UTF-8, or for which map_line raises ValueError, is
        bad; JobError where map_line raises anything else, or gives no pairs.
        """
        for line in block.split(b"\n"):
            row = line.rstrip(b"\r")
            if not row:
                continue
            self.lines += 1
            try:
                self._add(row.decode())
            except ValueError:
                self.errors += 1
                self.example = self.example or row[:MAX_EXAMPLE].decode(errors="backslashreplace")

    def _add(self, row: str) -> None:
        try:
            found = list(self._map_line(row))
        except ValueError:
            raise
        except Exception as error:
            raise self._job.failed("map_line", f"on {row[:MAX_EXAMPLE]!r}", error) from error
        for pair in found:
            if not isinstance(pair, tuple) or len(pair) != 2:
                raise JobError(
                    f"job {self._job.name}: map_line gave {pair!r}, not a pair: "
                    "`yield key, value`, as often as you like"
                )
            self._job.merge(self._pairs, dict([pair]))

    def pairs(self) -> dict[str, Any]:
        """The pairs so far."""
        return self._pairs


def whole_number_setting(name: str, default: int, least: int) -> int:
    """A job's setting out of the function's environment. JobError where it is no number."""
    text = os.environ.get(name) or str(default)
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < least:
        raise JobError(f"{name} is {text!r}, not a whole number from {least}: see scns.json")
    return int(text)
