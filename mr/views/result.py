"""A job's answer, for a person or a program to read.

JSON has every key and value exactly. CSV is for eyes and spreadsheets: line ends within a cell are
quoted, and what a terminal would obey stands as an escape.
"""

from __future__ import annotations

import csv
import itertools
import json
import operator
import re
from collections.abc import Iterable, Iterator
from typing import Any

from errors import JobError, visible
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
    """Print pairs on standard output as they come: "json" as one object; "csv" with a header;
    "csv-safe" as CSV in which no cell is a formula for a spreadsheet.
    """
    if form == "json":
        _write_json(iter(pairs))
        return
    lines = _Lines()
    writer = csv.writer(lines, lineterminator="\r\n")
    safe = harmless if form == "csv-safe" else str
    rows = ((safe(_cell(key)), safe(_cell(value))) for key, value in pairs)
    first = next(rows, None)  # what is wrong with the answer is met before anything is printed
    writer.writerow(("key", "value"))
    writer.writerows([first] if first else [])
    writer.writerows(rows)
    lines.flush()


def _write_json(pairs: Iterator[Pair]) -> None:
    opening = "{"
    while some := dict(itertools.islice(pairs, AT_ONCE)):
        print(opening, json.dumps(some)[1:-1], sep="", end="")
        opening = ", "
    print("}" if opening == ", " else "{}")


class _Lines:
    """Prints what a CSV writer gives it, in blocks. The writer ends rows with CR LF: only then does
    it quote a bare CR too, which readers of CSV take for a row's end.
    """

    def __init__(self) -> None:
        self._rows: list[str] = []

    def write(self, row: str) -> None:
        self._rows.append(row.removesuffix("\r\n"))
        if len(self._rows) == AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Print what is held back."""
        if self._rows:
            print("\n".join(self._rows))
            self._rows.clear()


def _cell(value: Any) -> str:
    """A key or value as CSV takes it: a number or a text as it is, all else as JSON."""
    if type(value) in (int, float):
        return str(value)
    return visible(value if isinstance(value, str) else json.dumps(value), keep="\t\r\n")


_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")
_FORMULA = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""What a cell that a spreadsheet computes begins with (OWASP, "CSV Injection")."""


def harmless(cell: str) -> str:
    """A cell that no spreadsheet computes: with an apostrophe before it, unless it is a number."""
    computed = _FORMULA.match(cell) and not _NUMBER.fullmatch(cell)
    return f"'{cell}" if computed else cell
