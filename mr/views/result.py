"""A job's answer, for a person or a program to read.

JSON has every key and value exactly. CSV is for eyes and spreadsheets: line ends within a cell are
quoted, and what a terminal would obey stands as an escape.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import operator
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from errors import JobError, visible
from views import tables
from views.jsonpairs import Pair
from views.sorting import Falling, ordered

AT_ONCE = 10_000
"""Pairs that are made JSON, or printed, together."""


def choose(pairs: Iterable[Pair], sort: str, top: int | None) -> Iterator[Pair]:
    """Pairs by "key", by "value" with the largest first, or as they stand ("none"), and the first
    `top` of them; in bounded memory.

    JobError where values have no order.
    """
    if sort == "none":
        return itertools.islice(pairs, top)
    if sort == "key":
        return ordered(pairs, operator.itemgetter(0), top)
    return _by_value(pairs, top)


def largest(pairs: Iterable[Pair], top: int | None) -> Iterator[Pair]:
    """Pairs by value, the largest first; those of equal value by key. TypeError."""
    return ordered(pairs, _falling, top)


def _by_value(pairs: Iterable[Pair], top: int | None) -> Iterator[Pair]:
    try:
        yield from largest(pairs, top)
    except TypeError as error:
        raise JobError(
            f"the values of this job cannot be sorted ({error}): leave out --sort value"
        ) from error


def _falling(pair: Pair) -> tuple[Any, str]:
    key, value = pair
    return (-value if isinstance(value, int | float) else Falling(value)), key


def write(pairs: Iterable[Pair], form: str) -> None:
    """Print pairs on standard output as they come: "json" as one object; "table" for people; "csv"
    with a header; "csv-safe" as CSV in which no cell is a formula for a spreadsheet.

    What a value holds has a column each, if it is a list or a dict, as the first one has it.
    """
    if form == "json":
        _write_json(iter(pairs))
        return
    source = iter(pairs)
    first = next(source, None)  # what is wrong with the answer is met before anything is printed
    columns = Columns.of(first[1]) if first else Columns.of(0)
    rows = ([key, *columns.cells(value)] for key, value in _with(first, source))
    names = ["key", *columns.names]
    if form == "table":
        tables.write_table(names, rows, sys.stdout.write, [False, *columns.numbers])
        return
    safe = harmless if form == "csv-safe" else str
    writer = tables.csv_writer(sys.stdout.write)
    writer.writerow(map(safe, names))
    writer.writerows([safe(_cell(cell)) for cell in row] for row in rows)


def _with(first: Pair | None, rest: Iterator[Pair]) -> Iterator[Pair]:
    return itertools.chain([first] if first else [], rest)


@dataclasses.dataclass(frozen=True)
class Columns:
    """The columns of values: `keys` are places in a list, or names in a dict, `names` what they are
    called, `numbers` whether the first value has a number there; none of `keys`: the value itself.
    """

    keys: Sequence[Any]
    names: Sequence[str]
    numbers: Sequence[bool]

    @classmethod
    def of(cls, value: Any) -> Columns:
        """The columns that suit a value."""
        if isinstance(value, list) and value:
            return cls(
                range(len(value)),
                [f"value{number}" for number in range(1, len(value) + 1)],
                [_is_number(one) for one in value],
            )
        if isinstance(value, dict) and value:
            return cls(list(value), list(value), [_is_number(one) for one in value.values()])
        return cls((), ["value"], [_is_number(value)])

    def cells(self, value: Any) -> list[Any]:
        """A value's cells. One of another shape stands whole in the first."""
        if not self.keys:
            return [value]
        is_list = isinstance(value, list) and len(value) == len(self.keys)
        if (is_list and isinstance(self.keys, range)) or (
            isinstance(value, dict) and value.keys() == set(self.keys)
        ):
            return [value[key] for key in self.keys]
        return [value, *[""] * (len(self.keys) - 1)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _write_json(pairs: Iterator[Pair]) -> None:
    opening = "{"
    while some := dict(itertools.islice(pairs, AT_ONCE)):
        print(opening, json.dumps(some)[1:-1], sep="", end="")
        opening = ", "
    print("}" if opening == ", " else "{}")


def _cell(value: Any) -> str:
    """A key or value as CSV takes it: a number or a text as it is, all else as JSON."""
    if _is_number(value):
        return str(value)
    return visible(value if isinstance(value, str) else json.dumps(value), keep="\t\r\n")


_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")
_FORMULA = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""What a cell that a spreadsheet computes begins with (OWASP, "CSV Injection")."""


def harmless(cell: str) -> str:
    """A cell that no spreadsheet computes: with an apostrophe before it, unless it is a number."""
    computed = _FORMULA.match(cell) and not _NUMBER.fullmatch(cell)
    return f"'{cell}" if computed else cell
