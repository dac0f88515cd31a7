"""A job's function calls as a table: one row a call, for those who measure.

In: the logs of a job's functions, the metadata of its outputs, the functions' configuration. Out: a
`Timing` for each call, of jobs that are done, at work or have failed; coordinators and failed tries
are among them. docs/timings.md has the columns.
"""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from aws.client import Clients
from errors import visible
from state.listing import list_job, read_records, read_step_records
from state.records import JobInfo
from views import logs
from views.calls import Call, calls_of
from views.finished import Task, read_tasks
from views.functions import settings_of

DONE, FAILED, UNKNOWN = "done", "failed", "unknown"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Timing:
    """A row: the names of its fields are the columns. What is not known, or has no meaning for a
    call, is None.
    """

    run_id: str
    job_id: str
    kind: str
    step: int | None = None
    number: int | None = None
    attempt: int = 1
    outcome: str = UNKNOWN
    function: str = ""
    request_id: str = ""
    invoked_unix_s: float | None = None
    started_unix_s: float | None = None
    ended_unix_s: float | None = None
    billed_ms: float | None = None
    init_ms: float | None = None
    memory_mb: int | None = None
    memory_used_mb: int | None = None
    architecture: str | None = None
    inputs: int | None = None
    bytes_in: int | None = None
    bytes_out: int | None = None
    rows: int | None = None
    groups: int | None = None
    bad_rows: int | None = None
    job: str | None = None
    job_digest: str | None = None

    @property
    def name(self) -> str:
        """ "mapper 3", "reducer 1/2", "coordinator", "driver"."""
        if self.kind == "reducer":
            return f"reducer {self.step}/{self.number}"
        return self.kind if self.number is None else f"{self.kind} {self.number}"


COLUMNS = [field.name for field in dataclasses.fields(Timing)]


def read_timings(clients: Clients, bucket: str, job_id: str) -> list[Timing]:
    """The rows of a job's run, by the time at which the calls started. JobError where there is no
    such job, or its logs may not be read.
    """
    job, _ = read_records(clients.s3, bucket, job_id)
    listing = list_job(clients.s3, job)
    records = read_step_records(clients.s3, job, listing)
    tasks = read_tasks(clients.s3, job, listing, records)
    calls = calls_of(logs.read_job(clients, bucket, job_id))
    machines = {
        name: machine_of(clients.functions, name) for name in {one.function for one in calls}
    }
    return timings(job, calls, tasks, machines)


def machine_of(functions: Any, name: str) -> str | None:
    """A function's architecture, where it can be read."""
    settings = settings_of(functions, name, "")
    return None if settings.assumed else settings.architecture


def timings(
    job: JobInfo,
    calls: Iterable[Call],
    tasks: Iterable[Task],
    machines: dict[str, str | None] | None = None,
) -> list[Timing]:
    """The rows, out of what the logs and the outputs tell; pure.

    An output is that of the first call of its task that ended well: a later one's would be the
    same bytes. Where the logs tell of none, the output has a row of its own.
    """
    waiting: dict[tuple[Any, Any], Task] = {(task.step, task.number): task for task in tasks}
    rows = []
    for call in calls:
        row = _of_call(job, call, (machines or {}).get(call.function))
        if row.outcome == DONE and (task := waiting.pop((row.step, row.number), None)):
            row = _with_output(row, task)
        rows.append(row)
    rows += [_of_output(job, task) for task in waiting.values()]
    return sorted(rows, key=lambda row: row.started_unix_s or 0.0)


def _of_call(job: JobInfo, call: Call, machine: str | None) -> Timing:
    kind, step, number = _place(call.task)
    ended = UNKNOWN if call.ended is None else DONE
    return Timing(
        run_id=job.run_id,
        job_id=job.job_id,
        kind=kind,
        step=step,
        number=number,
        attempt=call.attempt,
        outcome=FAILED if call.failed else ended,
        function=call.function,
        request_id=call.request_id,
        invoked_unix_s=call.invoked,
        started_unix_s=call.started,
        ended_unix_s=call.ended,
        billed_ms=call.billed_ms,
        init_ms=call.init_ms,
        memory_mb=call.memory_mb,
        memory_used_mb=call.memory_used_mb,
        architecture=machine,
        inputs=call.inputs,
    )


def _place(task: str) -> tuple[str, int | None, int | None]:
    """Kind, step and number of a task as the log names it: "mapper 3", "step 1 reducer 2"."""
    match task.split():
        case ["mapper", number]:
            return "mapper", 0, int(number)
        case ["step", step, "reducer", number]:
            return "reducer", int(step), int(number)
    return task, None, None


def _with_output(row: Timing, task: Task) -> Timing:
    """A row, with what its output tells."""
    return dataclasses.replace(
        row,
        bytes_in=task.input_bytes,
        bytes_out=task.output_bytes,
        rows=task.lines,
        groups=task.groups,
        bad_rows=task.errors if row.kind == "mapper" else None,
        job=task.code.job or None,
        job_digest=task.code.digest or None,
    )


def _of_output(job: JobInfo, task: Task) -> Timing:
    """The row of a task whose calls the logs do not tell of."""
    row = Timing(
        run_id=job.run_id,
        job_id=job.job_id,
        kind="reducer" if task.step else "mapper",
        step=task.step,
        number=task.number,
        outcome=DONE,
        started_unix_s=task.start,
        ended_unix_s=task.end,
    )
    return _with_output(row, task)


def write_csv(rows: Sequence[Timing], out: TextIO) -> None:
    """The rows as CSV, with a header line; what is not known is empty."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_cell(value) for value in dataclasses.astuple(row)] for row in rows)


def _cell(value: Any) -> Any:
    return visible(value) if isinstance(value, str) else value


def write_json(rows: Sequence[Timing], out: TextIO) -> None:
    """The rows as `{"timings": [{COLUMN: VALUE}]}`; what is not known is null."""
    json.dump({"timings": [dataclasses.asdict(row) for row in rows]}, out)
    out.write("\n")
