"""Which reduce step is due: what a coordinator is to do for a job that it found so; pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from shuffle.estimate import Outputs
from shuffle.plan import Wish, plan_step
from state.grid import Grid
from state.keys import JobKeys
from state.records import JobInfo, StepRecord
from state.standing import Standing


@dataclasses.dataclass(frozen=True)
class Wait:
    """Outputs of `step` are still missing, and whoever makes them is at work; `done` are those
    that were seen, `counted` whether these are all there are.
    """

    step: int
    done: int
    due: int
    counted: bool = True


@dataclasses.dataclass(frozen=True)
class Claim:
    """All inputs of `step` are there and nobody has it: claim it, then start every reducer."""

    step: int
    before: Grid
    grid: Grid
    sizes: Mapping[int, int]


@dataclasses.dataclass(frozen=True)
class Restart:
    """`step` was claimed, but reducers are lost: take the claim over, start the missing ones."""

    step: int
    record: StepRecord


@dataclasses.dataclass(frozen=True)
class Finished:
    """The result is there."""


Action = Wait | Claim | Restart | Finished


def next_step(job: JobInfo, found: Standing, request_id: str, now: float) -> Action:
    """What to do for a job that stands so; pure.

    A step is complete when it has as many outputs as its record says (step 0: `map_count`). The
    last step writes the result instead, so it is never complete. `now` is in seconds since the
    epoch. JobError where no further step can be planned.
    """
    if found.has_result:
        return Finished()
    grid = found.record.grid if found.record else job.mappers
    if found.missing is None:
        sizes = found.sizes
        longest = JobKeys(job.job_id).output(found.step, grid.count)
        outputs = Outputs(grid, sum(sizes.values()), len(longest.encode()))
        planned = plan_step(found.step + 1, outputs, job.reducer_memory, Wish.of(job))
        return Claim(found.step + 1, grid, planned, sizes)
    # The same request comes again only after it failed: it may have started nothing yet.
    # Others wait until every reducer of the claim must have ended.
    record = found.record
    if record is not None and (record.owner == request_id or now > record.expires):
        return Restart(found.step, record)
    return Wait(found.step, found.done, grid.count, found.counted)
