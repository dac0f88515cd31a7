"""Rows and bad rows, counted: how many there were of each kind of fault, and the first of each."""

from __future__ import annotations

import dataclasses

MAX_EXAMPLE = 200
"""Characters of a bad row that are kept to be shown."""
MAX_KINDS = 10
"""Kinds that are told apart; a job whose errors name values would make one of every row."""
OTHER = "other faults"


@dataclasses.dataclass
class Fault:
    """Bad rows of one kind: the first of them, and how many there are."""

    example: str
    count: int = 0


class RowCounts:
    """What an accumulator counts: `lines` are rows, `faults` the bad ones among them, by kind.

    `errors` are the bad rows in all, `example` is the first of them.
    """

    def __init__(self) -> None:
        self.lines = 0
        self.faults: dict[str, Fault] = {}

    def add_fault(self, row: bytes, error: ValueError, count: int = 1) -> None:
        """Count a bad row that `error` tells of, or several that are bad in the same way."""
        kind = kind_of(error)
        if kind not in self.faults and len(self.faults) >= MAX_KINDS:
            kind = OTHER
        self.faults.setdefault(kind, Fault(show(row))).count += count

    @property
    def errors(self) -> int:
        return sum(fault.count for fault in self.faults.values())

    @property
    def example(self) -> str:
        return next((fault.example for fault in self.faults.values()), "")


def kind_of(error: ValueError) -> str:
    """What is wrong with a row, without the row's own values, which stand behind a colon."""
    if isinstance(error, UnicodeError):
        return "not UTF-8"
    return str(error).partition(":")[0].strip() or type(error).__name__


def show(row: bytes) -> str:
    """The beginning of a row as text, whatever its bytes."""
    return row[:MAX_EXAMPLE].decode(errors="backslashreplace")
