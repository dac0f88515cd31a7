"""Which reduce step is due, and how it is cut among its reducers; pure.

In: a job's listing and its step records. Out: an `Action` for the coordinator to carry out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import lambdautils
from state.keys import JobKeys
from state.listing import JobListing
from state.records import JobInfo, StepRecord


@dataclasses.dataclass(frozen=True)
class Wait:
    """Outputs of `step` are still missing, and whoever makes them is at work."""

    step: int
    done: int
    due: int


@dataclasses.dataclass(frozen=True)
class Claim:
    """All inputs of `step` are there and nobody has it: claim it, then start every batch."""

    step: int
    batches: tuple[tuple[str, ...], ...]


@dataclasses.dataclass(frozen=True)
class Restart:
    """`step` was claimed, but reducers are lost: take the claim over, start the `missing` ones."""

    step: int
    record: StepRecord
    missing: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Finished:
    """The result is there."""


Action = Wait | Claim | Restart | Finished


def next_step(
    job: JobInfo,
    listing: JobListing,
    records: Mapping[int, StepRecord],
    request_id: str,
    now: float,
) -> Action:
    """What to do for a job in this state; pure.

    A step is complete when it has as many outputs as its record says (step 0: `map_count`). The
    step with a single reducer writes the result instead, so there it is never complete.
    `records` holds the records of the steps in `listing.records`, `now` is in seconds since the
    epoch. JobError where the steps are used up.
    """
    if listing.has_result:
        return Finished()
    step, due = 0, job.map_count
    while True:
        sizes = listing.outputs.get(step, {})
        missing = tuple(number for number in range(1, due + 1) if number not in sizes)
        if missing:
            return _unfinished(step, due, missing, records.get(step), request_id, now)
        if step + 1 not in records:
            return Claim(step + 1, plan_step(job.job_id, step + 1, sizes, due))
        step, due = step + 1, records[step + 1].reducer_count


def _unfinished(
    step: int,
    due: int,
    missing: tuple[int, ...],
    record: StepRecord | None,
    request_id: str,
    now: float,
) -> Action:
    # The same request comes again only after it failed: it may have started nothing yet.
    # Others wait until every reducer of the claim must have ended.
    if record is not None and (record.owner == request_id or now > record.expires):
        return Restart(step, record, missing)
    return Wait(step, due - len(missing), due)


def plan_step(
    job_id: str, step: int, sizes: Mapping[int, int], due: int
) -> tuple[tuple[str, ...], ...]:
    """Batches of the outputs 1..due of the step before, for the reducers of `step`.

    `sizes` are the outputs' bytes. Batches are sized as a mapper's, but hold at least 2.
    """
    keys = JobKeys(job_id)
    outputs = [
        {"Key": keys.output(step - 1, number), "Size": sizes[number]}
        for number in range(1, due + 1)
    ]
    batch_size = lambdautils.compute_batch_size(outputs)
    fan_in = lambdautils.reduce_fan_in(due, batch_size, step)
    return tuple(map(tuple, lambdautils.batch_creator(outputs, fan_in)))
