"""An object that is read in parts, by whoever knows which: its end first, then what that names."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from aws import s3objects, s3stream
from errors import JobError
from inputs.reading import unreadable
from state.tasks import Input


class Ranged:
    """An object of S3, in the version that was planned with.

    `start` and `end` are the part of it that is one's own: what begins at bytes start..end-1;
    `size` are the bytes that were read.
    """

    def __init__(self, s3: Any, source: Input) -> None:
        self._s3 = s3
        self._source = source
        self._etag = source.etag
        self.where = source.where
        self.start, self.end = (source.part.start, source.part.end) if source.part else (0, 1 << 62)
        self.size = 0

    def tail(self, count: int) -> tuple[bytes, int]:
        """The last bytes, at most `count`, and the bytes in all. JobError."""
        more = s3objects.payer(self._source.requester_pays)
        same = {"IfMatch": self._etag} if self._etag else {}
        try:
            response = self._s3.get_object(
                Bucket=self._source.bucket,
                Key=self._source.key,
                Range=f"bytes=-{count}",
                **same,
                **more,
            )
            found = bytes(response["Body"].read())
        except (ClientError, BotoCoreError) as error:
            raise self._unreadable(error) from error
        self._etag = response["ETag"]
        self.size += len(found)
        return found, int(response["ContentRange"].rpartition("/")[2])

    def read(self, start: int, end: int) -> bytes:
        """The bytes start..end-1. JobError."""
        more = s3objects.payer(self._source.requester_pays)
        bucket, key = self._source.bucket, self._source.key
        try:
            found = b"".join(
                s3stream.read_chunks(
                    self._s3,
                    bucket,
                    key,
                    start=start,
                    end=end,
                    etag=self._etag,
                    more=more,
                )
            )
        except (ClientError, BotoCoreError) as error:
            raise unreadable(self._source, error) from error
        self.size += len(found)
        return found

    def _unreadable(self, error: ClientError | BotoCoreError) -> JobError:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
        if code == "InvalidRange":
            return JobError(f"{self.where} is empty: leave it out, or upload it again")
        if code == "PreconditionFailed":
            return JobError(
                f"{self.where} was replaced after the job began: start the job again, on input "
                "that stays as it is"
            )
        return unreadable(self._source, error)
