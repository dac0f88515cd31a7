"""How the next reduce step is cut: in groups of outputs, in ranges of keys, or not at all; pure.

In: the grid of the step before, the bytes of its outputs, the reducers' memory, what the user
asked for. Out: a `Grid`. Three shapes come of it, step by step:

    tree          G x 1, then 1 x 1      many small outputs, merged by the dozen
    partitioned   1 x N, then joined     more than one reducer's memory, or time
    two-level     G x N, then 1 x M, then joined     where each output N times is too many reads

Each candidate's seconds and dollars are estimated, and the cheapest way to the end is taken, a
second being worth SECOND_DOLLARS. Groups are taken to have no key in common, which is the worst
case: a plan made on it always fits.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from errors import JobError, UsageError
from lambdautils import MAX_KEYS_BYTES
from shuffle import rates
from state.grid import BUCKETS, Grid

MOST_STEPS = 4
"""Steps of a plan of ours; Lambda stops a chain of about 16 invocations as a loop."""

MOST_FORCED_STEPS = 12
"""Steps of a job whose fan-in is forced."""

MOST_REDUCERS = 1000
"""Reducers of one step: what an account may run at once unless it asked for more."""

MEMORY_PER_BYTE = 8.0
"""Bytes of memory for a byte of output, merged: 30 bytes of JSON are a key, a number and their
place in a table that has just grown. Measured: docs/benchmarks.md, reducer.
"""

MEMORY_SPARE = 160e6
"""Bytes of memory for Python, its libraries and the outputs that are downloaded ahead."""

SMALL_SECONDS = 5.0
"""A step of one reducer that ends so soon is the only one."""

SECOND_DOLLARS = 0.002
"""What it is worth to have the answer a second earlier."""


@dataclasses.dataclass(frozen=True)
class Wish:
    """What a user asked for: so many reducers in the last step that merges (0: as it fits), so
    many outputs a reducer (0: as it fits).
    """

    reducers: int = 0
    fan_in: int = 0


@dataclasses.dataclass(frozen=True)
class Outputs:
    """What a step left: its grid, the bytes of all of it, and the longest key's characters."""

    grid: Grid
    size: float
    key_bytes: int = 60


def plan_step(step: int, outputs: Outputs, memory: int, wish: Wish) -> Grid:
    """The grid of `step`, which merges `outputs` on reducers of `memory` MB.

    Outputs that are one group of several ranges are to be joined, not merged: one reducer.
    JobError where no grid fits the memory, or where the steps are used up.
    """
    if is_join(outputs.grid):
        return Grid()
    if wish.reducers or wish.fan_in:
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
    return min(fitting, key=lambda grid: (_price(step, grid, outputs, memory), grid.count))


def is_join(before: Grid) -> bool:
    """Whether a step's outputs only need joining: no two of them have a key in common."""
    return before.groups == 1 and before.ranges > 1


def _is_small(outputs: Outputs, memory: int) -> bool:
    """Whether one reducer merges all of it, and no second step is worth its start."""
    seconds, _ = estimate(Grid(), outputs, memory)
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


def _price(step: int, grid: Grid, outputs: Outputs, memory: int) -> float:
    """Dollars of this step and of what must follow it, a second among them."""
    seconds, dollars = estimate(grid, outputs, memory)
    after = dataclasses.replace(outputs, grid=grid)
    while after.grid.count > 1:
        following = Grid() if is_join(after.grid) or after.grid.ranges == 1 else _refined(after)
        if is_join(after.grid):
            more = rates.START_SECONDS, _dollars(grid.count, grid.count)
        else:
            more = estimate(following, after, memory)
        seconds, dollars = seconds + more[0], dollars + more[1]
        after = dataclasses.replace(after, grid=following)
    return seconds * SECOND_DOLLARS + dollars


def _refined(outputs: Outputs) -> Grid:
    """The step after a two-level exchange's first: as many reducers again, one group."""
    return Grid(1, min(BUCKETS, max(outputs.grid.ranges, outputs.grid.count)))


def estimate(grid: Grid, outputs: Outputs, memory: int) -> tuple[float, float]:
    """Seconds and dollars of a step."""
    before = outputs.grid
    reads = reads_of(grid, before)
    size = outputs.size / grid.count
    cpu = min(1.0, memory / rates.VCPU_MB)
    own = max(
        size / rates.NETWORK_BYTES_A_SECOND,
        reads / grid.count * rates.GET_SECONDS / rates.GETS_AT_ONCE,
    )
    own += size / (rates.MERGE_BYTES_A_SECOND * cpu)
    seconds = rates.START_SECONDS + max(own, reads / rates.GETS_A_SECOND)
    dollars = _dollars(grid.count, reads + 2 * grid.count)
    dollars += grid.count * seconds * memory / 1024 * rates.X86_GB_SECOND_DOLLARS
    return seconds, dollars


def reads_of(grid: Grid, before: Grid) -> int:
    """How often the reducers of a step read an output of the step before."""
    return before.count * max(1, grid.ranges // before.ranges)


def _dollars(writes: int, reads: int) -> float:
    """What requests to S3 cost."""
    cost = writes * rates.THOUSAND_WRITES_DOLLARS + reads * rates.THOUSAND_READS_DOLLARS
    return cost / 1000
