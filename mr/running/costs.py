"""What a job costs, estimated; pure but for the reading of a price list.

The bill has a line for each function, and for S3, in US dollars. The prices are AWS's list prices,
in shuffle/rates.py; `--prices FILE` replaces any of them:

    {"date": "2026-01", "gb_second": {"x86_64": 0.0000166667, "arm64": 0.0000133334},
     "million_calls": 0.2, "thousand_s3_writes": 0.005, "thousand_s3_reads": 0.0004}
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aws.s3objects import FIRST_PAGE, LONGEST_PAGE
from errors import UsageError, brief
from shuffle import rates
from shuffle.estimate import is_join, reads_of
from state.fields import is_number
from state.grid import Grid

LIST_PAGE = 1000
"""Keys that one list request gives."""


@dataclasses.dataclass(frozen=True)
class Prices:
    """Prices in US dollars; a GB-second by the function's architecture."""

    date: str = rates.PRICES_DATE
    gb_second: Mapping[str, float] = dataclasses.field(
        default_factory=lambda: {
            "x86_64": rates.X86_GB_SECOND_DOLLARS,
            "arm64": rates.ARM_GB_SECOND_DOLLARS,
        }
    )
    million_calls: float = rates.MILLION_CALLS_DOLLARS
    thousand_s3_writes: float = rates.THOUSAND_WRITES_DOLLARS
    thousand_s3_reads: float = rates.THOUSAND_READS_DOLLARS

    @classmethod
    def from_json(cls, value: Any, where: str) -> Prices:
        """Read a price list, which may leave prices out. UsageError with what is wrong in it."""
        if not isinstance(value, dict):
            raise UsageError(f"{where}: not a JSON object but {type(value).__name__}")
        names = [field.name for field in dataclasses.fields(cls)]
        if unknown := sorted(value.keys() - set(names)):
            raise UsageError(
                f"{where}: {', '.join(unknown)}: no such price; there are {', '.join(names)}"
            )
        prices = {**value}
        gb_second = prices.pop("gb_second", {})
        if not isinstance(gb_second, dict):
            raise UsageError(
                f"{where}: gb_second is {brief(gb_second)}, not a price by architecture"
            )
        prices.pop("date", None)
        for name, price in {**prices, **gb_second}.items():
            if not is_number(price):
                raise UsageError(f"{where}: {name} is {brief(price)}, not a price in dollars")
        date = str(value.get("date", f"{where}, the rest {rates.PRICES_DATE}"))
        return cls(date, {**cls().gb_second, **gb_second}, **prices)


def read_prices(path: str | None) -> Prices:
    """The prices of a file, or AWS's. UsageError where the file cannot be used."""
    if path is None:
        return Prices()
    try:
        return Prices.from_json(json.loads(Path(path).read_text(encoding="utf-8")), path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not JSON: {error}") from error


def own_prices(path: str | None) -> Prices | None:
    """The prices of a file; None where none is named. UsageError where it cannot be used."""
    return read_prices(path) if path else None


@dataclasses.dataclass(frozen=True)
class FunctionUsage:
    """What a job used of one function; `memory` in MB. `note`: where its seconds are from. `cold`
    of the calls started an environment, which took `init_seconds` of all.
    """

    role: str
    name: str
    calls: int
    seconds: float
    memory: int
    architecture: str = "x86_64"
    note: str = ""
    cold: int = 0
    init_seconds: float = 0.0

    @property
    def gb_seconds(self) -> float:
        return self.seconds * self.memory / 1024


@dataclasses.dataclass(frozen=True)
class S3Usage:
    """Requests: `writes` are PUT, COPY and LIST, `reads` are GET and HEAD; DELETE is free."""

    writes: int
    reads: int


@dataclasses.dataclass(frozen=True)
class Item:
    """One line of the bill: a quantity of something, and what it costs in dollars."""

    what: str
    quantity: float
    unit: str
    dollars: float


def coordinator_calls(mappers: int, reducers: int) -> int:
    """One for each output under JOB/task, and one for `done` in place of the last reducer's."""
    return mappers + reducers


def s3_usage(
    objects: int, mappers: int, grids: Sequence[Grid], input_reads: int = 0, parts: int = 0
) -> S3Usage:
    """The requests of a job of so many mappers and these reduce steps, when nothing fails.

    `input_reads` are more than `objects` where several mappers read parts of the same one; `parts`
    are those in which the last step uploads the answer, where it joins it. What a waiting driver
    asks for while it waits is not in it, and an event that comes late may see a step that was
    claimed meanwhile.
    """
    steps = [Grid(mappers), *grids]
    tasks = sum(step.count for step in steps)
    # The driver: lists of the input, two of the job, its two records; the trigger, and whose it is.
    writes, reads = math.ceil(objects / LIST_PAGE) + 4, 2 + (input_reads or objects)
    # A task looks twice whose run it is, and writes its output; the last one writes `done` too.
    writes, reads = writes + tasks + 1, reads + 2 * tasks
    for before, step in itertools.pairwise(steps):
        reads += 2 * before.count if is_join(before, step) else reads_of(step, before)
    writes += parts + 1 if parts else 0  # an upload begins, has parts, and ends in place of a write
    # Coordinators: the job's record; from the first claim on that step's, and a list of its own.
    writes += len(grids) + lists_of(mappers) + 1
    reads += mappers + 3
    for step in steps[1:-1]:
        writes += step.count + lists_of(step.count)
        reads += 2 * step.count
    return S3Usage(writes, reads)


def lists_of(due: int) -> int:
    """The lists of the events of a step's `due` outputs, which come in any order: each reads up to
    the first that is missing, on pages that grow (s3objects.list_pages).
    """
    return sum(pages_of(due // (missing + 1)) for missing in range(due))


def pages_of(count: int) -> int:
    """How many pages hold the first `count` keys."""
    pages, size, held = 1, FIRST_PAGE, FIRST_PAGE
    while held < count:
        size = min(LONGEST_PAGE, size * 2)
        pages, held = pages + 1, held + size
    return pages


def bill(functions: Sequence[FunctionUsage], s3: S3Usage, prices: Prices) -> list[Item]:
    """The lines of the bill."""
    items = [
        Item(
            f"{usage.role} {usage.name}".strip(),
            usage.gb_seconds,
            "GB-s",
            usage.gb_seconds * prices.gb_second[usage.architecture],
        )
        for usage in functions
    ]
    calls = sum(usage.calls for usage in functions)
    return [
        *items,
        Item("Lambda calls", calls, "calls", calls * prices.million_calls / 1e6),
        Item(
            "S3 writes and lists",
            s3.writes,
            "requests",
            s3.writes * prices.thousand_s3_writes / 1e3,
        ),
        Item("S3 reads", s3.reads, "requests", s3.reads * prices.thousand_s3_reads / 1e3),
    ]


def total(items: Sequence[Item]) -> float:
    """The sum of a bill, in dollars."""
    return sum(item.dollars for item in items)
