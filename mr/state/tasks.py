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
        start, end = fields.count("start", least=0), fields.count("end")
        if end <= start:
            raise BadRecord(f"{where}: the range {start} to {end} is empty")
        return cls(start, end, fields.text("etag"))


@dataclasses.dataclass(frozen=True)
class MapperEvent:
    """What a mapper is asked to do: `ranges` has an entry for each key, None for all of it.

    `is_async`: nobody waits for the answer, and Lambda repeats an event whose function fails.
    """

    bucket: str
    keys: list[str]
    ranges: list[Range | None]
    job_bucket: str
    job_id: str
    mapper_id: int
    is_async: bool = False

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
            event.get("async") is True,
        )


def _ranges(value: Any, count: int) -> list[Range | None]:
    if value is None:
        return [None] * count
    if not isinstance(value, list) or len(value) != count:
        raise BadRecord(f"mapper event: ranges is not a list of {count}, one for each key")
    return [Range.from_json(entry, "mapper event: ranges") for entry in value]


@dataclasses.dataclass(frozen=True)
class ReducerEvent:
    """What a reducer is asked to do; `is_async` as for a mapper."""

    bucket: str
    keys: list[str]
    job_bucket: str
    job_id: str
    reducer_count: int
    step: int
    reducer_id: int
    is_async: bool = False

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
            event.get("async") is True,
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
        "async": True,
    }
