"""A job, as S3 has it: its two records, what its listing shows, and the traces of failures.

In: the objects of one job. Out: `JobInfo`, `StepRecord` and `JobListing`, from which the
coordinator and the driver tell where the job is. Nothing here decides or starts anything.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from errors import BadRecord, brief
from state.fields import MOST_TASKS, Fields, is_text_list
from state.keys import JobKeys


@dataclasses.dataclass(frozen=True)
class JobInfo:
    """JOB/jobinfo.json: what the coordinator must know of a job.

    `reducer_timeout` is the reducer function's timeout in seconds.
    """

    job_id: str
    job_bucket: str
    map_count: int
    reducer_function: str
    reducer_handler: str = "reducer.handler"
    reducer_timeout: int = 900

    def to_json(self) -> dict[str, Any]:
        return {
            "jobId": self.job_id,
            "jobBucket": self.job_bucket,
            "mapCount": self.map_count,
            "reducerFunction": self.reducer_function,
            "reducerHandler": self.reducer_handler,
            "reducerTimeout": self.reducer_timeout,
        }

    @classmethod
    def from_json(cls, value: Any, job_id: str) -> JobInfo:
        """Read the record of `job_id`. BadRecord where a field is missing or wrong."""
        fields = Fields(value, JobKeys(job_id).jobinfo)
        if fields.text("jobId") != job_id:
            raise BadRecord(f"{fields.where}: jobId is {brief(value['jobId'])}, not {job_id!r}")
        return cls(
            job_id,
            fields.text("jobBucket"),
            fields.count("mapCount", most=MOST_TASKS),
            fields.text("reducerFunction"),
            fields.text("reducerHandler", "reducer.handler"),
            fields.count("reducerTimeout", 900),
        )


@dataclasses.dataclass(frozen=True)
class StepRecord:
    """JOB/reducerstate.STEP: the claim of a step, made before any of its reducers starts.

    `batches` are the keys each reducer merges, reducer 1 first; `owner` is the request id of the
    coordinator that holds the claim since `start_time`; after `expires` every function that the
    claim started has ended, one way or the other (both in seconds since the epoch).
    """

    batches: tuple[tuple[str, ...], ...]
    owner: str
    start_time: float
    expires: float

    @property
    def reducer_count(self) -> int:
        return len(self.batches)

    def to_json(self) -> dict[str, Any]:
        return {
            "reducerCount": self.reducer_count,
            "totalS3Files": sum(map(len, self.batches)),
            "start_time": self.start_time,
            "expires": self.expires,
            "owner": self.owner,
            "batches": self.batches,
        }

    @classmethod
    def from_json(cls, value: Any, where: str) -> StepRecord:
        """Read the record found at key `where`. BadRecord where a field is missing or wrong."""
        fields = Fields(value, where)
        batches = value.get("batches") if isinstance(value, dict) else None
        if not (isinstance(batches, list) and batches and all(map(is_text_list, batches))):
            raise BadRecord(f"{where}: batches is not a list of lists of keys")
        if fields.count("reducerCount", most=MOST_TASKS) != len(batches):
            raise BadRecord(f"{where}: reducerCount does not match its {len(batches)} batches")
        return cls(
            tuple(map(tuple, batches)),
            fields.text("owner"),
            fields.number("start_time"),
            fields.number("expires"),
        )
