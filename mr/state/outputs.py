"""An output: pairs of one task in S3, and in its metadata what the task counted."""

from __future__ import annotations

import dataclasses
import resource
import time
from collections.abc import Mapping
from typing import Any

from state.badrows import BadRows, pack, unpack
from state.keys import JobKeys
from state.listing import list_job
from state.metadata import Numbers, quoted, quoted_end, unquoted
from state.records import JobInfo

MAX_EXAMPLE = 120
MAX_OBJECT = 200
"""Bytes of a bad row, and of its object's key, that are kept: S3 allows 2 KB of metadata, of which
all texts about bad rows take at most 600 bytes.
"""


@dataclasses.dataclass(frozen=True)
class Counts:
    """What a task counted.

    `start` is in seconds since the epoch, `seconds` without the writing of the output, `memory`
    the peak in KiB; `groups` is None where an older version did not say. `errors` are bad rows,
    with one as an example and the object it stands in, `faults` are all of them by kind, `headers`
    lines that are neither rows nor bad.
    """

    start: float
    seconds: float
    lines: int
    groups: int | None = None
    memory: int = 0
    input_bytes: int = 0
    errors: int = 0
    example: str = ""
    bad_object: str = ""
    headers: int = 0
    faults: tuple[BadRows, ...] = ()

    @classmethod
    def since(cls, begun: float, lines: int, **more: Any) -> Counts:
        """The counts of a task that began at `begun`, on the monotonic clock, and ends now."""
        seconds = time.monotonic() - begun
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return cls(time.time() - seconds, seconds, lines, memory=memory, **more)

    def to_metadata(self) -> dict[str, str]:
        """The form in which S3 keeps them beside an object: texts in ASCII."""
        metadata = {
            "linecount": str(self.lines),
            "processingtime": f"{self.seconds:.6f}",
            "memoryusage": str(self.memory),
            "errcount": str(self.errors),
            "starttime": f"{self.start:.3f}",
            "groupcount": str(self.groups or 0),
            "inputbytes": str(self.input_bytes),
        }
        if self.headers:
            metadata["headercount"] = str(self.headers)
        if self.errors:
            metadata["errexample"] = quoted(self.example, MAX_EXAMPLE)
            metadata["errobject"] = quoted_end(self.bad_object, MAX_OBJECT)
            metadata["faults"] = pack(self.faults)
        return metadata

    @classmethod
    def from_head(cls, head: Mapping[str, Any], where: str) -> Counts:
        """Read what HeadObject says of the object `where`; an older version's tells less."""
        metadata = head["Metadata"]
        numbers = Numbers(metadata, where)
        seconds = numbers.number("processingtime")
        return cls(
            numbers.number("starttime", head["LastModified"].timestamp() - seconds),
            seconds,
            numbers.count("linecount"),
            numbers.count("groupcount") if "groupcount" in metadata else None,
            numbers.count("memoryusage"),
            numbers.count("inputbytes"),
            numbers.count("errcount"),
            unquoted(metadata.get("errexample", "")),
            unquoted(metadata.get("errobject", "")),
            numbers.count("headercount"),
            unpack(metadata.get("faults", "[]"), where),
        )


def read_counts(s3: Any, bucket: str, key: str) -> Counts:
    """What the task that wrote an output counted."""
    return Counts.from_head(s3.head_object(Bucket=bucket, Key=key), key)


def reducer_seconds(s3: Any, job: JobInfo) -> float:
    """Seconds that the reducers of a finished job took in all, from their outputs' metadata."""
    keys = JobKeys(job.job_id)
    outputs = [
        keys.output(step, number)
        for step, numbers in list_job(s3, job).outputs.items()
        if step
        for number in numbers
    ]
    return sum(read_counts(s3, job.job_bucket, key).seconds for key in [*outputs, keys.result])
