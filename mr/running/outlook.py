"""What a plan will take, as far as that can be said before it runs; pure.

In: a `Plan`, how many functions run at once, the shape and the goal that were asked for, prices.
Out: an `Outlook`: steps, seconds, the bill. It rests on shuffle/rates.py, and on what is assumed of
a mapper's output: its size.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import lambdautils
from running import costs
from running.costs import FunctionUsage, Item, Prices
from running.planning import Plan
from shuffle import rates
from shuffle.estimate import Estimate, Outputs, of_step
from shuffle.plan import Wish, plan_step
from state.grid import Grid

ROW_BYTES = 164
GROUPS = ((24_300, 0.371), (67_000, 0.302), (365_000, 0.239), (1_650_000, 0.088))
"""Rows and groups of query 2A: so many keys have such a share of the rows together. The fewer
digits an address begins with, the rarer it is.
"""

MEMORY_MB = {
    "driver": 512,
    "mapper": lambdautils.LAMBDA_MEMORY_MB,
    "coordinator": 1024,
    "reducer": lambdautils.LAMBDA_MEMORY_MB,
}
"""Memory by role, as scns.json has it."""

ASSUMED = (
    f"the standard library, {rates.KERNEL_BYTES_A_SECOND / 1e6:.0f} MB/s a core; "
    f"{sum(keys for keys, _ in GROUPS) / 1e6:.1f} million groups, as query 2A has them"
)


@dataclasses.dataclass(frozen=True)
class Outlook:
    """`grids` are the reducers of each step; `seconds` from start to result."""

    mappers: int
    grids: tuple[Grid, ...]
    seconds: float
    items: tuple[Item, ...]

    @property
    def dollars(self) -> float:
        return costs.total(self.items)

    def value(self, second_dollars: float) -> float:
        """Dollars, where each second is worth so many: the less, the better."""
        return self.seconds * second_dollars + self.dollars


def outlook(plan: Plan, at_once: int, wish: Wish, prices: Prices) -> Outlook:
    """What the plan will take with `at_once` mappers at once."""
    count = len(plan.batches)
    steps = expected_steps(count, plan.size, wish)
    grids = tuple(grid for grid, _ in steps)
    mapped = list(map(mapper_seconds, plan.batch_sizes))
    used = [
        usage("mapper", count, sum(mapped) + count * rates.COLD_SECONDS),
        coordinators(count, grids),
        usage("reducer", sum(grid.count for grid in grids), sum(step.used for _, step in steps)),
    ]
    requests = costs.s3_usage(plan.objects, count, grids, sum(map(len, plan.batches)))
    seconds = rates.PREPARE_SECONDS + count / rates.STARTS_A_SECOND
    seconds += rates.START_SECONDS + map_seconds(mapped, at_once)
    seconds += sum(step.seconds for _, step in steps)
    return Outlook(count, grids, seconds, tuple(costs.bill(used, requests, prices)))


def map_seconds(mapped: Sequence[float], at_once: int) -> float:
    """What mappers that take so long each take, so many at once: those that find no room follow
    where others have ended.
    """
    count = len(mapped)
    queued = max(0, count - at_once) / at_once * sum(mapped) / count
    return queued + max(mapped) * rates.slowest_of(count)


def output_pairs(size: float) -> float:
    """Pairs of the output of whoever has merged so many bytes of input: the expected number of
    different keys among independent rows.
    """
    rows = size / ROW_BYTES
    return sum(-keys * math.expm1(-rows * share / keys) for keys, share in GROUPS)


def mapper_seconds(size: int) -> float:
    """What a mapper takes for so many bytes: it computes while it downloads, then it writes."""
    cores = rates.cores(MEMORY_MB["mapper"])
    summed = size / (rates.KERNEL_BYTES_A_SECOND * cores)
    written = output_pairs(size) / (rates.ENCODED_PAIRS_A_SECOND * cores)
    return max(rates.transfer_seconds(size), summed) + written


def expected_steps(mappers: int, size: float, wish: Wish) -> list[tuple[Grid, Estimate]]:
    """Each step's reducers and what it takes, for so many bytes of input; the last step has one
    reducer.
    """
    memory, before = MEMORY_MB["reducer"], Grid(mappers)
    steps: list[tuple[Grid, Estimate]] = []
    while not steps or before.count > 1:
        groups = before.groups
        pairs = groups * output_pairs(size / groups)
        outputs = Outputs(before, pairs * rates.PAIR_BYTES)
        before = plan_step(len(steps) + 1, outputs, memory, wish)
        steps.append((before, of_step(before, outputs, memory, wish.at_once)))
    return steps


def usage(role: str, calls: int, seconds: float) -> FunctionUsage:
    """What is used of the function of a role, as scns.json has it."""
    return FunctionUsage(role, "", calls, seconds, MEMORY_MB[role])


def coordinators(mappers: int, grids: Sequence[Grid]) -> FunctionUsage:
    """What a job's coordinators use."""
    calls = costs.coordinator_calls(mappers, sum(grid.count for grid in grids))
    seconds = calls * rates.coordinator_seconds(MEMORY_MB["coordinator"])
    return usage("coordinator", calls, seconds)
