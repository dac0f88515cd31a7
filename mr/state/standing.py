"""Where a job stands, found out at the least cost: every output wakes a coordinator that asks.

S3 lists in the order of keys, and so can the keys that are due: they are compared as they come, a
few at first, more only while none is missing. Outputs come in random order, so the first that is
missing is met soon, and what all coordinators of a job ask for grows little faster than the job.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aws.s3objects import list_pages
from state.keys import JobKey, JobKeys, parse_key
from state.listing import has_result, read_step_record
from state.records import JobInfo, StepRecord


@dataclasses.dataclass(frozen=True)
class Standing:
    """Where a job was found: at the step that was claimed last, 0 while only mappers were started.

    `sizes` are the bytes of the step's outputs by number: all of them, or those before the first
    that is `missing`. `done` are those that were seen, `counted` whether these are all there are.
    `record` is the step's.
    """

    step: int = 0
    record: StepRecord | None = None
    sizes: Mapping[int, int] = dataclasses.field(default_factory=dict)
    missing: int | None = None
    done: int = 0
    counted: bool = True
    has_result: bool = False


Item = tuple[JobKey, int]
"""What an object of a job is, and its bytes."""


class Listed:
    """A job's objects below a prefix, as they come; pages are asked for when they are needed."""

    def __init__(self, s3: Any, job: JobInfo, prefix: str, after: str = "") -> None:
        self._pages = list_pages(s3, job.job_bucket, prefix, after)
        self._job_id = job.job_id
        self._fetched: list[Item] = []
        self._next = 0
        self.ended = False

    def __iter__(self) -> Iterator[Item]:
        while self._next < len(self._fetched) or self._fetch():
            self._next += 1
            yield self._fetched[self._next - 1]

    def _fetch(self) -> bool:
        for objects, ended in self._pages:
            self.ended = ended
            parsed = ((parse_key(item["Key"]), item["Size"]) for item in objects)
            known = [(key, size) for key, size in parsed if key and key.job_id == self._job_id]
            self._fetched += known
            if known:
                return True
        return False

    def head(self, kinds: Iterable[str]) -> list[JobKey]:
        """The objects that come first, as long as they are of these kinds."""
        found = []
        for key, _ in self:
            if key.kind not in kinds:
                self._next -= 1
                break
            found.append(key)
        return found

    def outputs(self, step: int) -> Iterator[tuple[int, int]]:
        """Numbers and bytes of a step's outputs, from here on."""
        return ((key.number, size) for key, size in self if _is_output(key, step))

    def seen(self, step: int, due: int) -> int:
        """How many outputs 1..due of a step were fetched so far."""
        return sum(_is_output(key, step) and key.number <= due for key, _ in self._fetched)


def _is_output(key: JobKey, step: int) -> bool:
    return key.kind == "output" and key.step == step


def stand(s3: Any, job: JobInfo) -> Standing:
    """Find out where a job stands. BadRecord where a step's record is none."""
    keys = JobKeys(job.job_id)
    listed = Listed(s3, job, keys.prefix, after=keys.jobinfo)
    first = listed.head(("record", "result"))
    claimed = sorted((key.step for key in first if key.kind == "record"), reverse=True)
    record, step = None, 0
    for step in claimed:
        record, _ = read_step_record(s3, job, step)
        if record.run_id == job.run_id:
            break
        record = None
    if any(key.kind == "result" for key in first) and has_result(s3, job):
        return Standing(step, record, has_result=True)
    if record is None:
        return _compared(Standing(), job.map_count, listed)
    outputs = Listed(s3, job, keys.step_prefix(step))
    return _compared(Standing(step, record), record.grid.count, outputs)


def _compared(found: Standing, due: int, listed: Listed) -> Standing:
    sizes, missing = sizes_until_missing(due, listed.outputs(found.step))
    return dataclasses.replace(
        found,
        sizes=sizes,
        missing=missing,
        done=listed.seen(found.step, due),
        counted=listed.ended,
    )


def in_key_order(count: int) -> Iterator[int]:
    """The numbers 1..count as S3 lists them, as texts: 1, 10, 11, ..., 2, 20, ...; pure."""
    number = 1
    for _ in range(count):
        yield number
        if number * 10 <= count:
            number *= 10
        else:
            while number % 10 == 9 or number == count:
                number //= 10
            number += 1


def sizes_until_missing(
    due: int, listed: Iterable[tuple[int, int]]
) -> tuple[dict[int, int], int | None]:
    """The bytes of outputs 1..due, and the first that is missing: then no more is read; pure.

    `listed` are numbers and bytes in the order of their keys, others' among them.
    """
    sizes: dict[int, int] = {}
    found: Iterator[tuple[int | None, int]] = iter(listed)
    number, size = next(found, (None, 0))
    for wanted in in_key_order(due):
        while number is not None and str(number) < str(wanted):
            number, size = next(found, (None, 0))
        if number != wanted:
            return sizes, wanted
        sizes[wanted] = size
    return sizes, None
