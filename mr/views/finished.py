"""A finished job's mappers and reducers, read from the outputs they left in S3.

In: the job bucket and the job id. Out: a `FinishedJob` with one `Task` for each output, and what
can be told from them: which tasks took long, and the chain of tasks that the job waited for.
"""

from __future__ import annotations

import dataclasses
import statistics
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from errors import JobError
from running.stragglers import is_straggler
from state.badrows import BadRows, most_frequent, unpack
from state.fields import Fields
from state.keys import JobKeys
from state.listing import list_job, read_records, read_step_records
from state.records import JobInfo, StepRecord
from views.words import counted

READERS = 16
"""Outputs that are asked for at once."""


@dataclasses.dataclass(frozen=True)
class Task:
    """One mapper (step 0) or reducer, as its output tells.

    `start` is in seconds since the epoch, `seconds` without the writing of the output, `memory`
    the peak in KiB; `groups` is None where an older version did not say. `errors` are bad rows,
    with one as an example and the object it stands in, `faults` the same by kind, `headers` lines
    that are neither rows nor bad.
    """

    step: int
    number: int
    key: str
    start: float
    seconds: float
    lines: int
    groups: int | None
    memory: int
    input_bytes: int
    output_bytes: int
    errors: int = 0
    example: str = ""
    bad_object: str = ""
    headers: int = 0
    faults: tuple[BadRows, ...] = ()

    @property
    def name(self) -> str:
        """ "mapper 3", or "reducer 1/2" for number 2 of step 1."""
        return f"reducer {self.step}/{self.number}" if self.step else f"mapper {self.number}"

    @property
    def end(self) -> float:
        return self.start + self.seconds


@dataclasses.dataclass(frozen=True)
class FinishedJob:
    """A job that has a result. `data` are the fields of its JOB/jobdata; tasks in their order."""

    info: JobInfo
    data: Fields
    records: Mapping[int, StepRecord]
    tasks: tuple[Task, ...]

    @property
    def start(self) -> float:
        return self.data.number("startTime")

    @property
    def mappers(self) -> list[Task]:
        return [task for task in self.tasks if task.step == 0]

    @property
    def reducers(self) -> list[Task]:
        return [task for task in self.tasks if task.step]

    @property
    def last(self) -> Task:
        """The reducer that wrote the result."""
        return self.tasks[-1]

    @property
    def seconds(self) -> float:
        """From the job's start until its result."""
        return max(0.0, self.last.end - self.start)


def read_finished_job(s3: Any, bucket: str, job_id: str) -> FinishedJob:
    """Read a job with all its outputs' metadata. JobError where it has no result."""
    info, data = read_records(s3, bucket, job_id)
    listing = list_job(s3, bucket, job_id)
    if not listing.has_result:
        raise JobError(
            f"job {job_id} in s3://{bucket}/{job_id}/ has no result yet: "
            f"`driver.py --status {bucket} {job_id}` shows where it is"
        )
    keys = JobKeys(job_id)
    records = read_step_records(s3, bucket, job_id, listing)
    wanted = [
        (step, number, keys.output(step, number))
        for step, due in [(0, info.map_count)]
        + [(step, record.reducer_count) for step, record in sorted(records.items())]
        for number in range(1, due + 1)
        if number in listing.outputs.get(step, {})
    ]
    wanted.append((max(records, default=1), 1, keys.result))

    def head(output: tuple[int, int, str]) -> Task:
        step, number, key = output
        return task_of(step, number, key, s3.head_object(Bucket=bucket, Key=key))

    with ThreadPoolExecutor(READERS) as threads:
        tasks = list(threads.map(head, wanted))
    return FinishedJob(info, data, records, with_inputs(tasks, records))


def task_of(step: int, number: int, key: str, head: Mapping[str, Any]) -> Task:
    """What HeadObject says of an output; pure. An output of an older version tells less."""
    metadata = head["Metadata"]
    seconds = float(metadata.get("processingtime", 0))
    written = head["LastModified"].timestamp()
    return Task(
        step,
        number,
        key,
        float(metadata.get("starttime", written - seconds)),
        seconds,
        int(metadata.get("linecount", 0)),
        int(metadata["groupcount"]) if "groupcount" in metadata else None,
        int(metadata.get("memoryusage", 0)),
        int(metadata.get("inputbytes", 0)),
        head.get("ContentLength", 0),  # a proxy on the way may leave it out
        int(metadata.get("errcount", 0)),
        urllib.parse.unquote(metadata.get("errexample", "")),
        urllib.parse.unquote(metadata.get("errobject", "")),
        int(metadata.get("headercount", 0)),
        unpack(metadata.get("faults", "[]")),
    )


def with_inputs(tasks: Sequence[Task], records: Mapping[int, StepRecord]) -> tuple[Task, ...]:
    """The tasks with the bytes that each reducer read: those of its batch; pure."""
    sizes = {task.key: task.output_bytes for task in tasks}

    def filled(task: Task) -> Task:
        if task.step not in records:
            return task
        batch = records[task.step].batches[task.number - 1]
        return dataclasses.replace(task, input_bytes=sum(sizes.get(key, 0) for key in batch))

    return tuple(map(filled, tasks))


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
        record = job.records[path[-1].step]
        inputs = [by_key[key] for key in record.batches[path[-1].number - 1] if key in by_key]
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
        return f"{self.lines} rows, {self.errors} bad{headers}"


def row_totals(mappers: Sequence[Task]) -> RowTotals:
    """What the mappers counted, in all; pure."""
    return RowTotals(
        sum(task.lines for task in mappers),
        sum(task.errors for task in mappers),
        sum(task.headers for task in mappers),
        tuple(most_frequent(one for task in mappers for one in task.faults)),
    )


def input_bytes(job: FinishedJob) -> int:
    """Bytes of the job's input objects; of a job of an older version, what its mappers read."""
    return int(job.data.value.get("totalBytes", sum(task.input_bytes for task in job.mappers)))
