"""A JSON value in S3: read whole, written, or created where nothing is.

A read gives the value and the ETag of its version, and survives a download that breaks, as every
read of an object here does. A conditional write tells who was first. What is read may be anyone's:
it has a size, a depth and numbers that JSON has, or it is a BadRecord.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from aws import s3stream
from aws.client import error_code
from errors import BadRecord

CONFLICT_TRIES = 6
MAX_RECORD_BYTES = 1 << 23
"""A record is far smaller; one that is larger would fill a small function's memory."""


def read_json(s3: Any, bucket: str, key: str, most: int | None = MAX_RECORD_BYTES) -> Any:
    """The JSON value at a key. BadRecord where it is none, or has more than `most` bytes;
    ClientError as S3 gives it.
    """
    return read_json_and_etag(s3, bucket, key, most)[0]


def read_json_and_etag(
    s3: Any, bucket: str, key: str, most: int | None = MAX_RECORD_BYTES
) -> tuple[Any, str]:
    """As `read_json`, with the ETag for a conditional write over the same version."""
    versions: list[str] = []
    where = f"s3://{bucket}/{key}"
    chunks = s3stream.read_chunks(s3, bucket, key, lambda opened: versions.append(opened["ETag"]))
    body = b"".join(chunks if most is None else at_most(chunks, most, where))
    return parse(body, where), versions[-1]


def at_most(chunks: Iterable[bytes], most: int, where: str) -> Iterator[bytes]:
    """The chunks, as long as they are no more than `most` bytes in all; BadRecord then."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > most:
            raise BadRecord(f"{where} has more than {most:,} bytes, too many for a record")
        yield chunk


def parse(body: bytes | str, where: str) -> Any:
    """The value of a JSON text. BadRecord where it is none: `nan` and `inf` are no numbers, and
    what is nested as deep as no record is, or has more digits than Python reads, is refused.
    """
    try:
        return json.loads(body, parse_constant=no_number)
    except (ValueError, RecursionError) as error:
        raise BadRecord(f"{where} is not JSON: {error}") from error


def no_number(text: str) -> None:
    """ValueError for `NaN` and its like, which Python's json would take."""
    raise ValueError(f"{text} is no number")


def write_json(s3: Any, bucket: str, key: str, value: Any) -> None:
    """Put a JSON value at a key. ValueError for a number that JSON has no form for (nan, inf)."""
    write_body(s3, bucket, key, json_bytes(value))


def json_bytes(value: Any) -> bytes:
    """A value as JSON, in UTF-8. ValueError or TypeError where it has no such form."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()


def write_body(
    s3: Any,
    bucket: str,
    key: str,
    body: bytes,
    metadata: Mapping[str, str] | None = None,
    condition: Mapping[str, str] | None = None,
) -> None:
    """Put JSON that is made already at a key; `metadata` are the object's own, values in ASCII,
    `condition` is IfNoneMatch or IfMatch.
    """
    s3.put_object(
        Bucket=bucket,
        Key=key,
        Body=body,
        ContentType="application/json",
        Metadata=dict(metadata or {}),
        **(condition or {}),
    )


def create_json(
    s3: Any,
    bucket: str,
    key: str,
    value: Any,
    replaces: str = "",
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Put a JSON value at a key only if nothing is there, or only over the ETag `replaces`.

    True when it was written, False when someone else was first (412, or 404 with `replaces`).
    A race that S3 leaves undecided (409) is tried again.
    """
    body = json_bytes(value)
    condition = {"IfMatch": replaces} if replaces else {"IfNoneMatch": "*"}
    for attempt in range(CONFLICT_TRIES):
        try:
            write_body(s3, bucket, key, body, condition=condition)
            return True
        except ClientError as error:
            code = error_code(error)
            if code in ("PreconditionFailed", "NoSuchKey"):
                return False
            if code != "ConditionalRequestConflict" or attempt == CONFLICT_TRIES - 1:
                raise
            sleep(random.uniform(0, 0.1 * 2**attempt))  # noqa: S311 - jitter, not a secret
    raise AssertionError("unreachable: the last try returns or raises")
