"""What S3 keeps, without time: buckets, objects, their versions and conditions.

In: writes, each with the body of an object. Out: reads and listings, strongly consistent, as
S3's are; errors as botocore raises them. A body is bytes, or of a form of its own that has a
length: what a simulated function writes is only counted.
"""

from __future__ import annotations

import bisect
import dataclasses
import datetime
from collections.abc import Callable, Mapping, Sequence, Sized
from typing import Any

from botocore.exceptions import ClientError

STATUS = {
    "NoSuchKey": 404,
    "NoSuchBucket": 404,
    "NoSuchUpload": 404,
    "404": 404,
    "PreconditionFailed": 412,
    "ConditionalRequestConflict": 409,
    "InvalidPart": 400,
    "InvalidRange": 416,
    "SlowDown": 503,
    "TooManyRequestsException": 429,
    "ResourceNotFoundException": 404,
}


LAST_CHARACTER = "\U0010ffff"
"""Behind every other, in the order of keys."""


def client_error(code: str, operation: str) -> ClientError:
    """An AWS error as botocore raises it."""
    response: Any = {
        "Error": {"Code": code, "Message": "simulated"},
        "ResponseMetadata": {"HTTPStatusCode": STATUS[code]},
    }
    return ClientError(response, operation)


@dataclasses.dataclass(frozen=True)
class Opaque:
    """A body of which only the length counts."""

    size: int

    def __len__(self) -> int:
        return self.size


@dataclasses.dataclass(frozen=True)
class Stored:
    """One version of an object; `entry` is what a listing shows of it."""

    body: Any
    metadata: Mapping[str, str]
    entry: dict[str, Any]

    @property
    def etag(self) -> str:
        return str(self.entry["ETag"])

    @property
    def modified(self) -> float:
        """When it was written, in seconds since the epoch."""
        return float(self.entry["LastModified"].timestamp())


class Upload:
    """The parts of a multipart upload that is under way."""

    def __init__(self, metadata: Mapping[str, str]) -> None:
        self.metadata = metadata
        self._parts: dict[int, tuple[str, Any]] = {}

    def add(self, number: int, body: Any) -> str:
        """Keep a part, in place of an earlier one of the same number; returns its ETag."""
        etag = f'"part-{number}-{len(body)}"'
        self._parts[number] = (etag, body)
        return etag

    def part(self, named: Mapping[str, Any]) -> Any:
        """The body of a part ({"PartNumber", "ETag"}). ClientError where it is not there."""
        etag, body = self._parts.get(named["PartNumber"], ("", b""))
        if not etag or etag != named["ETag"]:
            raise client_error("InvalidPart", "CompleteMultipartUpload")
        return body


class Bucket:
    """Objects by key. `on_write` hears of every key that is written; `size_of` a body is what a
    listing shows.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        on_write: Callable[[str], None] = lambda key: None,
        size_of: Callable[[Any], int] = len,
    ) -> None:
        self.objects: dict[str, Stored] = {}
        self.notifications: dict[str, Any] = {}
        self.on_write = on_write
        self._clock = clock
        self._size_of = size_of
        self._keys: list[str] = []
        self._changes = 0
        self._deleted: dict[str, int] = {}
        self._uploads: dict[tuple[str, str], Upload] = {}

    @property
    def changes(self) -> int:
        """The number of changes so far: where a conditional write begins."""
        return self._changes

    def find(self, key: str, operation: str, missing: str = "NoSuchKey") -> Stored:
        """The object at a key. ClientError where there is none."""
        stored = self.objects.get(key)
        if stored is None:
            raise client_error(missing, operation)
        return stored

    def write(self, key: str, body: Any, metadata: Mapping[str, str]) -> Stored:
        """Put a body at a key, in place of what is there."""
        self._changes += 1
        modified = datetime.datetime.fromtimestamp(self._clock(), tz=datetime.UTC)
        entry = {
            "Key": key,
            "Size": self._size_of(body),
            "ETag": f'"{self._changes:032x}"',
            "LastModified": modified,
            "StorageClass": "STANDARD",
        }
        stored = Stored(body, dict(metadata), entry)
        if key not in self.objects:
            bisect.insort(self._keys, key)
        self.objects[key] = stored
        self.on_write(key)
        return stored

    def check(self, key: str, begun: int, if_match: str | None, if_none_match: str | None) -> None:
        """ClientError where a conditional write, begun at that change, may not be done: 412, 404
        where there is nothing to match, 409 where the key was deleted meanwhile.
        """
        stored = self.objects.get(key)
        if (if_match or if_none_match) and self._deleted.get(key, -1) > begun:
            raise client_error("ConditionalRequestConflict", "PutObject")
        if if_none_match == "*" and stored is not None:
            raise client_error("PreconditionFailed", "PutObject")
        if if_match and stored is None:
            raise client_error("NoSuchKey", "PutObject")
        if if_match and stored is not None and stored.etag != if_match:
            raise client_error("PreconditionFailed", "PutObject")

    def delete(self, key: str) -> None:
        """Remove what is at a key; it is no error where nothing is."""
        if self.objects.pop(key, None) is not None:
            self._changes += 1
            self._deleted[key] = self._changes
            del self._keys[bisect.bisect_left(self._keys, key)]

    @property
    def uploads(self) -> int:
        """Multipart uploads that are under way: their parts are stored, and paid for."""
        return len(self._uploads)

    def begin_upload(self, key: str, metadata: Mapping[str, str]) -> str:
        """Begin a multipart upload; returns its id."""
        self._changes += 1
        upload_id = f"upload-{self._changes}"
        self._uploads[key, upload_id] = Upload(metadata)
        return upload_id

    def upload(self, key: str, upload_id: str) -> Upload:
        """An upload that is under way. ClientError where there is none."""
        if (key, upload_id) not in self._uploads:
            raise client_error("NoSuchUpload", "UploadPart")
        return self._uploads[key, upload_id]

    def end_upload(self, key: str, upload_id: str) -> None:
        """Forget an upload. ClientError where there is none."""
        self.upload(key, upload_id)
        del self._uploads[key, upload_id]

    def listing(self, prefix: str, after: str, count: int) -> tuple[list[dict[str, Any]], bool]:
        """The entries of the first `count` keys of a prefix behind a key, and whether more are."""
        first = bisect.bisect_left(self._keys, prefix)
        if after >= prefix:
            first = bisect.bisect_right(self._keys, after, lo=first)
        end = bisect.bisect_left(self._keys, prefix + LAST_CHARACTER, lo=first)
        keys = self._keys[first : min(end, first + count)]
        return [self.objects[key].entry for key in keys], first + count < end


def joined(parts: Sequence[Sized]) -> Any:
    """The bodies of parts, one behind the other."""
    if all(isinstance(part, bytes) for part in parts):
        return b"".join(bytes(part) for part in parts)  # type: ignore[call-overload]
    return Opaque(sum(map(len, parts)))
