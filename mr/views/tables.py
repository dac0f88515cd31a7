"""Rows for a person, side by side; and CSV as everything here writes it.

Numbers for people have their digits in groups of three; CSV has every value as it is.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from errors import visible

Write = Callable[[str], Any]
MEASURED = 1_000
"""Rows of which a table's widths are told; cells of later ones may stick out."""
WIDEST = 60
BLOCK = 10_000
"""Rows that are written together."""


def write_table(
    names: Sequence[str], rows: Iterable[Sequence[Any]], out: Write, right: Sequence[bool]
) -> None:
    """Write columns side by side, below their names; to the right where they are numbers."""
    cells = ([shown(value) for value in row] for row in rows)
    first = list(itertools.islice(cells, MEASURED))
    head = [visible(name) for name in names]
    widths = [min(WIDEST, max(map(len, column))) for column in zip(head, *first, strict=True)]
    for row in itertools.chain([head], first, cells):
        out(aligned(row, widths, right) + "\n")


def aligned(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    """A line of a table; pure."""
    cells = (
        cell.rjust(width) if is_right else cell.ljust(width)
        for cell, width, is_right in zip(row, widths, right, strict=True)
    )
    return "  ".join(cells).rstrip()


def shown(value: Any) -> str:
    """A value for a person; pure."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:,.12g}" if abs(value) < 1e15 else f"{value:g}"
    try:
        return f"{value:,}"
    except (TypeError, ValueError):  # no number
        return visible(value)


def csv_writer(out: Write) -> Any:
    r"""A writer of RFC 4180, with \n at a row's end."""
    return csv.writer(_Lines(out), lineterminator="\r\n")


class Blocks:
    """Passes rows on in blocks: a call of a stream for each takes most of the time of many rows. A
    context manager, at whose end the last are passed on.
    """

    def __init__(self, out: Write) -> None:
        self._out = out
        self._rows: list[str] = []

    def __enter__(self) -> Write:
        return self._add

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is None:
            self._flush()

    def _add(self, row: str) -> None:
        self._rows.append(row)
        if len(self._rows) == BLOCK:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._out("".join(self._rows))
            self._rows.clear()


class _Lines:
    """Writes what a CSV writer gives it, which ends rows with CR LF: only then does it quote a
    bare CR too, which readers of CSV take for a row's end.
    """

    def __init__(self, out: Write) -> None:
        self._out = out

    def write(self, row: str) -> None:
        self._out(row.removesuffix("\r\n") + "\n")
