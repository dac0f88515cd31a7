"""What a planned job will take: the lines of a dry run, and the same for programs; pure.

The seconds and the bill rest on what is assumed of a mapper's speed and of its output's size
(running/outlook.py). The forecast says so.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from errors import counted
from running.costs import Prices
from running.goals import Alternative, Weighed
from running.outlook import ASSUMED, Outlook, outlook
from running.planning import Plan
from running.request import JobRequest
from shuffle.plan import Wish
from views import bill
from views.words import dollars, size


@dataclasses.dataclass(frozen=True)
class Forecast:
    """A plan and its outlook; with a goal, what was weighed for it."""

    plan: Plan
    outlook: Outlook
    prices_date: str
    weighed: Weighed | None = None

    def lines(self) -> list[str]:
        """The form for a person."""
        steps, sizes = self._steps, self.plan.batch_sizes
        return [
            *(goal_lines(self.weighed) if self.weighed else []),
            f"{counted(len(sizes), 'mapper')} of {min(sizes):,} to {max(sizes):,} bytes",
            f"about {counted(sum(steps), 'reducer')} in "
            f"{counted(len(steps), 'step')} ({' + '.join(map(str, steps))})",
            f"about {self.outlook.seconds:,.0f} s from start to result",
            *bill.bill_lines(self.outlook.items, self.prices_date),
            f"assumed: {ASSUMED}",
        ]

    @property
    def _steps(self) -> list[int]:
        return [grid.count for grid in self.outlook.grids]

    def to_json(self) -> dict[str, Any]:
        """The form for programs; the field names are a contract."""
        return {
            "objects": self.plan.objects,
            "hidden_objects": self.plan.hidden,
            "bytes": self.plan.size,
            "mappers": len(self.plan.batches),
            "mapper_bytes": self.plan.batch_sizes,
            "expected_reducers": self._steps,
            "expected_seconds": self.outlook.seconds,
            "cost": bill.bill_json(self.outlook.items, self.prices_date),
            "assumed": ASSUMED,
            **({"goal": goal_json(self.weighed)} if self.weighed else {}),
        }


def forecast(request: JobRequest, plan: Plan, weighed: Weighed | None, prices: Prices) -> Forecast:
    """What the plan of a request will take."""
    if weighed:
        return Forecast(plan, weighed.taken.outlook, prices.date, weighed)
    wish = Wish(request.reducers, request.fan_in)
    expected = outlook(plan, request.concurrency, wish, prices)
    return Forecast(plan, expected, prices.date)


def goal_lines(weighed: Weighed) -> list[str]:
    """What was weighed for a goal, as a table; a star marks what is taken."""
    rows: list[tuple[str, ...]] = [("", "split", "mappers", "reducers", "seconds", "dollars")]
    rows += [cells(one, "*" if one == weighed.taken else "") for one in weighed.alternatives]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"goal {weighed.goal}, with at most {weighed.at_once:,} functions at once: "
        f"splits of {size(weighed.taken.split_size)}",
        *(
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            for row in rows
        ),
    ]


def cells(one: Alternative, mark: str) -> tuple[str, ...]:
    """A row of the table."""
    found = one.outlook
    shapes = " + ".join(f"{grid.groups} x {grid.ranges}" for grid in found.grids)
    seconds, cost = f"{found.seconds:,.1f}", dollars(found.dollars)
    return mark, size(one.split_size), f"{found.mappers:,}", shapes, seconds, cost


def goal_json(weighed: Weighed) -> dict[str, Any]:
    """What was weighed for a goal, for programs."""
    return {
        "name": weighed.goal,
        "functions_at_once": weighed.at_once,
        "split_size": weighed.taken.split_size,
        "alternatives": [
            {
                "split_size": one.split_size,
                "mappers": one.outlook.mappers,
                "expected_reducers": [grid.count for grid in one.outlook.grids],
                "expected_seconds": one.outlook.seconds,
                "dollars": one.outlook.dollars,
            }
            for one in weighed.alternatives
        ],
    }
