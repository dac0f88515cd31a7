"""What the tasks of a run that have ended have counted, each output read once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aws.client import Clients
from state.keys import JobKeys
from state.outputs import Counts, read_counts
from state.records import JobInfo

READERS = 16
"""Outputs that are asked for at once."""


class Ended:
    """Knows what each task counted whose output has been asked for."""

    def __init__(self, clients: Clients, job: JobInfo) -> None:
        self._clients = clients
        self._job = job
        self._known: dict[tuple[int, int], Counts] = {}

    def of(self, step: int, numbers: Iterable[int]) -> Mapping[int, Counts]:
        """What these tasks of a step counted, whose outputs are there; step 0 are the mappers."""
        wanted = list(numbers)
        new = [number for number in wanted if (step, number) not in self._known]
        keys = [JobKeys(self._job.job_id).output(step, number) for number in new]
        with self._clients.executor(READERS) as threads:
            found = threads.map(self._read, keys)
            self._known.update(zip(((step, number) for number in new), found, strict=True))
        return {number: self._known[step, number] for number in wanted}

    def _read(self, key: str) -> Counts:
        return read_counts(self._clients.s3, self._job.job_bucket, key)
