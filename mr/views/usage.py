"""What a finished job used of its functions, and of S3.

Calls, seconds and memory are those that Lambda billed, where the functions' logs tell of every
call; else they are estimated: from what the outputs say of mappers and reducers, which leaves out
their start-up and the writing of the output, and from what a coordinator takes as a rule. Each
usage notes which. Requests to S3 are counted from the job's shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from running import costs
from running.costs import FunctionUsage, S3Usage
from shuffle import rates
from views import finished
from views.calls import Billed
from views.finished import FinishedJob, Task
from views.functions import MAPPERS, names_of, settings_of

AS_BILLED = "as billed"
MEASURED = "measured by itself"


def usages(
    s3: Any, functions: Any, job: FinishedJob, billed: Sequence[Billed]
) -> tuple[FunctionUsage, ...]:
    """What the job used of each function; `functions` is a Lambda client. Of the driver function
    only where its log is known.
    """
    names = names_of(s3, job.info, job.data)
    found: list[FunctionUsage] = []
    for role, own in measured(job).items():
        mine = [names[each] for each in (MAPPERS if role == "mapper" else (role,)) if each in names]
        rows = [one for one in billed if one.function in mine]
        found += of_role(functions, role, mine[0] if mine else "", own, rows)
    return tuple(found)


def of_role(
    functions: Any, role: str, name: str, own: Billed, rows: Sequence[Billed]
) -> list[FunctionUsage]:
    """The use of the functions of one role: what was billed, where that is all, else an estimate
    from `own`.
    """
    known = sum(row.calls for row in rows)
    if rows and known >= own.calls:
        return [as_billed(functions, role, row, AS_BILLED) for row in rows]
    if rows and role == "coordinator":  # the last of them end after the job: the rest is alike
        note = f"{known:,} of {own.calls:,} calls {AS_BILLED}"
        return [as_billed(functions, role, row.scaled(own.calls / known), note) for row in rows]
    return [estimated(functions, role, name, own)] if own.calls else []


def as_billed(functions: Any, role: str, row: Billed, note: str) -> FunctionUsage:
    """The use that a bill tells of: its architecture alone is not in the logs."""
    settings = settings_of(functions, row.function, role)
    notes = [note, f"{settings.architecture} assumed" if settings.assumed else ""]
    return FunctionUsage(
        role, row.function, row.calls, row.seconds, row.memory, settings.architecture,
        ", ".join(filter(None, notes)), row.cold, row.init_seconds,
    )  # fmt: skip


def estimated(functions: Any, role: str, name: str, own: Billed) -> FunctionUsage:
    """The use of a function whose logs do not tell all of it."""
    settings = settings_of(functions, name, role)
    seconds, note = own.seconds, MEASURED
    if role == "coordinator":  # its outputs tell no time
        each = rates.coordinator_seconds(settings.memory)
        seconds, note = own.calls * each, f"{each:.2f} s a call assumed"
    notes = [note, f"{settings.memory} MB assumed" if settings.assumed else ""]
    return FunctionUsage(
        role, name, own.calls, seconds, settings.memory, settings.architecture,
        ", ".join(filter(None, notes)),
    )  # fmt: skip


def measured(job: FinishedJob) -> dict[str, Billed]:
    """Calls and seconds by role, as the outputs tell; the coordinator's tell no seconds."""
    calls = costs.coordinator_calls(len(job.mappers), len(job.reducers))
    return {
        "driver": Billed(),
        "mapper": Billed(calls=len(job.mappers), seconds=_seconds(job.mappers)),
        "coordinator": Billed(calls=calls),
        "reducer": Billed(calls=len(job.reducers), seconds=_seconds(job.reducers)),
    }


def _seconds(tasks: list[Task]) -> float:
    return sum(task.seconds for task in tasks)


def is_complete(used: Sequence[FunctionUsage]) -> bool:
    """Whether the logs told of every mapper and reducer, and of some coordinators; pure."""
    return all(AS_BILLED in usage.note for usage in used)


def what_is_estimated(used: Sequence[FunctionUsage]) -> list[str]:
    """What of a bill is not as Lambda says it; pure."""
    roles = dict.fromkeys(one.role for one in used if not one.note.startswith(AS_BILLED))
    return [*roles, "S3 requests"]


def requests_of(job: FinishedJob) -> S3Usage:
    """The requests of a job of this shape."""
    grids = [record.grid for _, record in sorted(job.records.items())]
    objects = job.data.objects
    reads = job.data.input_reads or objects
    return costs.s3_usage(objects, len(job.mappers), grids, reads, finished.parts_joined(job))
