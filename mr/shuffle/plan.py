"""How the next reduce step is cut: in groups of outputs, in ranges of keys, or not at all; pure.

In: the grid of the step before, the bytes of its outputs, the reducers' memory, what the user
asked for. Out: a `Grid`. Three shapes come of it, step by step:

    tree          G x 1, then 1 x 1      many small outputs, merged by the dozen
    partitioned   1 x N, then joined     more than one reducer's memory, or time
    two-level     G x N, then 1 x M, then joined     where each output N times is too many reads

Each candidate's seconds and dollars are estimated (shuffle/estimate.py), and the cheapest way to
the end is taken, where a second is worth what the user's goal says. Groups are taken to have no key
in common, which is the worst case: a plan made on it always fits.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from errors import JobError, UsageError
from lambdautils import MAX_KEYS_BYTES
from shuffle.estimate import Estimate, Outputs, is_disjoint, of_step
from shuffle.joining import LEAST_COPIED
from state.grid import BUCKETS, Grid
from state.records import JobInfo

MOST_STEPS = 4
"""Steps of a plan of ours; Lambda stops a chain of about 16 invocations as a loop."""

MOST_FORCED_STEPS = 12
"""Steps of a job whose fan-in is forced."""

MOST_REDUCERS = 1000
"""Reducers of one step: what an account may run at once unless it asked for more."""

MEMORY_PER_BYTE = 9.0
"""Bytes of memory for a byte of output, merged: 15 bytes of JSON are a key, a number and their
place in a table that has just grown. Measured, for 2 million pairs of 15 bytes: 8.9; of 29: 4.8.
"""

MEMORY_SPARE = 160e6
"""Bytes of memory for Python, its libraries and the outputs that are downloaded ahead."""

ENOUGH = 2
"""Outputs that are to be copied are on average so many times as large as S3 asks for."""

SMALL_SECONDS = 5.0
"""A step of one reducer that ends so soon is the only one."""

SECOND_DOLLARS = 0.002
"""What it is worth to have the answer a second earlier, ..."""

FAST_SECOND_DOLLARS = 0.02
"""... and with the goal of the fastest run; for the cheapest it is worth nothing."""

WORTH = {"": SECOND_DOLLARS, "fastest": FAST_SECOND_DOLLARS, "cheapest": 0.0}


@dataclasses.dataclass(frozen=True)
class Wish:
    """What a user asked for: so many reducers in the last step that merges (0: as it fits), so
    many outputs a reducer (0: as it fits), a goal; and how many functions may run at once.
    """

    reducers: int = 0
    fan_in: int = 0
    goal: str = ""
    at_once: int = MOST_REDUCERS

    @classmethod
    def of(cls, job: JobInfo) -> Wish:
        """What a job's record says of it."""
        return cls(job.reducers, job.fan_in, job.goal, job.at_once or MOST_REDUCERS)

    @property
    def is_forced(self) -> bool:
        """Whether the shape was asked for."""
        return bool(self.reducers or self.fan_in)

    @property
    def second_dollars(self) -> float:
        """What it is worth to have the answer a second earlier."""
        return WORTH[self.goal]


def plan_step(step: int, outputs: Outputs, memory: int, wish: Wish) -> Grid:
    """The grid of `step`, which merges `outputs` on reducers of `memory` MB.

    Outputs without a key in common are to be joined by one reducer, once they are large enough.
    JobError where no grid fits the memory, or where the steps are used up.
    """
    if is_disjoint(outputs.grid):
        return Grid() if wish.is_forced else _joined(step, outputs, memory, wish)
    if wish.is_forced:
        return _forced(outputs, wish)
    if _is_small(outputs, memory):
        return Grid()
    if step >= MOST_STEPS:
        raise JobError(
            f"after {step - 1} steps there are still {outputs.grid.count} outputs of "
            f"{outputs.size:,.0f} bytes: give the reducer more memory than {memory} MB"
        )
    fitting = list(_fitting(step, outputs, memory))
    if not fitting:
        raise JobError(
            f"{outputs.size:,.0f} bytes of outputs do not fit {BUCKETS} reducers of {memory} MB: "
            "give the reducer more memory in scns.json (lambdaMemory)"
        )
    return min(fitting, key=lambda grid: (_price(grid, outputs, memory, wish), grid.count))


def _joined(step: int, outputs: Outputs, memory: int, wish: Wish) -> Grid:
    """One reducer; or, where that is sooner, fewer and larger outputs first, which S3 copies by
    itself: what it does not copy goes through the one.
    """
    choices = [Grid()]
    ranges = outputs.grid.ranges // 2
    while step < MOST_STEPS and ranges > 1:
        if ENOUGH * LEAST_COPIED <= outputs.size / ranges <= _room(memory):
            choices.append(Grid(1, ranges))
        ranges //= 2
    return min(choices, key=lambda grid: _seconds(grid, outputs, memory, wish))


def _is_small(outputs: Outputs, memory: int) -> bool:
    """Whether one reducer merges all of it, and no second step is worth its start."""
    seconds = of_step(Grid(), outputs, memory, 1).seconds
    return seconds < SMALL_SECONDS and outputs.size <= _room(memory) and _least_groups(outputs) == 1


def _room(memory: int) -> float:
    """The bytes of outputs that a reducer of `memory` MB can merge."""
    return max(0.0, (memory * 1e6 - MEMORY_SPARE) / MEMORY_PER_BYTE)


def check_wish(mappers: int, wish: Wish) -> None:
    """UsageError where the shape that was asked for cannot end, before anything is started."""
    if wish.reducers > BUCKETS:
        raise UsageError(f"{wish.reducers} reducers are more than the {BUCKETS} there may be")
    groups, steps = mappers, 0
    while wish.fan_in and groups > 1:
        groups, steps = math.ceil(groups / wish.fan_in), steps + 1
    if steps > MOST_FORCED_STEPS:
        raise UsageError(
            f"{mappers} mappers and a fan-in of {wish.fan_in} take {steps} steps, more than the "
            f"{MOST_FORCED_STEPS} that Lambda's loop detection leaves room for: give a larger one"
        )


def _forced(outputs: Outputs, wish: Wish) -> Grid:
    """The shape that was asked for: groups of `fan_in` outputs, each in so many ranges."""
    before = outputs.grid
    ranges = max(before.ranges, min(wish.reducers, BUCKETS) or 1)
    groups = math.ceil(before.groups / max(2, wish.fan_in)) if wish.fan_in else 1
    groups = max(groups, _least_groups(outputs))
    return Grid(groups, ranges)


def _least_groups(outputs: Outputs) -> int:
    """So many that the keys of one group's outputs fit into an event."""
    return math.ceil(outputs.grid.groups * (outputs.key_bytes + 16) / MAX_KEYS_BYTES)


def _fitting(step: int, outputs: Outputs, memory: int) -> Iterator[Grid]:
    """The grids whose reducers' share fits their memory, and that lead to an end."""
    before = outputs.grid
    room = _room(memory)
    ranges = before.ranges
    while ranges <= BUCKETS:
        groups = 1
        while groups <= before.groups and groups * ranges <= MOST_REDUCERS:
            share = outputs.size / ranges / groups
            ends = groups == 1 or step < MOST_STEPS - 1
            shrinks = groups < before.groups or groups == 1
            if share <= room and ends and shrinks and groups >= _least_groups(outputs):
                yield Grid(groups, ranges)
            groups *= 2
        ranges *= 2


def _price(grid: Grid, outputs: Outputs, memory: int, wish: Wish) -> float:
    """Dollars of this step and of what must follow it, a second among them."""
    return sum(
        step.seconds * wish.second_dollars + step.dollars(memory)
        for step in _way(grid, outputs, memory, wish)
    )


def _seconds(grid: Grid, outputs: Outputs, memory: int, wish: Wish) -> float:
    """Seconds of this step and of what must follow it."""
    return sum(step.seconds for step in _way(grid, outputs, memory, wish))


def _way(grid: Grid, outputs: Outputs, memory: int, wish: Wish) -> Iterator[Estimate]:
    """This step and what must follow it, to the end."""
    yield of_step(grid, outputs, memory, wish.at_once)
    while grid.count > 1:
        outputs = dataclasses.replace(outputs, grid=grid)
        grid = _following(outputs)
        yield of_step(grid, outputs, memory, wish.at_once)


def _following(outputs: Outputs) -> Grid:
    """What follows a step: a join, a tree's last, or the second of a two-level exchange's, with as
    many reducers again, in one group.
    """
    grid = outputs.grid
    if grid.ranges == 1 or is_disjoint(grid):
        return Grid()
    return Grid(1, min(BUCKETS, max(grid.ranges, grid.count)))
