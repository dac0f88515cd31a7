"""What a reduce step takes: seconds, function seconds, requests, dollars; pure.

In: its grid, what the step before left, the reducers' memory. Out: an `Estimate`. It rests on
shuffle/rates.py, and on groups of which no two outputs have one in common: the worst case.
"""

from __future__ import annotations

import dataclasses
import math

from shuffle import rates
from shuffle.joining import LEAST_COPIED, MOST_JOINED
from state.grid import Grid


@dataclasses.dataclass(frozen=True)
class Outputs:
    """What a step left: its grid, the bytes of all of it, and the longest key's characters."""

    grid: Grid
    size: float
    key_bytes: int = 60


@dataclasses.dataclass(frozen=True)
class Estimate:
    """`seconds` from the last output of the step before to the last of this one, `used` those of
    all its functions together, and its requests to S3.
    """

    seconds: float
    used: float
    writes: int
    reads: int

    def dollars(self, memory: int) -> float:
        """What it costs with functions of `memory` MB."""
        requests = self.writes * rates.THOUSAND_WRITES_DOLLARS
        requests += self.reads * rates.THOUSAND_READS_DOLLARS
        return requests / 1000 + self.used * memory / 1024 * rates.X86_GB_SECOND_DOLLARS


def is_join(before: Grid, grid: Grid) -> bool:
    """Whether a step only joins: no two of the outputs have a key in common, and one takes all."""
    return is_disjoint(before) and grid.count == 1


def is_disjoint(before: Grid) -> bool:
    """Whether no two outputs of a step have a key in common."""
    return before.groups == 1 and before.ranges > 1


def reads_of(grid: Grid, before: Grid) -> int:
    """How often the reducers of a step read an output of the step before."""
    return before.count * max(1, grid.ranges // before.ranges)


def of_step(grid: Grid, outputs: Outputs, memory: int, at_once: int) -> Estimate:
    """A step on reducers of `memory` MB, of which `at_once` run at once."""
    if is_join(outputs.grid, grid):
        return _of_join(outputs)
    reads = reads_of(grid, outputs.grid)
    own = _merge_seconds(outputs.size / grid.count, reads / grid.count, memory)
    paced = reads / rates.GETS_A_SECOND
    waves = math.ceil(grid.count / at_once)
    slowest = max(own * rates.slowest_of(grid.count) * waves, paced)
    seconds = rates.START_SECONDS + grid.count / rates.STARTS_A_SECOND + slowest
    used = grid.count * (rates.COLD_SECONDS + max(own, paced))
    return Estimate(seconds, used, grid.count, reads + 2 * grid.count)


def _merge_seconds(size: float, reads: float, memory: int) -> float:
    """What one reducer takes for so many bytes, in so many reads."""
    waiting = reads * rates.GET_SECONDS / rates.GETS_AT_ONCE
    computing = size / (rates.MERGE_BYTES_A_SECOND * rates.cores(memory))
    return max(rates.transfer_seconds(size), waiting) + computing


def _of_join(outputs: Outputs) -> Estimate:
    """S3 copies what is large enough; what is not goes through the function, in and out."""
    count = outputs.grid.count
    is_copied = outputs.size / count >= LEAST_COPIED or outputs.size > MOST_JOINED
    through = 0.0 if is_copied else 2 * rates.transfer_seconds(outputs.size)
    own = rates.COLD_SECONDS + through
    return Estimate(rates.START_SECONDS + through, own, count + 1, 2 * count + 2)
