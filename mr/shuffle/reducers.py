"""The reducers of a step: what each of them is asked to merge, and which have no output yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shuffle.estimate import is_join
from state.grid import BUCKETS, Grid
from state.keys import JobKeys
from state.listing import list_job, read_step_record
from state.records import JobInfo
from state.tasks import ReducerEvent


def reducer_events(
    job: JobInfo, step: int, grid: Grid, before: Grid, sizes: Mapping[int, int]
) -> list[ReducerEvent]:
    """The events of a step's reducers; `sizes` are the bytes of the outputs that they merge; pure.

    Which outputs a reducer merges follows from the grids alone: no record can make it read others.
    """
    keys = JobKeys(job.job_id)
    events = []
    for number in range(1, grid.count + 1):
        inputs = grid.inputs(number, before)
        events.append(
            ReducerEvent(
                job.job_bucket,
                [keys.output(step - 1, one) for one in inputs],
                job.job_bucket,
                job.job_id,
                grid.count,
                step,
                number,
                job.run_id,
                grid.buckets(number) if grid.ranges > before.ranges else (0, BUCKETS),
                [sizes.get(one, 0) for one in inputs],
                is_join(before, grid),
                is_async=True,
                choice=job.choice,
            )
        )
    return events


def missing_reducers(s3: Any, job: JobInfo, step: int, grid: Grid) -> list[ReducerEvent]:
    """The events of those reducers of a claimed step that have no output. BadRecord."""
    listing = list_job(s3, job)
    before = read_step_record(s3, job, step - 1)[0].grid if step > 1 else job.mappers
    events = reducer_events(job, step, grid, before, listing.outputs.get(step - 1, {}))
    there = listing.outputs.get(step, {})
    return [event for event in events if event.reducer_id not in there]
