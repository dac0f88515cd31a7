"""What a finished job did, used and cost: the lines at its end, and the same for programs.

It is made of the job's outputs as `finished` reads them, of what it used as `frozen` keeps it, and
of prices.
"""

from __future__ import annotations

import dataclasses
import statistics
import sys
from typing import Any

from aws.client import Clients
from errors import MAX_SHOWN, clipped, counted, visible
from running import costs
from running.costs import FunctionUsage, Item, Prices, S3Usage
from state.badrows import lines_of
from state.fields import is_number
from state.keys import JobKeys
from views import finished, result, usage
from views.answer import Answer, answer_of
from views.bill import bill_json, item_lines
from views.finished import FinishedJob, Task
from views.frozen import frozen
from views.jsonpairs import Pair
from views.words import dollars, number, utc

FIRST_GROUPS = 5
LOOKED_THROUGH = 4_000_000
"""Bytes of an answer that is read whole to find its largest groups: that takes a second."""
MOST = sys.float_info.max


@dataclasses.dataclass(frozen=True)
class Summary:
    """A finished job in numbers. `groups` are the first ones of its answer, `largest` those with
    the largest numbers, where the answer is small enough to look through; `as_of` is when what it
    used was written down, in seconds since the epoch.
    """

    job: FinishedJob
    functions: tuple[FunctionUsage, ...]
    s3: S3Usage
    items: tuple[Item, ...]
    prices_date: str
    groups: tuple[tuple[str, Any], ...]
    as_of: float = 0.0
    largest: tuple[tuple[str, Any], ...] = ()

    @property
    def result(self) -> str:
        """Where the answer is."""
        return f"s3://{self.job.info.job_bucket}/{JobKeys(self.job.info.job_id).result}"

    def lines(self) -> list[str]:
        """The form for a person."""
        question = self.job.info.choice.question
        shown = [
            *([f"asked: {question}"] if question else []),
            *(f"ran job {code}" for code in self.job.codes),
            *self._counts(),
            *self._times(),
            *self._costs(),
            f"the result is {self.result}{self._heading}",
            *(
                f"  {clipped(str(key), MAX_SHOWN)}  {clipped(number(value), MAX_SHOWN)}"
                for key, value in ([] if question else self.largest or self.groups)
            ),
        ]
        return list(map(visible, shown))

    @property
    def _heading(self) -> str:
        """What of the answer is shown; that to a question is printed by itself."""
        if self.job.info.choice.question:
            return ""
        return ", its largest groups:" if self.largest else ", its first groups:"

    def _counts(self) -> list[str]:
        mappers = self.job.mappers
        rows = finished.row_totals(mappers)
        groups = self.job.last.groups
        said = "" if groups is None else f", {counted(groups, 'group')}"
        shown = [rows.words() + said]
        if example := finished.first_bad_row(mappers):
            shown.append(f"a bad row, in object {example.bad_object}: {example.example}")
        return shown + lines_of(rows.faults)

    def _costs(self) -> list[str]:
        guessed = ", ".join(usage.what_is_estimated(self.functions))
        return [
            f"cost {dollars(costs.total(self.items))} as of {utc(self.as_of)} (prices of "
            f"{self.prices_date}); estimated: {guessed}",
            *(
                f"  {usage_line(usage, item)}"
                for usage, item in zip(self.functions, self.items, strict=False)
            ),
            *item_lines(self.items[len(self.functions) :]),
        ]

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
            "question": self.job.info.choice.question,
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
            "cost": {
                **bill_json(self.items, self.prices_date),
                "as_of": self.as_of,
                "estimated": usage.what_is_estimated(self.functions),
            },
            "first_groups": [list(pair) for pair in self.groups],
        }


def read_summary(
    clients: Clients, bucket: str, job_id: str, prices: Prices | None = None
) -> Summary:
    """What a job did, used and cost, at the prices that were kept with it unless others are given.
    JobError where it is not done.
    """
    job = finished.read_finished_job(clients.s3, bucket, job_id)
    kept = frozen(clients, job)
    prices = prices or kept.prices
    items = tuple(costs.bill(kept.functions, kept.s3, prices))
    answer = answer_of(clients.s3, job.info)
    shown = tuple(answer.first(FIRST_GROUPS)), kept.as_of, largest_groups(answer, job.answer_bytes)
    return Summary(job, kept.functions, kept.s3, items, prices.date, *shown)


def largest_groups(answer: Answer, size: int) -> tuple[Pair, ...]:
    """The groups with the largest numbers; none where the answer, of `size` bytes, is large, or its
    values are no numbers.
    """
    if size > LOOKED_THROUGH:
        return ()
    numbers = (pair for pair in answer.pairs() if is_number(pair[1], -MOST, MOST))
    return tuple(result.largest(numbers, FIRST_GROUPS))


def usage_line(usage: FunctionUsage, item: Item) -> str:
    """One function's use and its price, for a person."""
    cold = f"{usage.cold:,} cold, {usage.init_seconds:.1f} s" if usage.cold else ""
    notes = ", ".join(filter(None, [usage.note, cold]))
    note = f" ({notes})" if notes else ""
    name = f" {usage.name}" if usage.name else ""
    return (
        f"{usage.role}{name}: {counted(usage.calls, 'call')}, {usage.seconds:.1f} s x "
        f"{usage.memory} MB = {usage.gb_seconds:.2f} GB-s, {dollars(item.dollars)}{note}"
    )


def usage_json(usage: FunctionUsage) -> dict[str, Any]:
    return {**dataclasses.asdict(usage), "gb_seconds": usage.gb_seconds}


def task_json(task: Task) -> dict[str, Any]:
    return {**dataclasses.asdict(task), "code": task.code.to_json(), "name": task.name}
