"""The job that a mapper and a reducer run, as they see it: a module behind one interface.

A module has `combine(a, b)`, and either `map_line(line)` or a class `Accumulator`; docs/jobs.md is
the contract in full. What its code raises becomes an error that names the job and the line, or the
key and its values. `loading` finds the module.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from errors import JobError, brief
from jobs.faults import MAX_EXAMPLE, Fault, RowCounts
from jobs.written import Written

UNTOLD = "bad rows"
"""The kind of those that an accumulator does not tell apart."""
RAISED = (Exception, SystemExit)
"""What code of a job's own may raise; `exit()` in it must not end the function."""


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

    def pairs(self) -> dict[str, Any] | dict[bytes, Any] | Written:
        """Key -> value for all lines so far. The keys are texts, or all of them are UTF-8; a
        value is whatever JSON has a form for, or its JSON is there (jobs/written.py).
        """


Combine = Callable[[Any, Any], Any]


@dataclasses.dataclass(frozen=True)
class Job:
    """A job that keeps its contract. `digest` tells its version (jobs/source.py).

    Whatever its code raises, or gives in place of what it should, becomes a JobError that names the
    job, and key and value where there are any.
    """

    name: str
    accumulator: Callable[[], Accumulator]
    combine: Combine
    digest: str = ""

    def start(self) -> Accumulator:
        """A new accumulator. JobError where it cannot be made."""
        return self._run("Accumulator", "without arguments", self.accumulator)

    def add(self, accumulator: Accumulator, block: bytes, source: str) -> None:
        """Have the accumulator take a block of `source`. JobError where it fails."""
        self._run("Accumulator.add", f"in {source}", lambda: accumulator.add(block))

    def add_object(self, accumulator: Accumulator, source: Any) -> None:
        """Have an accumulator that `takes_objects` read one in parts. JobError where it fails."""
        add: Callable[[Any], None] = getattr(accumulator, "add_object")  # noqa: B009
        self._run("Accumulator.add_object", f"in {source.where}", lambda: add(source))

    def is_header(self, accumulator: Accumulator, line: bytes, source: str) -> bool | None:
        """Whether an object's first line is a header, where the accumulator knows; else None.
        JobError.
        """
        knows = getattr(accumulator, "is_header", None)
        if knows is None:
            return None
        where = f"at the first line of {source}"
        return bool(self._run("Accumulator.is_header", where, lambda: knows(line)))

    def pairs(self, accumulator: Accumulator) -> Mapping[Any, Any]:
        """The accumulator's pairs. JobError unless they are a dict whose keys are all texts, or
        all bytes.
        """
        return self.check_keys(self._run("Accumulator.pairs", "at the end", accumulator.pairs))

    def counts(self, accumulator: Accumulator) -> tuple[int, int, str]:
        """Rows, bad rows, and one of these as a text. JobError where they are no numbers."""

        def read() -> tuple[int, int, str]:
            lines, errors = operator.index(accumulator.lines), operator.index(accumulator.errors)
            return lines, errors, str(accumulator.example)

        counts: tuple[int, int, str] = self._run("Accumulator", "when asked for its counts", read)
        return counts

    def faults(self, accumulator: Accumulator) -> dict[str, Fault]:
        """The bad rows by kind of fault; all of one kind where the accumulator does not tell them
        apart. JobError where they are none.
        """

        def read() -> dict[str, Fault]:
            found: Mapping[str, Any] | None = getattr(accumulator, "faults", None)
            if found is None:
                _, errors, example = self.counts(accumulator)
                return {UNTOLD: Fault(example, errors)} if errors else {}
            return {
                str(kind): Fault(str(one.example), operator.index(one.count))
                for kind, one in found.items()
            }

        faults: dict[str, Fault] = self._run("Accumulator", "when asked for its faults", read)
        return faults

    def merge(self, merged: dict[Any, Any], pairs: Mapping[Any, Any]) -> None:
        """Combine `pairs` into `merged`. JobError where the job's own `combine` fails."""
        if merged.keys().isdisjoint(pairs):
            merged.update(pairs)
            return
        combine, get, missing = self.combine, merged.get, object()
        key: Any = None
        known: Any = None
        value: Any = None
        try:
            for key, value in pairs.items():
                known = get(key, missing)
                if known is missing:
                    merged[key] = value
                    continue
                merged[key] = made = combine(known, value)
                if made is None and known is not None and value is not None:
                    raise TypeError("it gave None: does it return its value?")
        except RAISED as error:
            failed = self.failed("combine", f"at key {brief(key)}", error)
            raise JobError(f"{failed} (of {brief(known)} and {brief(value)})") from error

    @property
    def combine_name(self) -> str:
        """What tells one `combine` from another: "countries.combine", or "_operator.add"."""
        module = getattr(self.combine, "__module__", None)
        name = getattr(self.combine, "__qualname__", None)
        return f"{module}.{name}" if module and name else f"{self.name}.combine"

    def failed(self, function: str, where: str, error: BaseException) -> JobError:
        """The error of a function of the job that raised."""
        what = f"{type(error).__name__}: {error}"
        return JobError(f"job {self.name}: {function} failed {where}: {what}")

    def _run(self, function: str, where: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except JobError:
            raise
        except RAISED as error:
            raise self.failed(function, where, error) from error

    def check_keys(self, pairs: Any) -> Mapping[Any, Any]:
        """The pairs as they are. JobError unless they are a dict whose keys are texts, or bytes."""
        if isinstance(pairs, Written):
            return pairs
        if not isinstance(pairs, dict):
            raise JobError(f"job {self.name}: pairs() gave {type(pairs).__name__}, not a dict")
        kinds = set(map(type, pairs))
        kind = bytes if bytes in kinds else str
        if kinds <= {kind}:
            return pairs
        key = next(key for key in pairs if type(key) is not kind)
        raise self.wrong_key(key, pairs[key], kind)

    def wrong_key(self, key: Any, value: Any, kind: type) -> JobError:
        """The error of a key that is of another kind."""
        return JobError(
            f"job {self.name}: the key {brief(key)} is {type(key).__name__}, not {kind.__name__} "
            f"(its value: {brief(value)}): make every key a text, or every key bytes"
        )


class LineAccumulator(RowCounts):
    """The accumulator of a job that has only `map_line`: each pair is combined as it comes."""

    def __init__(
        self, name: str, map_line: Callable[[str], Iterable[Any]], combine: Combine
    ) -> None:
        super().__init__()
        self._job = Job(name, lambda: self, combine)
        self._map_line = map_line
        self._pairs: dict[Any, Any] = {}

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
        except RAISED as error:
            raise self._job.failed("map_line", f"on {row[:MAX_EXAMPLE]!r}", error) from error
        for pair in found:
            if not isinstance(pair, tuple) or len(pair) != 2:
                raise JobError(
                    f"job {self._job.name}: map_line gave {brief(pair)}, not a pair: "
                    "`yield key, value`, as often as you like"
                )
            key, value = pair
            if type(key) is not str and type(key) is not bytes:
                raise self._job.wrong_key(key, value, str)
            self._job.merge(self._pairs, {key: value})

    def pairs(self) -> dict[Any, Any]:
        """The pairs so far."""
        return self._pairs
