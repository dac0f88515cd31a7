"""Pairs on their way between functions: an output is one JSON object, key -> value.

In: what a job made, as a dict. Out: the object in S3, and the same pairs read back. What JSON in
UTF-8 cannot hold does not leave a function: the error names job, key and value.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aws import s3json, s3stream
from errors import BadRecord, JobError, brief
from jobs.base import Job
from state.jobcode import JobCode

_orjson: Callable[[bytes], Any] | None
try:  # reading JSON is most of a reducer's time; orjson is an option of the deployment
    from orjson import loads as _orjson
except ImportError:
    _orjson = None

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
    s3json.write_body(s3, bucket, key, body, {**metadata, **code_of(job).to_metadata()})


def code_of(job: Job) -> JobCode:
    """What an output says of the job that wrote it."""
    return JobCode(job.name, job.digest, job.combine_name)


def unwritable(job: Job, pairs: Mapping[Any, Any], error: Exception) -> JobError:
    """The error of pairs that JSON has no form for, with the first that is to blame."""
    for key, value in pairs.items():
        try:
            encode_pairs({key: value})
        except (TypeError, ValueError, RecursionError) as fault:
            return JobError(
                f"job {job.name}: the value {brief(value)} of key {brief(key)}: {fault}"
            )
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
        lambda response: check_written_for(job, response["Metadata"], f"s3://{bucket}/{key}"),
    )


def check_written_for(job: Job, metadata: Mapping[str, str], where: str) -> None:
    """JobError where an output was written by a job that combines in another way, or by another
    version of this one.

    An output that does not say so, as one of a mapper of one's own, is taken as it is.
    """
    wrote, own = JobCode.from_metadata(metadata), code_of(job).kept()
    if wrote.combine and wrote.combine != own.combine:
        raise JobError(
            f"{where} is to be combined with {wrote.combine}, but the reducer runs the job "
            f"{own.job}, with {own.combine}: give the mapper and the reducer the same "
            "MR_JOB in scns.json"
        )
    if wrote.job == own.job and wrote.digest and own.digest and wrote.digest != own.digest:
        raise JobError(
            f"{where} was written by another version of the job, {wrote}, than the reducer runs, "
            f"{own}: deploy mapper and reducer with the same file, and start the job anew"
        )


def parse_output(
    body: bytes, where: str, fast: Callable[[bytes], Any] | None = _orjson
) -> dict[str, Any]:
    """The pairs of an output, the same with orjson and without. BadRecord where it is none."""
    output = _parse_fast(body, fast) if fast else None
    if output is None:
        output = s3json.parse(body, where)
    if not isinstance(output, dict):
        raise BadRecord(f"{where} is no output: not a JSON object but {type(output).__name__}")
    return output


def _parse_fast(body: bytes, fast: Callable[[bytes], Any]) -> Any:
    """What orjson reads; None where json reads more than it does, or more exactly."""
    try:
        output = fast(body)
    except (ValueError, RecursionError):
        return None
    return output if isinstance(output, dict) and _is_exact(output, body) else None


_MANY_DIGITS = re.compile(rb"[0-9]{19}")


def _is_exact(output: dict[str, Any], body: bytes) -> bool:
    """Whether orjson cannot have rounded a number: a whole one of more than 64 bits becomes a
    float of at least 2^64, or of -2^63 and below.
    """
    kinds = set(map(type, output.values()))
    if kinds <= {float, int}:
        values = output.values()
        return max(values, default=0) < 2**64 and min(values, default=0) > -(2**63)
    return kinds.isdisjoint({float, dict, list}) or not _MANY_DIGITS.search(body)
