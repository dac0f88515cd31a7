"""Objects of a bucket, many at once: listed, as input or as they are, and deleted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from errors import JobError

FIRST_PAGE = 32
LONGEST_PAGE = 1000
ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")
"""Storage classes of which GetObject reads nothing; GLACIER_IR can be read at once."""


class S3Object(NamedTuple):
    """What a plan must know of an object, and no more, since there may be very many.

    `archive` is the storage class that keeps it from being read now, or "".
    """

    key: str
    size: int
    etag: str = ""
    archive: str = ""


def payer(requester_pays: bool) -> dict[str, str]:
    """The argument of a request to a bucket of someone who charges for it."""
    return {"RequestPayer": "requester"} if requester_pays else {}


def list_input(
    s3: Any, bucket: str, prefix: str, requester_pays: bool = False
) -> Iterator[S3Object]:
    """Every object under a prefix, in key order, as input. ClientError."""
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket,
        Prefix=prefix,
        OptionalObjectAttributes=["RestoreStatus"],
        **payer(requester_pays),
    )
    for page in pages:
        yield from map(input_object, page.get("Contents", []))


def input_object(listed: Mapping[str, Any]) -> S3Object:
    """An object as ListObjectsV2 shows it; pure. What is restored from an archive can be read."""
    archive = listed.get("StorageClass", "")
    restored = "RestoreExpiryDate" in listed.get("RestoreStatus", {})
    if archive not in ARCHIVES or restored:
        archive = ""
    return S3Object(listed["Key"], listed["Size"], listed.get("ETag", ""), archive)


def list_objects(s3: Any, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    """Every object under a prefix, in key order: dicts with "Key", "Size", "LastModified"."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from page.get("Contents", [])


def list_pages(
    s3: Any, bucket: str, prefix: str, after: str = ""
) -> Iterator[tuple[list[dict[str, Any]], bool]]:
    """The objects under a prefix behind the key `after`, page by page, and whether that was all.

    The first page is short, each further one twice as long: for a reader who may stop soon.
    """
    count, ended = FIRST_PAGE, False
    while not ended:
        page = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, StartAfter=after, MaxKeys=count)
        objects, ended = page.get("Contents", []), not page["IsTruncated"]
        yield objects, ended
        after = objects[-1]["Key"] if objects else after
        count = min(LONGEST_PAGE, count * 2)


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
