"""Objects of a bucket, many at once: listed, deleted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from errors import JobError


def list_objects(s3: Any, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    """Every object under a prefix, in key order: dicts with "Key", "Size", "LastModified"."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from page.get("Contents", [])


def delete_objects(s3: Any, bucket: str, keys: Sequence[str]) -> None:
    """Delete objects, 1,000 a request. JobError where S3 refuses one."""
    for start in range(0, len(keys), 1000):
        batch = [{"Key": key} for key in keys[start : start + 1000]]
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
        for failure in answer.get("Errors", []):
            raise JobError(
                f"s3://{bucket}/{failure.get('Key')} could not be deleted: "
                f"{failure.get('Code')} {failure.get('Message')}"
            )
