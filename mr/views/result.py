"""A job's answer, for a person or a program to read.

In: the job bucket and the job id. Out: the groups, sorted and cut as asked, as CSV or JSON.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from aws import s3json, s3stream
from aws.client import error_code
from errors import JobError
from state.keys import JobKeys

FIRST_BYTES = 4096


def read_result(s3: Any, bucket: str, job_id: str) -> dict[str, Any]:
    """The answer, group -> value. JobError where there is none yet."""
    key = JobKeys(job_id).result
    try:
        result: dict[str, Any] = s3json.read_json(s3, bucket, key)
    except ClientError as error:
        if error_code(error) != "NoSuchKey":
            raise
        raise JobError(
            f"s3://{bucket}/{key} does not exist: the job is not done, or there is none; "
            f"`job.py status {bucket} {job_id}` tells"
        ) from error
    return result


def choose(groups: Mapping[str, Any], sort: str, top: int | None) -> list[tuple[str, Any]]:
    """Pairs by key, or by value with the largest first, and the first `top` of them; pure.

    JobError where values have no order.
    """
    by_key = sorted(groups.items(), key=lambda pair: pair[0])
    if sort == "key":
        return by_key[:top]
    try:
        return sorted(by_key, key=lambda pair: pair[1], reverse=True)[:top]
    except TypeError as error:
        raise JobError(
            f"the values of this job cannot be sorted ({error}): leave out --sort value"
        ) from error


def first_groups(s3: Any, bucket: str, job_id: str, count: int) -> list[tuple[str, Any]]:
    """The first `count` groups of an answer in their order there, from its first bytes alone."""
    key = JobKeys(job_id).result
    head = b"".join(s3stream.read_chunks(s3, bucket, key, end=FIRST_BYTES))
    return whole_pairs(head.decode(errors="ignore"))[:count]


def whole_pairs(text: str) -> list[tuple[str, Any]]:
    """The pairs of a JSON object that is cut off somewhere, as far as they are whole; pure."""
    decoder = json.JSONDecoder()
    pairs: list[tuple[str, Any]] = []
    position = 1
    try:
        while True:
            key, position = decoder.raw_decode(text, position)
            value, position = decoder.raw_decode(text, text.index(":", position) + 1)
            if text[position] not in ",}":  # a number may go on
                return pairs
            pairs.append((key, value))
            position += 1
    except (ValueError, IndexError):
        return pairs


def write(pairs: list[tuple[str, Any]], form: str) -> None:
    """Print pairs on standard output: "csv" with a header, or "json" as one object."""
    if form == "json":
        print(json.dumps(dict(pairs)))
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("key", "value"))
    writer.writerows((key, _cell(value)) for key, value in pairs)


def _cell(value: Any) -> Any:
    """A value as CSV takes it: a number or a text as it is, all else as JSON."""
    is_plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    return value if is_plain else json.dumps(value)
