"""A JSON value in S3: read whole, written, or created where nothing is.

In: bucket and key. A read gives the value and the ETag of its version, and survives a download
that breaks, as every read of an object here does. A conditional write tells who was first.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from aws import s3stream
from aws.client import error_code
from errors import BadRecord

CONFLICT_TRIES = 6


def read_json(s3: Any, bucket: str, key: str) -> Any:
    """The JSON value at a key. BadRecord where it is not JSON; ClientError as S3 gives it."""
    return read_json_and_etag(s3, bucket, key)[0]


def read_json_and_etag(s3: Any, bucket: str, key: str) -> tuple[Any, str]:
    """As `read_json`, with the ETag for a conditional write over the same version."""
    versions: list[str] = []
    chunks = s3stream.read_chunks(s3, bucket, key, lambda opened: versions.append(opened["ETag"]))
    body = b"".join(chunks)
    try:
        return json.loads(body), versions[-1]
    except ValueError as error:
        raise BadRecord(f"s3://{bucket}/{key} is not JSON: {error}") from error


def write_json(
    s3: Any, bucket: str, key: str, value: Any, metadata: Mapping[str, str] | None = None
) -> None:
    """Put a JSON value at a key; `metadata` are the object's own, values in ASCII.

    ValueError for a number that JSON has no form for (nan, inf).
    """
    write_body(s3, bucket, key, json_bytes(value), metadata)


def json_bytes(value: Any) -> bytes:
    """A value as JSON. ValueError or TypeError where JSON has no form for it."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()


def write_body(
    s3: Any, bucket: str, key: str, body: bytes, metadata: Mapping[str, str] | None = None
) -> None:
    """Put JSON that is made already at a key; `metadata` as for `write_json`."""
    s3.put_object(**_put_arguments(bucket, key, body), Metadata=dict(metadata or {}))


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
            s3.put_object(**_put_arguments(bucket, key, body), **condition)
            return True
        except ClientError as error:
            code = error_code(error)
            if code in ("PreconditionFailed", "NoSuchKey"):
                return False
            if code != "ConditionalRequestConflict" or attempt == CONFLICT_TRIES - 1:
                raise
            sleep(random.uniform(0, 0.1 * 2**attempt))  # noqa: S311 - jitter, not a secret
    raise AssertionError("unreachable: the last try returns or raises")


def _put_arguments(bucket: str, key: str, body: bytes) -> dict[str, Any]:
    return {"Bucket": bucket, "Key": key, "Body": body, "ContentType": "application/json"}
