"""A job's records in S3: what the driver and the coordinators write down for each other.

Each bears the run that it belongs to. Nothing here decides or starts anything.
"""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

from errors import BadRecord, brief
from state.choice import BY_ENVIRONMENT, Choice
from state.fields import MOST_TASKS, Fields
from state.grid import BUCKETS, Grid
from state.keys import JobKeys

GOALS = ("fastest", "cheapest")
"""What a user may ask a run to be."""

LAST_SECOND = 253_402_300_799
"""The end of the year 9999, in seconds since the epoch: later ones have no date."""


@dataclasses.dataclass(frozen=True)
class Cancelled:
    """Who cancelled a run, and when, in seconds since the epoch."""

    by: str
    time: float

    def __str__(self) -> str:
        when = datetime.datetime.fromtimestamp(self.time, datetime.UTC)
        return f"cancelled by {self.by} at {when:%Y-%m-%d %H:%M:%S} UTC"

    def to_json(self) -> dict[str, Any]:
        return {"by": self.by, "time": self.time}

    @classmethod
    def from_json(cls, value: Any, where: str) -> Cancelled:
        """Read the mark in the record `where`. BadRecord where a field is missing or wrong."""
        fields = Fields(value, f"{where}: cancelled")
        return cls(fields.text("by"), fields.number("time", most=LAST_SECOND))


@dataclasses.dataclass(frozen=True)
class JobInfo:
    """JOB/jobinfo.json: whose the job id is, and what the coordinator must know.

    `reducer_timeout` is the reducer function's timeout in seconds, `reducer_memory` its memory in
    MB. A record without `run_id` is one of an earlier version, or of a driver of one's own.
    `reducers` and `fan_in` are the shape that the user asked for, 0 where none; `goal` one of GOALS
    or "", `at_once` how many functions the account runs at once, 0 where nobody looked. `choice` is
    the job that is run. A run that is
    `cancelled` is over: nothing more is started or written for it.
    """

    job_id: str
    job_bucket: str
    map_count: int
    reducer_function: str
    reducer_handler: str = "reducer.handler"
    reducer_timeout: int = 900
    reducer_memory: int = 1536
    run_id: str = ""
    reducers: int = 0
    fan_in: int = 0
    goal: str = ""
    at_once: int = 0
    choice: Choice = BY_ENVIRONMENT
    cancelled: Cancelled | None = None

    @property
    def mappers(self) -> Grid:
        """The mappers as a step: one group each, all keys."""
        return Grid(self.map_count)

    def to_json(self) -> dict[str, Any]:
        return {
            "jobId": self.job_id,
            "jobBucket": self.job_bucket,
            "mapCount": self.map_count,
            "reducerFunction": self.reducer_function,
            "reducerHandler": self.reducer_handler,
            "reducerTimeout": self.reducer_timeout,
            "reducerMemory": self.reducer_memory,
            "runId": self.run_id,
            "reducers": self.reducers,
            "fanIn": self.fan_in,
            "goal": self.goal,
            "atOnce": self.at_once,
            **self.choice.to_json(),
            **({"cancelled": self.cancelled.to_json()} if self.cancelled else {}),
        }

    @classmethod
    def from_json(cls, value: Any, job_id: str) -> JobInfo:
        """Read the record of `job_id`. BadRecord where a field is missing or wrong."""
        fields = Fields(value, JobKeys(job_id).jobinfo)
        if fields.text("jobId") != job_id:
            raise BadRecord(f"{fields.where}: jobId is {brief(value['jobId'])}, not {job_id!r}")
        goal = fields.text("goal", "")
        if goal and goal not in GOALS:
            raise BadRecord(f"{fields.where}: goal is {brief(goal)}, none of {', '.join(GOALS)}")
        return cls(
            job_id,
            fields.text("jobBucket"),
            fields.count("mapCount", most=MOST_TASKS),
            fields.text("reducerFunction"),
            fields.text("reducerHandler", "reducer.handler"),
            fields.count("reducerTimeout", 900),
            fields.count("reducerMemory", 1536),
            fields.text("runId", ""),
            fields.count("reducers", 0, least=0),
            fields.count("fanIn", 0, least=0),
            goal,
            fields.count("atOnce", 0, least=0),
            Choice.from_json(fields),
            Cancelled.from_json(value["cancelled"], fields.where) if "cancelled" in value else None,
        )


@dataclasses.dataclass(frozen=True)
class JobData:
    """JOB/jobdata: what the views need of a job.

    `objects` and `size` (bytes) are those of the input, `input_reads` how often one of them is
    read (0 each: an earlier version did not say), `start` is in seconds since the epoch, `max_bad`
    the share of all rows that may be bad, `mapper_timeout` the mapper function's, in seconds.
    `earlier_mappers` are the functions that were mappers of this run before another one went on,
    `resumed` is when what was missing was last started again, in seconds since the epoch. Without
    `backups` no task is started once more because it takes long.
    """

    map_count: int
    objects: int
    start: float
    size: int = 0
    input_reads: int = 0
    mapper_function: str = ""
    driver_function: str = ""
    run_id: str = ""
    max_bad: float = 1.0
    mapper_timeout: int = 900
    earlier_mappers: tuple[str, ...] = ()
    resumed: float = 0.0
    backups: bool = True

    @property
    def began(self) -> float:
        """When mappers were last started, in seconds since the epoch."""
        return max(self.start, self.resumed)

    def with_mapper(self, function: str) -> JobData:
        """The same job, which goes on with another mapper function."""
        earlier = *self.earlier_mappers, self.mapper_function
        return dataclasses.replace(self, mapper_function=function, earlier_mappers=earlier)

    def to_json(self) -> dict[str, Any]:
        return {
            "mapCount": self.map_count,
            "totalS3Files": self.objects,
            "startTime": self.start,
            "totalBytes": self.size,
            "inputReads": self.input_reads,
            "mapperFunction": self.mapper_function,
            "driverFunction": self.driver_function,
            "runId": self.run_id,
            "maxBad": self.max_bad,
            "mapperTimeout": self.mapper_timeout,
            **({"earlierMappers": list(self.earlier_mappers)} if self.earlier_mappers else {}),
            **({"resumedAt": self.resumed} if self.resumed else {}),
            **({} if self.backups else {"noBackups": True}),
        }

    @classmethod
    def from_json(cls, value: Any, where: str) -> JobData:
        """Read the record found at key `where`. BadRecord where a field is missing or wrong."""
        fields = Fields(value, where)
        return cls(
            fields.count("mapCount", most=MOST_TASKS),
            fields.count("totalS3Files"),
            fields.number("startTime"),
            fields.count("totalBytes", 0, least=0),
            fields.count("inputReads", 0, least=0),
            fields.text("mapperFunction", ""),
            fields.text("driverFunction", ""),
            fields.text("runId", ""),
            fields.number("maxBad", 1.0),
            fields.count("mapperTimeout", 900),
            tuple(fields.texts("earlierMappers")) if "earlierMappers" in value else (),
            fields.number("resumedAt", 0.0),
            value.get("noBackups") is not True,
        )


@dataclasses.dataclass(frozen=True)
class StepRecord:
    """JOB/reducerstate.STEP: the claim of a step, made before any of its reducers starts.

    `grid` says how the `inputs` outputs of the step before are cut; `owner` is the request id of
    the coordinator that holds the claim since `start_time`; after `expires` every function that
    the claim started has ended, one way or the other (both in seconds since the epoch).
    """

    grid: Grid
    inputs: int
    owner: str
    start_time: float
    expires: float
    run_id: str = ""

    @property
    def reducer_count(self) -> int:
        return self.grid.count

    def to_json(self) -> dict[str, Any]:
        return {
            "reducerCount": self.reducer_count,
            "totalS3Files": self.inputs,
            "start_time": self.start_time,
            "expires": self.expires,
            "owner": self.owner,
            "groups": self.grid.groups,
            "ranges": self.grid.ranges,
            "runId": self.run_id,
        }

    @classmethod
    def from_json(cls, value: Any, where: str) -> StepRecord:
        """Read the record found at key `where`. BadRecord where a field is missing or wrong."""
        fields = Fields(value, where)
        grid = Grid(fields.count("groups", most=MOST_TASKS), fields.count("ranges", most=BUCKETS))
        if fields.count("reducerCount") != grid.count:
            raise BadRecord(f"{where}: reducerCount is not groups x ranges, {grid.count}")
        return cls(
            grid,
            fields.count("totalS3Files"),
            fields.text("owner"),
            fields.number("start_time"),
            fields.number("expires"),
            fields.text("runId", ""),
        )
