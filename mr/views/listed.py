"""The jobs of a bucket, one line each: state, age, mappers, rows, cost."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from typing import Any

from aws.client import Clients
from errors import BadRecord, JobError, visible
from running import costs
from state.keys import JobKeys, parse_key
from views import finished, frozen
from views.status import JobStatus, read_status
from views.words import dollars, duration

READERS = 8
"""Jobs that are looked at at once."""


@dataclasses.dataclass(frozen=True)
class ListedJob:
    """One job. `age` is in seconds since its start; `rows` and `dollars` are known of jobs that are
    done; `state` is that of `job.py status`, or "unreadable".
    """

    job_id: str
    state: str
    age: float | None = None
    mappers_done: int | None = None
    mappers: int | None = None
    rows: int | None = None
    dollars: float | None = None

    def cells(self) -> tuple[str, ...]:
        """The form for a person."""
        mappers = "-" if self.mappers is None else f"{self.mappers_done}/{self.mappers}"
        return (
            visible(self.job_id),
            self.state,
            "-" if self.age is None else duration(self.age),
            mappers,
            "-" if self.rows is None else f"{self.rows:,}",
            "-" if self.dollars is None else dollars(self.dollars),
        )


HEADS = ("job", "state", "age", "mappers", "rows", "cost")


def read_jobs(clients: Clients, bucket: str) -> list[ListedJob]:
    """The jobs of a bucket, the youngest first."""
    now = time.time()

    def read(job_id: str) -> ListedJob:
        return read_one(clients, bucket, job_id, now)

    with clients.executor(READERS) as threads:
        found = list(threads.map(read, job_ids(clients.s3, bucket)))
    return sorted(found, key=lambda job: job.age or 0.0)


def job_ids(s3: Any, bucket: str) -> Iterator[str]:
    """The job ids of a bucket: a folder with a job's record in it."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Delimiter="/")
    folders = [one["Prefix"] for page in pages for one in page.get("CommonPrefixes", [])]
    for folder in folders:
        key = JobKeys(folder.removesuffix("/")).jobinfo
        there = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
        if there and there[0]["Key"] == key and parse_key(key):
            yield folder.removesuffix("/")


def read_one(clients: Clients, bucket: str, job_id: str, now: float) -> ListedJob:
    """One job; one whose records are none is shown as such."""
    try:
        status = read_status(clients.s3, bucket, job_id, now)
        return described(clients, status) if status.state == "done" else of_status(status)
    except BadRecord:
        return ListedJob(job_id, "unreadable")
    except JobError:
        return ListedJob(job_id, "starting")


def of_status(status: JobStatus) -> ListedJob:
    mappers = status.steps[0]
    return ListedJob(status.job_id, status.state, status.age, mappers.done, mappers.due)


def described(clients: Clients, status: JobStatus) -> ListedJob:
    """A job that is done, with what it used: for the first who asks, that is found out now."""
    job = finished.read_finished_job(clients.s3, status.bucket, status.job_id)
    kept = frozen.frozen(clients, job)
    spent = costs.total(costs.bill(kept.functions, kept.s3, kept.prices))
    return dataclasses.replace(of_status(status), rows=kept.rows, dollars=spent)


def lines(jobs: Sequence[ListedJob]) -> list[str]:
    """All jobs as a table, for a person; pure."""
    table = [HEADS, *(job.cells() for job in jobs)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table]
