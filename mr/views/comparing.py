"""Two jobs side by side: what each took, and how many times as much the second took; pure."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Iterable
from typing import Any

from running import costs
from views.summary import Summary

Figure = Callable[[Summary], float | None]


@dataclasses.dataclass(frozen=True)
class Line:
    """A figure of both; None where a job does not have it."""

    name: str
    first: float | None
    second: float | None

    @property
    def ratio(self) -> float | None:
        """The second by the first; None where that means nothing."""
        return self.second / self.first if self.first and self.second is not None else None

    def to_json(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "ratio": self.ratio}


def _share(values: Iterable[float], percent: int) -> float:
    """A percentile: of one value, that value."""
    found = sorted(values)
    return statistics.quantiles(found, n=100)[percent - 1] if len(found) > 1 else found[0]


def _mappers(done: Summary) -> list[float]:
    return [task.seconds for task in done.job.mappers]


FIGURES: dict[str, Figure] = {
    "seconds": lambda done: done.job.seconds,
    "dollars": lambda done: costs.total(done.items),
    "billed_s": lambda done: sum(one.seconds for one in done.functions),
    "gb_s": lambda done: sum(one.gb_seconds for one in done.functions),
    "calls": lambda done: sum(one.calls for one in done.functions),
    "cold_starts": lambda done: sum(one.cold for one in done.functions),
    "mappers": lambda done: len(done.job.mappers),
    "mapper_median_s": lambda done: statistics.median(_mappers(done)),
    "mapper_p90_s": lambda done: _share(_mappers(done), 90),
    "mapper_longest_s": lambda done: max(_mappers(done)),
    "reducers": lambda done: len(done.job.reducers),
    "steps": lambda done: len(done.job.records),
    "bytes_in": lambda done: done.job.data.size,
    "rows": lambda done: sum(task.lines for task in done.job.mappers),
    "bad_rows": lambda done: sum(task.errors for task in done.job.mappers),
    "groups": lambda done: done.job.last.groups,
}
"""What is compared of two jobs: each figure's name, with its unit, and how it is found."""


def compare(first: Summary, second: Summary) -> list[Line]:
    """The figures of two jobs."""
    return [Line(name, figure(first), figure(second)) for name, figure in FIGURES.items()]
