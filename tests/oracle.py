"""What the answer must be: the benchmark's query 2A, worked out the slow and obvious way.

In: the bodies of the input objects, as bytes. Out: every group's sum, and how many rows there were.
It shares no code with the project, on purpose: a fault there must not repeat itself here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

RELATIVE_TOLERANCE = 1e-9
SHOWN_GROUPS = 5


class Answer(NamedTuple):
    """The sums by group; `rows` counts every row, `bad_rows` those of them that have no sum."""

    groups: dict[str, float]
    rows: int
    bad_rows: int


def answer(bodies: Iterable[bytes], prefix_length: int = 8) -> Answer:
    """SUM(adRevenue) by the first `prefix_length` characters of sourceIP, over all objects."""
    revenues: dict[str, list[float]] = {}
    rows = bad_rows = 0
    for body in bodies:
        for line in body.split(b"\n"):
            line = line.removesuffix(b"\r")
            if line == b"":
                continue
            rows += 1
            columns = line.split(b",")
            try:
                group = columns[0].decode("utf-8")[:prefix_length]
                revenue = float(columns[3])
            except (IndexError, ValueError):
                bad_rows += 1
                continue
            if math.isnan(revenue) or math.isinf(revenue):
                bad_rows += 1
                continue
            revenues.setdefault(group, []).append(revenue)
    groups = {group: math.fsum(values) for group, values in revenues.items()}
    return Answer(groups, rows, bad_rows)


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
