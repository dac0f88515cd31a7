"""What mappers and reducers are asked to do: their events, written and read by the same lines."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from errors import BadRecord, brief
from state.choice import BY_ENVIRONMENT, Choice
from state.fields import Fields
from state.grid import BUCKETS

REDUCERS = "MR_REDUCERS"
"""The variable of a coordinator's environment that names the functions it may start, with spaces
between them: what stands in S3 is no authority. setupApps.py writes it.
"""

INVOKED = "invokedAt"
"""The field of an event that says when it was sent, in seconds since the epoch."""


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

    `is_async`: nobody waits for the answer, and Lambda repeats an event whose function fails.
    Without `run_id` the task belongs to the run that is there. `event_source` is passed on. `size`
    are the bytes that it is to read, for whoever shows how far a job is; `invoked` is when it was
    sent, in seconds since the epoch, 0 where nobody says so.
    """

    bucket: str
    keys: Sequence[str]
    ranges: Sequence[Range | None]
    job_bucket: str
    job_id: str
    mapper_id: int
    run_id: str = ""
    event_source: str = ""
    is_async: bool = False
    etags: Sequence[str] = ()
    requester_pays: bool = False
    choice: Choice = BY_ENVIRONMENT
    size: int = 0
    invoked: float = 0.0

    @property
    def inputs(self) -> list[Input]:
        """What it is to read, in order."""
        etags = self.etags or [""] * len(self.keys)
        return [
            Input(self.bucket, key, part, part.etag if part else etag, self.requester_pays)
            for key, part, etag in zip(self.keys, self.ranges, etags, strict=True)
        ]

    @property
    def name(self) -> str:
        """What a failure of it is filed under."""
        return f"mapper/{self.mapper_id}"

    def to_json(self) -> dict[str, Any]:
        ranges = [part and part.to_json() for part in self.ranges]
        return {
            "bucket": self.bucket,
            "keys": list(self.keys),
            "jobBucket": self.job_bucket,
            "jobId": self.job_id,
            "mapperId": self.mapper_id,
            "runId": self.run_id,
            **self.choice.to_json(),
            **({"etags": list(self.etags)} if any(self.etags) else {}),
            **({"ranges": ranges} if any(ranges) else {}),
            **({"requestPayer": "requester"} if self.requester_pays else {}),
            **({"async": True} if self.is_async else {}),
            **({"eventSource": self.event_source} if self.event_source else {}),
            **({"size": self.size} if self.size else {}),
            **({INVOKED: self.invoked} if self.invoked else {}),
        }

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
            fields.text("runId", ""),
            fields.text("eventSource", ""),
            is_async=event.get("async") is True,
            etags=_etags(event.get("etags"), len(keys)),
            requester_pays=event.get("requestPayer") == "requester",
            choice=Choice.from_json(fields),
            size=fields.count("size", 0, least=0),
            invoked=fields.number(INVOKED, 0.0),
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
    """What a reducer is asked to do: merge, of the outputs `keys`, the pairs of some buckets.

    `sizes` are the outputs' bytes where they are known, `buckets` the first and the one past the
    last. With `join` no two outputs have a key in common. `run_id`, `is_async` and `invoked` as for
    a mapper.
    """

    bucket: str
    keys: Sequence[str]
    job_bucket: str
    job_id: str
    reducer_count: int
    step: int
    reducer_id: int
    run_id: str = ""
    buckets: tuple[int, int] = (0, BUCKETS)
    sizes: Sequence[int] = ()
    join: bool = False
    is_async: bool = False
    choice: Choice = BY_ENVIRONMENT
    invoked: float = 0.0

    @property
    def name(self) -> str:
        """What a failure of it is filed under."""
        return f"reducer/{self.step}/{self.reducer_id}"

    @property
    def takes_all(self) -> bool:
        """Whether it merges the outputs whole."""
        return self.buckets == (0, BUCKETS)

    @property
    def share(self) -> float:
        """About how much of each output it takes."""
        return (self.buckets[1] - self.buckets[0]) / BUCKETS

    def to_json(self) -> dict[str, Any]:
        return {
            "bucket": self.bucket,
            "keys": list(self.keys),
            "jobBucket": self.job_bucket,
            "jobId": self.job_id,
            "nReducers": self.reducer_count,
            "stepId": self.step,
            "reducerId": self.reducer_id,
            "runId": self.run_id,
            "sizes": list(self.sizes),
            **self.choice.to_json(),
            **({} if self.takes_all else {"buckets": self.buckets}),
            **({"join": True} if self.join else {}),
            **({INVOKED: self.invoked} if self.invoked else {}),
            **({"async": True} if self.is_async else {}),
        }

    @classmethod
    def from_json(cls, event: Any) -> ReducerEvent:
        """Read an event. BadRecord where a field is missing or wrong."""
        fields = Fields(event, "reducer event")
        keys = fields.texts("keys")
        return cls(
            fields.text("bucket"),
            keys,
            fields.text("jobBucket"),
            fields.text("jobId"),
            fields.count("nReducers"),
            fields.count("stepId"),
            fields.count("reducerId"),
            fields.text("runId", ""),
            _buckets(event.get("buckets")),
            _sizes(event.get("sizes"), len(keys)),
            event.get("join") is True,
            event.get("async") is True,
            Choice.from_json(fields),
            fields.number(INVOKED, 0.0),
        )


def _buckets(value: Any) -> tuple[int, int]:
    if value is None:
        return 0, BUCKETS
    if isinstance(value, list) and len(value) == 2 and all(type(one) is int for one in value):
        first, end = value
        if 0 <= first < end <= BUCKETS:
            return first, end
    raise BadRecord(
        f"reducer event: buckets is {brief(value)}, not two numbers from 0 to {BUCKETS}"
    )


def _sizes(value: Any, count: int) -> list[int]:
    if not value:
        return []
    if not isinstance(value, list) or len(value) != count or any(type(x) is not int for x in value):
        raise BadRecord(f"reducer event: sizes is not a list of {count} numbers, one for each key")
    return value
