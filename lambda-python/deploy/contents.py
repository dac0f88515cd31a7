"""What a bucket holds, every version of it; and how it is emptied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from deploy.clients import DeployError, found_or_none
from errors import counted

Versions = list[dict[str, Any]]


def look(s3: Any, bucket: str) -> str:
    """What `delete` would do."""
    count = found_or_none(lambda: sum(map(len, _pages(s3, bucket))), "NoSuchBucket")
    return "not there" if count is None else f"{counted(count, 'object')} would be deleted"


def delete(s3: Any, bucket: str, prefix: str = "") -> str:
    """Delete every object under a prefix, and every version; returns what happened. DeployError."""
    pages = _pages(s3, bucket, prefix)
    count = found_or_none(lambda: sum(_deleted(s3, bucket, page) for page in pages), "NoSuchBucket")
    return "not there" if count is None else f"{counted(count, 'object')} deleted"


def _pages(s3: Any, bucket: str, prefix: str = "") -> Iterator[Versions]:
    """Versions and delete markers, some at a time."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        yield page.get("Versions", []) + page.get("DeleteMarkers", [])


def _deleted(s3: Any, bucket: str, found: Versions) -> int:
    """Delete versions; returns how many they were."""
    if not found:
        return 0
    objects = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    for failure in answer.get("Errors", []):
        raise DeployError(
            f"s3://{bucket}/{failure.get('Key')} could not be deleted: "
            f"{failure.get('Code')} {failure.get('Message')}"
        )
    return len(found)
