"""The job that a mapper and a reducer run: a module of its own, chosen by the environment.

In: `MR_JOB`, the module's name (default `uservisits`). Out: a `Job`, checked before any input is
read; or JobError that names the module and what it lacks. docs/jobs.md is the contract in full:
a module has `combine(a, b)`, and either `map_line(line)` or a class `Accumulator`.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from errors import JobError
from jobs.faults import MAX_EXAMPLE, RowCounts

COMBINE = "combine"
"""The entry of an output's metadata that says how its values are combined."""
MAX_NAME = 100


class Accumulator(Protocol):
    """A mapper's state: fed with blocks of whole lines, in order, asked for its pairs at the end.

    `lines` counts rows, `errors` those that cannot be read, `example` is the first of these. One
    that also has `faults`, as `faults.RowCounts` does, tells these apart by kind.
    """

    @property
    def lines(self) -> int: ...

    @property
    def errors(self) -> int: ...

    @property
    def example(self) -> str: ...

    def add(self, block: bytes) -> None:
        r"""Take a block of whole lines. They end with \n, but an object's last may lack it."""

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


class LineAccumulator(RowCounts):
    """The accumulator of a job that has only `map_line`: each pair is combined as it comes."""

    def __init__(
        self, name: str, map_line: Callable[[str], Iterable[Any]], combine: Combine
    ) -> None:
        super().__init__()
        self._job = Job(name, lambda: self, combine)
        self._map_line = map_line
        self._pairs: dict[str, Any] = {}

    def add(self, block: bytes) -> None:
        """Map every line. A line that is no UTF-8, or for which map_line raises ValueError, is
        bad; JobError where map_line raises anything else, or gives no pairs.
        """
        for row in filter(None, block.split(b"\n")):
            self.lines += 1
            try:
                self._add(row.decode())
            except ValueError as error:
                self.add_fault(row, error)

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
