"""What mappers and reducers are asked to do: their events, written and read by the same lines."""

from __future__ import annotations

import dataclasses
from typing import Any

from errors import BadRecord
from state.fields import Fields
from state.records import JobInfo, StepRecord


@dataclasses.dataclass(frozen=True)
class Range:
    """Bytes start..end-1 of the version `etag` of an object."""

    start: int
    end: int
    etag: str

    def to_json(self) -> dict[str, Any]:
        return {"start": self.start, "end": self.end, "etag": self.etag}

    @classmethod
    def from_json(cls, value: Any, where: str) -> Range | None:
        """Read an entry of a mapper event's `ranges`; null is the whole object. BadRecord."""
        if value is None:
            return None
        fields = Fields(value, where)
        start = value.get("start")
        if isinstance(start, bool) or not isinstance(start, int) or start < 0:
            raise BadRecord(f"{where}: start is {start!r}, not a number from 0")
        end = fields.count("end")
        if end <= start:
            raise BadRecord(f"{where}: the range {start} to {end} is empty")
        return cls(start, end, fields.text("etag"))


@dataclasses.dataclass(frozen=True)
class Input:
    """An object that a mapper reads, or the range `part` of it.

    `etag` is the version that was planned with, "" any version. With `requester_pays` the reader
    agrees to pay for the request, as some buckets want it.
    """

    bucket: str
    key: str
    part: Range | None = None
    etag: str = ""
    requester_pays: bool = False

    @property
    def where(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def from_start(self) -> bool:
        """Whether the object's first byte is among what is read."""
        return self.part is None or self.part.start == 0


@dataclasses.dataclass(frozen=True)
class MapperEvent:
    """What a mapper is asked to do: `ranges` has an entry for each key, None for all of it, and
    `etags` one for each key, "" for any version.
    """

    bucket: str
    keys: list[str]
    ranges: list[Range | None]
    job_bucket: str
    job_id: str
    mapper_id: int
    etags: list[str] = dataclasses.field(default_factory=list)
    requester_pays: bool = False

    @property
    def inputs(self) -> list[Input]:
        """What it is to read, in order."""
        etags = self.etags or [""] * len(self.keys)
        return [
            Input(self.bucket, key, part, part.etag if part else etag, self.requester_pays)
            for key, part, etag in zip(self.keys, self.ranges, etags, strict=True)
        ]

    @classmethod
    def from_json(cls, event: Any) -> MapperEvent:
        """Read an event. BadRecord where a field is missing or wrong."""
        fields = Fields(event, "mapper event")
        keys = fields.texts("keys")
        return cls(
            fields.text("bucket"),
            keys,
            _ranges(event.get("ranges"), len(keys)),
            fields.text("jobBucket"),
            fields.text("jobId"),
            fields.count("mapperId"),
            _etags(event.get("etags"), len(keys)),
            event.get("requestPayer") == "requester",
        )


def _etags(value: Any, count: int) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or len(value) != count or any(type(x) is not str for x in value):
        raise BadRecord(f"mapper event: etags is not a list of {count} texts, one for each key")
    return value


def _ranges(value: Any, count: int) -> list[Range | None]:
    if value is None:
        return [None] * count
    if not isinstance(value, list) or len(value) != count:
        raise BadRecord(f"mapper event: ranges is not a list of {count}, one for each key")
    return [Range.from_json(entry, "mapper event: ranges") for entry in value]


@dataclasses.dataclass(frozen=True)
class ReducerEvent:
    """What a reducer is asked to do."""

    bucket: str
    keys: list[str]
    job_bucket: str
    job_id: str
    reducer_count: int
    step: int
    reducer_id: int

    @classmethod
    def from_json(cls, event: Any) -> ReducerEvent:
        """Read an event. BadRecord where a field is missing or wrong."""
        fields = Fields(event, "reducer event")
        return cls(
            fields.text("bucket"),
            fields.texts("keys"),
            fields.text("jobBucket"),
            fields.text("jobId"),
            fields.count("nReducers"),
            fields.count("stepId"),
            fields.count("reducerId"),
        )


def reducer_payload(job: JobInfo, step: int, record: StepRecord, reducer_id: int) -> dict[str, Any]:
    """The event of one reducer of a step."""
    return {
        "bucket": job.job_bucket,
        "keys": record.batches[reducer_id - 1],
        "jobBucket": job.job_bucket,
        "jobId": job.job_id,
        "nReducers": record.reducer_count,
        "stepId": step,
        "reducerId": reducer_id,
    }
