"""What an experiment shows: medians with intervals, and which setting is fastest and cheapest."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from experiments.plan import Combination
from experiments.table import Row
from views.words import dollars

CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class Spread:
    """A median, and an interval around it: of 95 % from six values on, else all values."""

    median: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Figures:
    """What the runs of a combination took."""

    combination: Combination
    runs: int
    seconds: Spread
    dollars: Spread

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def spread(values: Sequence[float]) -> Spread:
    """The median and its interval, from the order of the values alone.

    The interval is from the k-th smallest to the k-th largest value, with the largest k for which
    a median outside has a chance below 5 %: W. J. Conover, Practical Nonparametric Statistics,
    "confidence interval for a quantile".
    """
    ordered = sorted(values)
    rank = _rank(len(ordered))
    return Spread(statistics.median(ordered), ordered[rank - 1], ordered[-rank])


def _rank(count: int) -> int:
    """The largest k from 1 so that, of `count` fair coins, fewer than k heads, or tails, have a
    chance of 5 % at most; 1 where there is none.
    """
    rank, chance = 1, 2 * 0.5**count
    while (more := chance + 2 * math.comb(count, rank) * 0.5**count) <= 1 - CONFIDENCE:
        rank, chance = rank + 1, more
    return rank


def figures(rows: Iterable[Row]) -> list[Figures]:
    """What each combination took, in the order in which they first come; pure."""
    by_combination: dict[Combination, list[Row]] = {}
    for row in rows:
        by_combination.setdefault(row.combination, []).append(row)
    return [
        Figures(
            combination,
            len(own),
            spread([row.seconds for row in own]),
            spread([row.dollars for row in own]),
        )
        for combination, own in by_combination.items()
    ]


def lines(found: Sequence[Figures]) -> list[str]:
    """The figures for a person: a table, by time, and what is best."""
    if not found:
        return ["no run was measured"]
    ordered = sorted(found, key=lambda one: one.seconds.median)
    named = [one.combination.words() for one in ordered]
    wide = max(map(len, named))
    table = [
        f"{name:<{wide}}  {one.runs:>4}  {seconds(one.seconds):<24}  {money(one.dollars)}"
        for name, one in zip(named, ordered, strict=True)
    ]
    cheapest = min(found, key=lambda one: one.dollars.median)
    return [
        f"{'setting':<{wide}}  runs  {'seconds, median':<24}  dollars, median",
        *table,
        f"fastest: {named[0]}, {ordered[0].seconds.median:.2f} s",
        f"cheapest: {cheapest.combination.words()}, {dollars(cheapest.dollars.median)} a run",
    ]


def seconds(one: Spread) -> str:
    """Seconds with their interval."""
    return f"{one.median:.2f} ({one.low:.2f} to {one.high:.2f})"


def money(one: Spread) -> str:
    """Dollars with their interval."""
    return f"{dollars(one.median)} ({dollars(one.low)} to {dollars(one.high)})"
