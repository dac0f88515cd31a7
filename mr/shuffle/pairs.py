"""Pairs on their way between functions: an output is one JSON object, key -> value.

In: what a job made, as a dict. Out: the object in S3, and the same pairs read back.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from aws import s3json, s3stream
from errors import BadRecord, JobError
from jobs.base import COMBINE, MAX_EXAMPLE, Job

try:  # reading JSON is most of a reducer's time; orjson is an option of the deployment
    from orjson import loads
except ImportError:
    from json import loads

PORTION = 4096
"""Pairs that become JSON at a time."""


def write_pairs(
    s3: Any, job: Job, bucket: str, key: str, pairs: Mapping[Any, Any], metadata: Mapping[str, str]
) -> None:
    """Write an output. JobError, naming the pair, where JSON has no form for it."""
    try:
        body = encode_pairs(pairs)
    except (TypeError, ValueError, RecursionError) as error:
        raise unwritable(job, pairs, error) from error
    s3json.write_body(s3, bucket, key, body, {**metadata, COMBINE: job.combine_name})


def unwritable(job: Job, pairs: Mapping[Any, Any], error: Exception) -> JobError:
    """The error of pairs that JSON has no form for, with the first that is to blame."""
    for key, value in pairs.items():
        try:
            encode_pairs({key: value})
        except (TypeError, ValueError, RecursionError) as fault:
            shown = repr(value)[:MAX_EXAMPLE]
            return JobError(f"job {job.name}: the value {shown} of key {key!r}: {fault}")
    return JobError(f"job {job.name}: its pairs cannot be written as JSON: {error}")


def encode_pairs(pairs: Mapping[Any, Any]) -> bytes:
    """Pairs as one JSON object; keys that are bytes are UTF-8. ValueError or TypeError; pure.

    Portion by portion, since json makes a text of every key and value before it joins them.
    """
    items = iter(pairs.items())
    portions = []
    while portion := dict(itertools.islice(items, PORTION)):
        if isinstance(next(iter(portion)), bytes):
            portion = {key.decode(): value for key, value in portion.items()}
        portions.append(s3json.json_bytes(portion)[1:-1])
    return b"{" + b",".join(portions) + b"}"


def read_output(s3: Any, bucket: str, key: str, job: Job) -> Iterator[bytes]:
    """The chunks of an output. JobError where the reducer's job is not the mapper's."""
    return s3stream.read_chunks(
        s3,
        bucket,
        key,
        lambda response: job.check_written_for(response["Metadata"], f"s3://{bucket}/{key}"),
    )


def parse_output(body: bytes, where: str) -> dict[str, Any]:
    """The pairs of an output. BadRecord where it is none."""
    try:
        output = loads(body)
    except ValueError as error:
        raise BadRecord(f"{where} is not JSON: {error}") from error
    if not isinstance(output, dict):
        raise BadRecord(f"{where} is no output: not a JSON object but {type(output).__name__}")
    return output
