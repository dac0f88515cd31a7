"""What happens in a job, a sentence each, as it happens: for who wants to see how it works.

    mapper 3 read GPL-3.txt (35 kB) -> words/task/mapper/3 (11 kB) -> coordinator: 5 of 6

In: the job's objects in S3, looked at again and again. Out: sentences about what is new.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from errors import counted
from shuffle.estimate import is_join
from state.grid import Grid
from state.keys import JobKeys
from state.listing import JobListing, list_job, read_step_records
from state.outputs import Counts, read_counts
from state.records import JobInfo
from state.tasks import MapperEvent
from views.words import size


class Happenings:
    """Tells of each thing once."""

    def __init__(self, s3: Any, job: JobInfo, events: Sequence[MapperEvent]) -> None:
        self._s3 = s3
        self._job = job
        self._keys = JobKeys(job.job_id)
        self._events = events
        self._told: set[str] = set()

    def look(self) -> list[str]:
        """What is new since the last look."""
        listing = list_job(self._s3, self._job)
        records = read_step_records(self._s3, self._job, listing)
        grids = {0: self._job.mappers, **{step: one.grid for step, one in records.items()}}
        return [line for step in sorted(grids) for line in self._of_step(step, grids, listing)]

    def _of_step(self, step: int, grids: dict[int, Grid], listing: JobListing) -> Iterator[str]:
        grid, there = grids[step], listing.outputs.get(step, {})
        if step and self._is_new(self._keys.step_record(step)):
            yield f"coordinator claimed step {step}: {shape(grid)}"
        done = len(there) - sum(self._keys.output(step, one) not in self._told for one in there)
        for number in sorted(there):
            key = self._keys.output(step, number)
            if self._is_new(key):
                done += 1
                what, written = self._task(step, number, key, grids), size(there[number])
                yield f"{what} -> {key} ({written}) -> coordinator: {done} of {grid.count}"
        if step and grid.count == 1 and listing.has_result and self._is_new(self._keys.result):
            groups = self._counts(self._keys.result).groups
            what = self._task(step, 1, self._keys.result, grids)
            told = "" if groups is None else f": {counted(groups, 'group')}"
            yield f"{what} -> {self._keys.result}{told}"

    def _is_new(self, key: str) -> bool:
        is_new = key not in self._told
        self._told.add(key)
        return is_new

    def _counts(self, key: str) -> Counts:
        return read_counts(self._s3, self._job.job_bucket, key)

    def _task(self, step: int, number: int, key: str, grids: dict[int, Grid]) -> str:
        """What the task did whose output lies under a key."""
        read = size(self._counts(key).input_bytes)
        if not step:
            return f"mapper {number} read {named(self._events[number - 1].keys)} ({read})"
        before = grids[step - 1]
        outputs = counted(len(grids[step].inputs(number, before)), "output")
        did = "joined" if is_join(before, grids[step]) else "merged"
        return f"reducer {step}/{number} {did} {outputs} ({read})"


def named(keys: Sequence[str]) -> str:
    """A batch of objects, by the last part of the first one's key; pure."""
    more = f" and {len(keys) - 1:,} more" if len(keys) > 1 else ""
    return f"{keys[0].rpartition('/')[2]}{more}"


def shape(grid: Grid) -> str:
    """A step's grid in words; pure."""
    reducers = counted(grid.count, "reducer")
    if grid.count == 1:
        return reducers
    groups, ranges = counted(grid.groups, "group"), counted(grid.ranges, "range")
    return f"{groups} of outputs x {ranges} of keys, {reducers}"
