"""What a planned job will take, as far as that can be said before it runs; pure.

Reducers and steps, seconds and the bill rest on what is assumed of a mapper's speed and of its
output's size. The forecast says so.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import lambdautils
from errors import counted
from running.planning import Plan
from shuffle import rates
from shuffle.plan import Outputs, Wish, plan_step
from state.grid import Grid
from views import costs
from views.costs import FunctionUsage, Item, Prices
from views.functions import assumed_settings

REDUCER_CPUS = lambdautils.LAMBDA_MEMORY_MB / rates.VCPU_MB
REDUCER_BYTES_A_SECOND = rates.MERGE_BYTES_A_SECOND * REDUCER_CPUS
OUTPUT_SHARE = 0.1
MAX_OUTPUT_BYTES = 40_000_000
"""A mapper's output is at most so large: the groups of uservisits are limited in number."""
ASSUMED = (
    f"{rates.MAPPER_BYTES_A_SECOND / 1e6:.0f} MB/s a mapper, "
    f"outputs of {OUTPUT_SHARE:.0%} of the input, at most {MAX_OUTPUT_BYTES / 1e6:.0f} MB"
)


@dataclasses.dataclass(frozen=True)
class Forecast:
    """`steps` are the reducers of each step; `seconds` from start to result."""

    plan: Plan
    steps: tuple[int, ...]
    seconds: float
    items: tuple[Item, ...]
    prices_date: str

    def lines(self) -> list[str]:
        """The form for a person."""
        steps = " + ".join(map(str, self.steps))
        sizes = self.plan.batch_sizes
        return [
            f"{counted(len(sizes), 'mapper')} of {min(sizes):,} to {max(sizes):,} bytes",
            f"about {counted(sum(self.steps), 'reducer')} in "
            f"{counted(len(self.steps), 'step')} ({steps})",
            f"about {self.seconds:,.0f} s from start to result",
            *costs.bill_lines(self.items, self.prices_date),
            f"assumed: {ASSUMED}",
        ]

    def to_json(self) -> dict[str, Any]:
        """The form for programs; the field names are a contract."""
        return {
            "objects": self.plan.objects,
            "hidden_objects": self.plan.hidden,
            "bytes": self.plan.size,
            "mappers": len(self.plan.batches),
            "mapper_bytes": self.plan.batch_sizes,
            "expected_reducers": list(self.steps),
            "expected_seconds": self.seconds,
            "cost": costs.bill_json(self.items, self.prices_date),
            "assumed": ASSUMED,
        }


def forecast(plan: Plan, concurrency: int, prices: Prices) -> Forecast:
    """What the plan will take with `concurrency` mappers at once."""
    outputs = [min(OUTPUT_SHARE * size, MAX_OUTPUT_BYTES) for size in plan.batch_sizes]
    mean_output = sum(outputs) / len(outputs)
    grids = expected_grids(len(plan.batches), mean_output)
    steps = [grid.count for grid in grids]
    mapper_seconds = [size / rates.MAPPER_BYTES_A_SECOND for size in plan.batch_sizes]
    merged = [count * mean_output for count in inputs_of(len(plan.batches), steps)]
    merge_seconds = sum(merged) / REDUCER_BYTES_A_SECOND
    usages = [
        usage("mapper", len(plan.batches), sum(mapper_seconds)),
        usage("coordinator", *_coordinator(len(plan.batches), steps)),
        usage("reducer", sum(steps), merge_seconds),
    ]
    reads = sum(map(len, plan.batches))
    requests = costs.s3_usage(plan.objects, len(plan.batches), grids, reads)
    items = costs.bill(usages, requests, prices)
    waves = math.ceil(len(plan.batches) / concurrency)
    seconds = rates.START_SECONDS + waves * max(mapper_seconds)
    seconds += sum(
        rates.START_SECONDS + size / REDUCER_BYTES_A_SECOND / reducers
        for size, reducers in zip(merged, steps, strict=True)
    )
    return Forecast(plan, tuple(steps), seconds, tuple(items), prices.date)


def expected_grids(mappers: int, output_bytes: float) -> list[Grid]:
    """Each step's reducers, when every output has so many bytes; the last step has one."""
    steps: list[Grid] = []
    outputs = Outputs(Grid(mappers), mappers * output_bytes)
    while not steps or outputs.grid.count > 1:
        grid = plan_step(len(steps) + 1, outputs, lambdautils.LAMBDA_MEMORY_MB, Wish())
        outputs = dataclasses.replace(outputs, grid=grid)
        steps.append(grid)
    return steps


def inputs_of(mappers: int, steps: list[int]) -> list[int]:
    """How many outputs each step merges."""
    return [mappers, *steps[:-1]]


def usage(role: str, calls: int, seconds: float) -> FunctionUsage:
    settings = assumed_settings(role)
    return FunctionUsage(role, "", calls, seconds, settings.memory, settings.architecture)


def _coordinator(mappers: int, steps: list[int]) -> tuple[int, float]:
    calls = costs.coordinator_calls(mappers, sum(steps))
    return calls, calls * rates.COORDINATOR_SECONDS
