"""What the answer must be: the benchmark's query 2A, worked out the slow and obvious way.

In: the bodies of the input objects, as bytes. Out: every group's sum, and how many rows there were.
It shares no code with the project, on purpose: a fault there must not repeat itself here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

RELATIVE_TOLERANCE = 1e-9
LINE_ENDS = re.compile(rb"\r\n|\r|\n")
FOREIGN_LINE_ENDS = re.compile("\v|\f|\x85|\u2028|\u2029".encode())
NUMBER = re.compile(rb"[-+]?(\d+|\d+\.\d*|\.\d+)([eE][-+]?\d+)?")
SHOWN_GROUPS = 5


class Answer(NamedTuple):
    """The sums by group; `rows` counts every row, `bad_rows` those of them that have no sum.

    `headers` are not among them: first lines that have none, of objects where another row has one.
    """

    groups: dict[str, float]
    rows: int
    bad_rows: int
    headers: int = 0


def answer(bodies: Iterable[bytes], prefix_length: int = 8) -> Answer:
    """SUM(adRevenue) by the first `prefix_length` characters of sourceIP, over all objects."""
    revenues: dict[str, list[float]] = {}
    rows = bad_rows = headers = 0
    for body in bodies:
        lines = LINE_ENDS.split(body.removeprefix(b"\xef\xbb\xbf"))
        found = [pair(line) for line in lines if line]
        if lines[0] and found[0] is None and any(found):
            headers += 1
            del found[0]
        rows += len(found)
        bad_rows += found.count(None)
        for group, revenue in filter(None, found):
            revenues.setdefault(group[:prefix_length], []).append(revenue)
    groups = {group: math.fsum(values) for group, values in revenues.items()}
    return Answer(groups, rows, bad_rows, headers)


def pair(line: bytes) -> tuple[str, float] | None:
    """Address and revenue of a row, or None where it is bad."""
    try:
        columns = first_columns(line)
        return columns[0].decode("utf-8"), number(columns[3])
    except (IndexError, ValueError):
        return None


def first_columns(line: bytes) -> list[bytes]:
    """The columns of a row up to the fourth, character by character, by RFC 4180. ValueError."""
    if FOREIGN_LINE_ENDS.search(line) or line.count(b'"') % 2 == 1:
        raise ValueError("a line end or a quote where none may be")
    if b'"' not in line:
        return line.split(b",")
    columns: list[bytes] = []
    at = 0
    while len(columns) < 4:
        if at and line[at - 1 : at] != b",":
            raise ValueError("something behind a quoted column")
        column = b""
        if line[at : at + 1] == b'"':
            at += 1
            while line[at : at + 1] != b'"' or line[at : at + 2] == b'""':
                if at >= len(line):
                    raise ValueError("a quoted column has no end")
                column += line[at : at + 1]
                at += 2 if line[at : at + 1] == b'"' else 1
            at += 1
        else:
            while at < len(line) and line[at : at + 1] != b",":
                if line[at : at + 1] == b'"':
                    raise ValueError("a quote in a column that is not quoted")
                column += line[at : at + 1]
                at += 1
        columns.append(column)
        if at >= len(line):
            break
        at += 1
    if at < len(line) and line[at - 1 : at] != b",":
        raise ValueError("something behind the fourth column")
    return columns


def number(text: bytes) -> float:
    """A finite number, spelled in decimal digits. ValueError."""
    if not NUMBER.fullmatch(text.strip(b" \t")):
        raise ValueError("no number")
    value = float(text)
    if math.isinf(value):
        raise ValueError("too large")
    return value


def assert_same_groups(actual: Mapping[str, float], expected: Mapping[str, float]) -> None:
    """AssertionError, with the first groups that differ, unless both hold the same sums."""
    faults = [f"{group!r} is missing" for group in sorted(expected.keys() - actual.keys())]
    faults += [
        f"{group!r} should not be there" for group in sorted(actual.keys() - expected.keys())
    ]
    for group in sorted(actual.keys() & expected.keys()):
        if not math.isclose(actual[group], expected[group], rel_tol=RELATIVE_TOLERANCE):
            faults.append(f"{group!r} is {actual[group]!r}, expected {expected[group]!r}")
    if faults:
        shown = faults[:SHOWN_GROUPS]
        if len(faults) > len(shown):
            shown.append(f"and {len(faults) - len(shown)} more")
        raise AssertionError(
            f"{len(faults)} groups differ ({len(actual)} groups, expected {len(expected)}):\n  "
            + "\n  ".join(shown)
        )
