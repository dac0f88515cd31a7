"""Outputs merged into one, bucket by bucket where they are large.

In: the bytes of one output after the other, and what its metadata say. Out: their pairs, merged by
the job's `combine` in the order given. The outputs stand in the order of their buckets, and a
bucket is small: parsed and merged by itself it stays in a core's cache, and what comes of it stands
in its place already. Of small outputs a bucket has too few pairs for that: they are parsed whole.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from errors import BadRecord
from jobs.base import Job
from shuffle import partition
from shuffle.pairs import parse_output
from state.grid import BUCKETS
from state.tasks import ReducerEvent

LEAST_BYTES = 1024
"""Bytes of an output's bucket, on average, from which it is parsed by itself: some 35 pairs."""


class Merged:
    """The pairs of the outputs that were taken, of the buckets first..end-1; `read` counts theirs.

    `apart` has every bucket by itself.
    """

    def __init__(self, job: Job, buckets: tuple[int, int], apart: bool) -> None:
        self.read = 0
        self._job = job
        self._buckets = buckets
        self._apart = apart
        first, end = buckets
        self._merged: list[dict[str, Any]] = [{} for _ in range(end - first if apart else 1)]

    @classmethod
    def of(cls, task: ReducerEvent, job: Job) -> Merged:
        """With nothing taken yet, for the outputs of an event."""
        bucket = sum(task.sizes) / len(task.keys) / BUCKETS
        return cls(job, task.buckets, bucket >= LEAST_BYTES)

    def take(self, body: bytes, metadata: Mapping[str, str], total: int, where: str) -> None:
        """Merge the pairs of an output of `total` bytes; `body` is one JSON object, of those of the
        buckets alone. BadRecord, JobError.
        """
        portions = self._portions(body, metadata, total, where) if self._apart else None
        for merged, portion in zip(
            self._merged, portions or [parse_output(body, where)], strict=True
        ):
            self.read += len(portion)
            self._job.merge(merged, portion)

    def _portions(
        self, body: bytes, metadata: Mapping[str, str], total: int, where: str
    ) -> Iterator[Mapping[str, Any]]:
        """The pairs of each bucket."""
        places = partition.places(metadata, total, *self._buckets, where)
        if places is None:
            try:
                whole = partition.in_buckets(parse_output(body, where))
                yield from itertools.islice(whole, *self._buckets)
            except UnicodeError as error:
                raise BadRecord(f"{where}: a key has no form in UTF-8: {error}") from error
            return
        for start, end in itertools.pairwise(places):
            portion = partition.as_object(body[start:end]) if end > start else b"{}"
            yield parse_output(portion, where)

    def pairs(self) -> Mapping[str, Any]:
        """All that was merged."""
        if not self._apart:
            return self._merged[0]
        first, end = self._buckets
        every: list[dict[str, Any]] = [{} for _ in range(BUCKETS)]
        every[first:end] = self._merged
        return partition.InBuckets(every)
