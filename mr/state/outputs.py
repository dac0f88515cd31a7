"""An output's metadata: what its function counted, written beside its pairs, read by the views."""

from __future__ import annotations

import dataclasses
import resource
import time
import urllib.parse
from collections.abc import Iterable
from typing import Any

from state.badrows import BadRows, pack, quote, quote_key, unpack
from state.keys import JobKeys
from state.listing import list_job
from state.records import JobInfo


@dataclasses.dataclass(frozen=True)
class BadRow:
    """One row that a mapper could not read, the object it stands in, and all of its by kind."""

    key: str
    line: str
    kinds: tuple[BadRows, ...] = ()


def bad_row(s3: Any, job: JobInfo, mapper_id: int) -> BadRow:
    """The example that a mapper left in its output's metadata."""
    key = JobKeys(job.job_id).mapper_output(mapper_id)
    metadata = s3.head_object(Bucket=job.job_bucket, Key=key)["Metadata"]
    return BadRow(
        urllib.parse.unquote(metadata.get("errobject", "")),
        urllib.parse.unquote(metadata.get("errexample", "")),
        unpack(metadata.get("faults", "[]")),
    )


def reducer_seconds(s3: Any, job: JobInfo) -> float:
    """Seconds that the reducers of a finished job took in all, from their outputs' metadata."""
    keys = JobKeys(job.job_id)
    listing = list_job(s3, job.job_bucket, job.job_id)
    outputs = [
        keys.output(step, number)
        for step, numbers in listing.outputs.items()
        if step
        for number in numbers
    ]
    heads = (s3.head_object(Bucket=job.job_bucket, Key=key) for key in [*outputs, keys.result])
    return sum(float(head["Metadata"].get("processingtime", 0)) for head in heads)


def output_metadata(
    lines: int,
    seconds: float,
    errors: int = 0,
    example: str = "",
    bad_object: str = "",
    *,
    groups: int = 0,
    input_bytes: int = 0,
    headers: int = 0,
    faults: Iterable[BadRows] = (),
) -> dict[str, str]:
    """The metadata of an output: what its function counted, when it began (seconds since the
    epoch) and how long it took (s), its peak memory (KiB), the bytes it read, header lines, and bad
    rows: by kind, and one with the object it stands in. S3 takes ASCII only: the rest is quoted.
    """
    metadata = {
        "linecount": str(lines),
        "processingtime": f"{seconds:.6f}",
        "memoryusage": str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss),
        "errcount": str(errors),
        "starttime": f"{time.time() - seconds:.3f}",
        "groupcount": str(groups),
        "inputbytes": str(input_bytes),
    }
    if headers:
        metadata["headercount"] = str(headers)
    if errors:
        metadata["errexample"] = quote(example)
        metadata["errobject"] = quote_key(bad_object)
        metadata["faults"] = pack(faults)
    return metadata
