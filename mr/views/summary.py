"""What a finished job did, used and cost: the lines at its end, and the same for programs.

It is made of the job's outputs as `finished` reads them, of how the functions are configured, and
of prices. Seconds are those that Lambda billed, where the functions' logs were read and are there
already; else those that the functions measured themselves, without start-up and the writing of the
output. Requests are counted from the job's shape. So the bill is an estimate.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping
from typing import Any

from aws.client import Clients
from errors import MAX_SHOWN, JobError, clipped, counted, log, visible
from running import costs
from running.costs import FunctionUsage, Item, Prices, S3Usage
from shuffle import rates
from state.badrows import lines_of
from state.keys import JobKeys
from views import calls, finished, logs
from views.answer import answer_of
from views.bill import bill_json, bill_lines
from views.calls import Billed
from views.finished import FinishedJob, Task
from views.functions import names_of, settings_of

FIRST_GROUPS = 5


@dataclasses.dataclass(frozen=True)
class Summary:
    """A finished job in numbers. `groups` are the first ones of its answer."""

    job: FinishedJob
    functions: tuple[FunctionUsage, ...]
    s3: S3Usage
    items: tuple[Item, ...]
    prices_date: str
    groups: tuple[tuple[str, Any], ...]

    @property
    def result(self) -> str:
        """Where the answer is."""
        return f"s3://{self.job.info.job_bucket}/{JobKeys(self.job.info.job_id).result}"

    def lines(self) -> list[str]:
        """The form for a person."""
        shown = [
            *(f"ran job {code}" for code in self.job.codes),
            *self._counts(),
            *self._times(),
            *(usage_line(usage) for usage in self.functions),
            *bill_lines(self.items, self.prices_date),
            f"the result is {self.result}",
            *(
                f"  {clipped(str(key), MAX_SHOWN)}  {clipped(str(value), MAX_SHOWN)}"
                for key, value in self.groups
            ),
        ]
        return list(map(visible, shown))

    def _counts(self) -> list[str]:
        mappers = self.job.mappers
        rows = finished.row_totals(mappers)
        groups = self.job.last.groups
        said = "" if groups is None else f", {counted(groups, 'group')}"
        shown = [rows.words() + said]
        if example := finished.first_bad_row(mappers):
            shown.append(f"a bad row, in object {example.bad_object}: {example.example}")
        return shown + lines_of(rows.faults)

    def _times(self) -> list[str]:
        mappers = self.job.mappers
        slowest = max(mappers, key=lambda task: task.seconds)
        median = statistics.median(task.seconds for task in mappers)
        shown = [
            f"{self.job.seconds:.1f} s from start to result: {counted(len(mappers), 'mapper')}, "
            f"{counted(len(self.job.reducers), 'reducer')} in "
            f"{counted(len(self.job.records), 'step')}",
            f"mappers: median {median:.2f} s, slowest {slowest.seconds:.2f} s ({slowest.name})",
        ]
        if slow := finished.stragglers(self.job.tasks):
            names = ", ".join(f"{task.name} {task.seconds:.2f} s" for task in slow[:FIRST_GROUPS])
            shown.append(f"stragglers: {names}")
        return shown

    def to_json(self) -> dict[str, Any]:
        """The form for programs; the field names are a contract."""
        mappers = self.job.mappers
        example = finished.first_bad_row(mappers)
        rows = finished.row_totals(mappers)
        return {
            "job_id": self.job.info.job_id,
            "bucket": self.job.info.job_bucket,
            "result": self.result,
            "jobs": [code.to_json() for code in self.job.codes],
            "seconds": self.job.seconds,
            "lines": rows.lines,
            "groups": self.job.last.groups,
            "bad_rows": rows.errors,
            "fault": rows.fault(self.job.data.max_bad),
            "bad_kinds": [dataclasses.asdict(one) for one in rows.faults],
            "header_lines": rows.headers,
            "bad_row": {"object": example.bad_object, "row": example.example} if example else None,
            "median_mapper_seconds": statistics.median(task.seconds for task in mappers),
            "stragglers": [task.name for task in finished.stragglers(self.job.tasks)],
            "tasks": [task_json(task) for task in self.job.tasks],
            "functions": [usage_json(usage) for usage in self.functions],
            "s3": dataclasses.asdict(self.s3),
            "cost": bill_json(self.items, self.prices_date),
            "first_groups": [list(pair) for pair in self.groups],
        }


def read_summary(
    clients: Clients, bucket: str, job_id: str, prices: Prices, with_log: bool
) -> Summary:
    """What a job did; with its log, what was billed for it. JobError where it is not done."""
    job = finished.read_finished_job(clients.s3, bucket, job_id)
    billed = read_billed(clients, bucket, job_id) if with_log else {}
    return summarize(clients.s3, clients.functions, job, prices, billed)


def read_billed(clients: Clients, bucket: str, job_id: str) -> dict[str, Billed]:
    """What Lambda billed for each function of a job; nothing where its logs may not be read."""
    try:
        return calls.billed(logs.read_job(clients, bucket, job_id))
    except JobError as error:
        log(f"going on without what was billed: {error}")
        return {}


def summarize(
    s3: Any, functions: Any, job: FinishedJob, prices: Prices, billed: Mapping[str, Billed]
) -> Summary:
    """Sum up a finished job. `functions` is a Lambda client, `billed` what the logs say of each
    function, by name, as far as that is known; nothing is written.
    """
    used = usages(s3, functions, job, billed)
    grids = [record.grid for _, record in sorted(job.records.items())]
    objects = job.data.objects
    reads = job.data.input_reads or objects
    requests = costs.s3_usage(objects, len(job.mappers), grids, reads, finished.parts_joined(job))
    groups = answer_of(s3, job.info).first(FIRST_GROUPS)
    items = tuple(costs.bill(used, requests, prices))
    return Summary(job, used, requests, items, prices.date, tuple(groups))


def usages(
    s3: Any, functions: Any, job: FinishedJob, billed: Mapping[str, Billed]
) -> tuple[FunctionUsage, ...]:
    """What the job used of each function; of the driver function only where its log is known."""
    names = dict.fromkeys(measured(job), "") | names_of(s3, job.info, job.data)
    return tuple(
        usage_of(functions, role, names[role], own, billed.get(names[role]))
        for role, own in measured(job).items()
        if role != "driver" or names[role] in billed
    )


def usage_of(
    functions: Any, role: str, name: str, own: Billed, logged: Billed | None
) -> FunctionUsage:
    """The use of one function: what was billed, where its log is complete, else `own`; of the
    coordinator, whose outputs tell no time, what a call takes with its memory.
    """
    settings, used, note = settings_of(functions, name, role), own, ""
    if logged is not None and logged.calls >= own.calls:
        used, note = logged, "as billed"
    elif role == "coordinator":
        seconds = rates.coordinator_seconds(settings.memory)
        used, note = Billed(own.calls, own.calls * seconds), f"{seconds:.2f} s a call assumed"
    notes = [note, f"{settings.memory} MB assumed" if settings.assumed else ""]
    return FunctionUsage(
        role,
        name,
        used.calls,
        used.seconds,
        settings.memory,
        settings.architecture,
        ", ".join(filter(None, notes)),
    )


def measured(job: FinishedJob) -> dict[str, Billed]:
    """Calls and seconds by role, as the outputs tell; the coordinator's tell no seconds."""
    calls = costs.coordinator_calls(len(job.mappers), len(job.reducers))
    return {
        "driver": Billed(0, 0.0),
        "mapper": Billed(len(job.mappers), _seconds(job.mappers)),
        "coordinator": Billed(calls, 0.0),
        "reducer": Billed(len(job.reducers), _seconds(job.reducers)),
    }


def _seconds(tasks: list[Task]) -> float:
    return sum(task.seconds for task in tasks)


def usage_line(usage: FunctionUsage) -> str:
    """One function's use, for a person."""
    note = f" ({usage.note})" if usage.note else ""
    name = f" {usage.name}" if usage.name else ""
    return (
        f"{usage.role}{name}: {counted(usage.calls, 'call')}, {usage.seconds:.1f} s x "
        f"{usage.memory} MB = {usage.gb_seconds:.2f} GB-s{note}"
    )


def usage_json(usage: FunctionUsage) -> dict[str, Any]:
    return {**dataclasses.asdict(usage), "gb_seconds": usage.gb_seconds}


def task_json(task: Task) -> dict[str, Any]:
    return {**dataclasses.asdict(task), "code": task.code.to_json(), "name": task.name}
