"""A JSON value in S3, read whole.

In: bucket and key. Out: the value and the ETag of the version it was read from. The read survives
a download that breaks, as every read of an object here does.
"""

from __future__ import annotations

import json
from typing import Any

import s3stream
from lambdautils import BadRecord


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
