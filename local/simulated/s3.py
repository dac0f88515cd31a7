"""The S3 client, simulated: the calls of boto3's that this project makes, with their answers.

In: buckets, and a `Call` that decides when a request takes effect: after a drawn time in the
simulator, when a test says so in tests/model.py. Out: answers and errors in boto3's form.
"""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Protocol

from botocore.response import StreamingBody

from local.simulated.objects import Bucket, Opaque, client_error, joined

PAGE = 1000
REGION = "us-west-2"


class Call(Protocol):
    """Makes one request: has `effect` happen at some moment, and returns or raises what it does."""

    def __call__(self, operation: str, bucket: str, effect: Callable[[], Any]) -> Any: ...


class S3Client:
    """boto3's S3 client, as far as this project uses it. Other arguments are a TypeError."""

    meta = SimpleNamespace(region_name=REGION)

    def __init__(self, buckets: Mapping[str, Bucket], call: Call) -> None:
        self._buckets = buckets
        self._call = call

    def _bucket(self, name: str, operation: str) -> Bucket:
        if name not in self._buckets:
            raise client_error("NoSuchBucket", operation)
        return self._buckets[name]

    # ------------------------------------------------------------------ objects

    def put_object(
        self,
        *,
        Bucket: str,
        Key: str,
        Body: Any = b"",
        Metadata: Mapping[str, str] | None = None,
        ContentType: str = "",
        IfMatch: str | None = None,
        IfNoneMatch: str | None = None,
    ) -> dict[str, Any]:
        begun = self._buckets[Bucket].changes if Bucket in self._buckets else 0

        def effect() -> dict[str, Any]:
            bucket = self._bucket(Bucket, "PutObject")
            bucket.check(Key, begun, IfMatch, IfNoneMatch)
            return {"ETag": bucket.write(Key, Body, Metadata or {}).etag}

        return self._call("PutObject", Bucket, effect)

    def get_object(
        self,
        *,
        Bucket: str,
        Key: str,
        Range: str = "",
        IfMatch: str = "",
    ) -> dict[str, Any]:
        """`Body` is a stream; of an object that is only counted, its body as it was written."""

        def effect() -> dict[str, Any]:
            stored = self._bucket(Bucket, "GetObject").find(Key, "GetObject")
            if IfMatch and stored.etag != IfMatch:
                raise client_error("PreconditionFailed", "GetObject")
            size = len(stored.body)
            start, end = byte_range(Range, size)
            answer = {
                "ContentLength": end - start,
                "ETag": stored.etag,
                "Metadata": dict(stored.metadata),
                "LastModified": stored.entry["LastModified"],
                "Body": stored.body,
            }
            if Range:
                answer["ContentRange"] = f"bytes {start}-{end - 1}/{size}"
            if isinstance(stored.body, bytes):
                part = stored.body[start:end]
                answer["Body"] = StreamingBody(io.BytesIO(part), len(part))
            return answer

        return self._call("GetObject", Bucket, effect)

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            stored = self._bucket(Bucket, "HeadObject").find(Key, "HeadObject", "404")
            return {
                "ContentLength": len(stored.body),
                "ETag": stored.etag,
                "Metadata": dict(stored.metadata),
                "LastModified": stored.entry["LastModified"],
            }

        return self._call("HeadObject", Bucket, effect)

    def copy_object(
        self,
        *,
        Bucket: str,
        Key: str,
        CopySource: Mapping[str, str],
        Metadata: Mapping[str, str] | None = None,
        MetadataDirective: str = "COPY",
    ) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            source = self._bucket(CopySource["Bucket"], "CopyObject")
            stored = source.find(CopySource["Key"], "CopyObject")
            metadata = stored.metadata if MetadataDirective == "COPY" else Metadata or {}
            target = self._bucket(Bucket, "CopyObject")
            copied = target.write(Key, stored.body, metadata)
            return {"CopyObjectResult": {"ETag": copied.etag}}

        return self._call("CopyObject", Bucket, effect)

    def delete_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            self._bucket(Bucket, "DeleteObject").delete(Key)
            return {}

        return self._call("DeleteObject", Bucket, effect)

    def delete_objects(
        self,
        *,
        Bucket: str,
        Delete: Mapping[str, Any],
    ) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            for item in Delete["Objects"]:
                self._bucket(Bucket, "DeleteObjects").delete(item["Key"])
            return {}

        return self._call("DeleteObjects", Bucket, effect)

    # ------------------------------------------------------------------ listings

    def list_objects_v2(
        self,
        *,
        Bucket: str,
        Prefix: str = "",
        StartAfter: str = "",
        MaxKeys: int = PAGE,
        ContinuationToken: str = "",
        OptionalObjectAttributes: Sequence[str] = (),
    ) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            bucket = self._bucket(Bucket, "ListObjectsV2")
            after = ContinuationToken or StartAfter
            entries, more = bucket.listing(Prefix, after, min(MaxKeys, PAGE))
            answer: dict[str, Any] = {"KeyCount": len(entries), "IsTruncated": more}
            if entries:
                answer["Contents"] = entries
            if more:
                answer["NextContinuationToken"] = entries[-1]["Key"]
            return answer

        return self._call("ListObjectsV2", Bucket, effect)

    def get_paginator(self, operation: str) -> Paginator:
        if operation != "list_objects_v2":
            raise NotImplementedError(f"no pages of {operation} are simulated")
        return Paginator(self)

    # ------------------------------------------------------------------ multipart uploads

    def create_multipart_upload(
        self,
        *,
        Bucket: str,
        Key: str,
        Metadata: Mapping[str, str] | None = None,
        ContentType: str = "",
    ) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            bucket = self._bucket(Bucket, "CreateMultipartUpload")
            return {"UploadId": bucket.begin_upload(Key, Metadata or {})}

        return self._call("CreateMultipartUpload", Bucket, effect)

    def upload_part(
        self,
        *,
        Bucket: str,
        Key: str,
        UploadId: str,
        PartNumber: int,
        Body: Any,
    ) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            upload = self._bucket(Bucket, "UploadPart").upload(Key, UploadId)
            return {"ETag": upload.add(PartNumber, Body)}

        return self._call("UploadPart", Bucket, effect)

    def upload_part_copy(
        self,
        *,
        Bucket: str,
        Key: str,
        UploadId: str,
        PartNumber: int,
        CopySource: Mapping[str, str],
        CopySourceRange: str = "",
        CopySourceIfMatch: str = "",
    ) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            upload = self._bucket(Bucket, "UploadPartCopy").upload(Key, UploadId)
            source = self._bucket(CopySource["Bucket"], "UploadPartCopy")
            stored = source.find(CopySource["Key"], "UploadPartCopy")
            if CopySourceIfMatch and stored.etag != CopySourceIfMatch:
                raise client_error("PreconditionFailed", "UploadPartCopy")
            start, end = byte_range(CopySourceRange, len(stored.body))
            whole = stored.body
            part = whole[start:end] if isinstance(whole, bytes) else Opaque(end - start)
            return {"CopyPartResult": {"ETag": upload.add(PartNumber, part)}}

        return self._call("UploadPartCopy", Bucket, effect)

    def complete_multipart_upload(
        self,
        *,
        Bucket: str,
        Key: str,
        UploadId: str,
        MultipartUpload: Mapping[str, Any],
        IfMatch: str | None = None,
        IfNoneMatch: str | None = None,
    ) -> dict[str, Any]:
        begun = self._buckets[Bucket].changes if Bucket in self._buckets else 0

        def effect() -> dict[str, Any]:
            bucket = self._bucket(Bucket, "CompleteMultipartUpload")
            bucket.check(Key, begun, IfMatch, IfNoneMatch)
            upload = bucket.upload(Key, UploadId)
            parts = [upload.part(part) for part in MultipartUpload["Parts"]]
            bucket.end_upload(Key, UploadId)
            return {"ETag": bucket.write(Key, joined(parts), upload.metadata).etag}

        return self._call("CompleteMultipartUpload", Bucket, effect)

    def abort_multipart_upload(
        self,
        *,
        Bucket: str,
        Key: str,
        UploadId: str,
    ) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            self._bucket(Bucket, "AbortMultipartUpload").end_upload(Key, UploadId)
            return {}

        return self._call("AbortMultipartUpload", Bucket, effect)

    # ------------------------------------------------------------------ the bucket itself

    def get_bucket_notification_configuration(self, *, Bucket: str) -> dict[str, Any]:
        operation = "GetBucketNotificationConfiguration"
        return self._call(
            operation, Bucket, lambda: dict(self._bucket(Bucket, operation).notifications)
        )


class Paginator:
    """Pages of a listing, each asked for when it is wanted."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    def paginate(
        self,
        *,
        PaginationConfig: Mapping[str, int] | None = None,
        **arguments: Any,
    ) -> Iterator[dict[str, Any]]:
        limits = PaginationConfig or {}
        left = limits.get("MaxItems")
        if "PageSize" in limits:
            arguments["MaxKeys"] = limits["PageSize"]
        while left is None or left > 0:
            page = self._client.list_objects_v2(**arguments)
            if left is not None:
                page = {**page, "Contents": list(itertools.islice(page.get("Contents", []), left))}
                left -= len(page["Contents"])
            yield page
            if not page["IsTruncated"]:
                return
            arguments["ContinuationToken"] = page["NextContinuationToken"]


def byte_range(text: str, size: int) -> tuple[int, int]:
    """Start and end of an HTTP range over so many bytes. ClientError where nothing is in it."""
    if not text:
        return 0, size
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", text)
    if match is None:
        return 0, size
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size
    start, end = int(first), min(size, int(last) + 1 if last else size)
    if start >= size or end <= start:
        raise client_error("InvalidRange", "GetObject")
    return start, end
