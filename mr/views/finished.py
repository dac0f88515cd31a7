"""A finished job's mappers and reducers, read from the outputs they left in S3.

Each output is a `Task`. From them it can be told which took long, and for which chain of tasks the
job waited.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from errors import counted
from running.stragglers import is_straggler
from shuffle.estimate import is_disjoint
from shuffle.joining import parts_of
from state.badrows import BadRows, most_frequent, too_many
from state.jobcode import UNKNOWN, JobCode
from state.keys import JobKeys
from state.listing import JobListing, list_job, read_records, read_step_records
from state.outputs import Counts, read_counts
from state.records import JobData, JobInfo, StepRecord
from views.unanswered import no_answer

READERS = 16
"""Outputs that are asked for at once."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task(Counts):
    """One mapper (step 0) or reducer, as its output tells, the bytes of that output, and the job
    that wrote it.
    """

    step: int
    number: int
    key: str
    output_bytes: int
    code: JobCode = UNKNOWN

    @property
    def name(self) -> str:
        """ "mapper 3", or "reducer 1/2" for number 2 of step 1."""
        return f"reducer {self.step}/{self.number}" if self.step else f"mapper {self.number}"

    @property
    def end(self) -> float:
        return self.start + self.seconds


@dataclasses.dataclass(frozen=True)
class FinishedJob:
    """A job that has a result. The tasks are in their order."""

    info: JobInfo
    data: JobData
    records: Mapping[int, StepRecord]
    tasks: tuple[Task, ...]

    @property
    def start(self) -> float:
        return self.data.start

    @property
    def mappers(self) -> list[Task]:
        return [task for task in self.tasks if task.step == 0]

    @property
    def reducers(self) -> list[Task]:
        return [task for task in self.tasks if task.step]

    def inputs_of(self, reducer: Task) -> list[str]:
        """The keys of the outputs that a reducer merged."""
        before = self.records[reducer.step - 1].grid if reducer.step > 1 else self.info.mappers
        numbers = self.records[reducer.step].grid.inputs(reducer.number, before)
        keys = JobKeys(self.info.job_id)
        return [keys.output(reducer.step - 1, number) for number in numbers]

    @property
    def last(self) -> Task:
        """The reducer that wrote the result."""
        return self.tasks[-1]

    @property
    def answer_bytes(self) -> int:
        """Bytes of the answer, in one object or in its parts."""
        before = [task for task in self.reducers if task.step == self.last.step - 1]
        return max(self.last.output_bytes, sum(task.output_bytes for task in before))

    @property
    def codes(self) -> list[JobCode]:
        """The jobs that wrote its outputs, as far as they say: one, or the mappers' and the
        reducers'.
        """
        return [code for code in dict.fromkeys(task.code for task in self.tasks) if code.job]

    @property
    def seconds(self) -> float:
        """From the job's start until its result."""
        return max(0.0, self.last.end - self.start)


def read_finished_job(s3: Any, bucket: str, job_id: str) -> FinishedJob:
    """Read a job with all its outputs' metadata. JobError where it has no result."""
    info, data = read_records(s3, bucket, job_id)
    listing = list_job(s3, info)
    if not listing.has_result:
        raise no_answer(s3, info, f"job {job_id} in s3://{bucket}/{job_id}/ has no result")
    records = read_step_records(s3, info, listing)
    return FinishedJob(info, data, records, read_tasks(s3, info, listing, records))


def read_tasks(
    s3: Any, info: JobInfo, listing: JobListing, records: Mapping[int, StepRecord]
) -> tuple[Task, ...]:
    """The tasks whose outputs are listed, in their order; the one that wrote the result is last."""
    keys = JobKeys(info.job_id)
    wanted = [
        (step, number, keys.output(step, number))
        for step, due in [(0, info.map_count)]
        + [(step, record.grid.count) for step, record in sorted(records.items())]
        for number in range(1, due + 1)
        if number in listing.outputs.get(step, {})
    ]
    if listing.has_result:
        wanted.append((max(records, default=1), 1, keys.result))

    def head(output: tuple[int, int, str]) -> Task:
        step, number, key = output
        return task_of(step, number, key, s3.head_object(Bucket=info.job_bucket, Key=key))

    with ThreadPoolExecutor(READERS) as threads:
        return tuple(threads.map(head, wanted))


def task_of(step: int, number: int, key: str, head: Mapping[str, Any]) -> Task:
    """What HeadObject says of an output; pure."""
    # A proxy on the way may leave the length out.
    size = head.get("ContentLength", 0)
    place = {"step": step, "number": number, "key": key, "output_bytes": size}
    code = JobCode.from_metadata(head["Metadata"])
    return Task(code=code, **place, **vars(Counts.from_head(head, key)))


def stragglers(tasks: Iterable[Task]) -> list[Task]:
    """The tasks that took much longer than others of the same step, slowest first; pure."""
    by_step: dict[int, list[Task]] = {}
    for task in tasks:
        by_step.setdefault(task.step, []).append(task)
    found = []
    for step in by_step.values():
        median = statistics.median(task.seconds for task in step)
        found += [task for task in step if is_straggler(task.seconds, median)]
    return sorted(found, key=lambda task: -task.seconds)


def critical_path(job: FinishedJob) -> list[Task]:
    """The tasks that the result waited for, one of each step, first to last; pure.

    From the result backwards: of the outputs that a reducer merged, the one that came last.
    """
    by_key = {task.key: task for task in job.tasks}
    path = [job.last]
    while path[-1].step in job.records:
        inputs = [by_key[key] for key in job.inputs_of(path[-1]) if key in by_key]
        if not inputs:
            break
        path.append(max(inputs, key=lambda task: task.end))
    return path[::-1]


def first_bad_row(tasks: Iterable[Task]) -> Task | None:
    """The first task that met a bad row."""
    return next((task for task in tasks if task.errors), None)


@dataclasses.dataclass(frozen=True)
class RowTotals:
    """Rows of a job, bad ones among them, header lines beside them, and the kinds of fault."""

    lines: int
    errors: int
    headers: int
    faults: tuple[BadRows, ...]

    def words(self) -> str:
        """The form for a person."""
        headers = f", {counted(self.headers, 'header line')}" if self.headers else ""
        return f"{counted(self.lines, 'row')}, {self.errors:,} bad{headers}"

    def fault(self, allowed: float) -> str:
        """What to say where more than the share `allowed` is bad; "" elsewhere."""
        return too_many(self.lines, self.errors, allowed)


def row_totals(mappers: Sequence[Counts]) -> RowTotals:
    """What mappers counted, in all; pure."""
    return RowTotals(
        sum(task.lines for task in mappers),
        sum(task.errors for task in mappers),
        sum(task.headers for task in mappers),
        tuple(most_frequent(one for task in mappers for one in task.faults)),
    )


def read_row_totals(s3: Any, job: JobInfo, listing: JobListing) -> RowTotals:
    """What the mappers whose outputs are listed counted, in all."""
    keys = JobKeys(job.job_id)

    def read(number: int) -> Counts:
        return read_counts(s3, job.job_bucket, keys.mapper_output(number))

    with ThreadPoolExecutor(READERS) as threads:
        return row_totals(list(threads.map(read, sorted(listing.outputs.get(0, {})))))


def input_bytes(job: FinishedJob) -> int:
    """Bytes of the job's input objects; of a job of an older version, what its mappers read."""
    return job.data.size or sum(task.input_bytes for task in job.mappers)


def parts_joined(job: FinishedJob) -> int:
    """In how many parts the answer was uploaded, where it was joined; pure."""
    before = job.records.get(job.last.step - 1)
    if before is None or not is_disjoint(before.grid):
        return 0
    outputs = [task for task in job.reducers if task.step == job.last.step - 1]
    return parts_of(task.output_bytes for task in outputs if task.groups)
