"""An object of S3 as a stream: bytes in order, then blocks of whole lines.

Each block ends with a line's end; only an object's last may not. Nothing is kept but the block at
hand, so memory does not grow with the object's size.
A download that breaks goes on from its last byte, and only over the same version of the object.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from botocore.exceptions import (
    ClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from aws.client import error_code
from errors import JobError, log

CHUNK_BYTES = 1 << 18
KEPT_BYTES = 1 << 24
NOTHING_MORE: Mapping[str, str] = types.MappingProxyType({})
BREAKS_IN_A_ROW = 5
"""Broken reads without a single byte of progress after which a download is given up."""
# glibc hands freed blocks back to the system and takes them again, page by page, until it has
# seen a large one freed (mallopt(3), "dynamic mmap threshold"): streaming is twice as fast after.
bytes(KEPT_BYTES)
_BROKEN = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError)


def read_chunks(
    s3: Any,
    bucket: str,
    key: str,
    on_open: Callable[[dict[str, Any]], None] = lambda response: None,
    start: int = 0,
    end: int | None = None,
    etag: str = "",
    more: Mapping[str, str] = NOTHING_MORE,
) -> Iterator[bytes]:
    """The bytes of an object, in chunks of at most CHUNK_BYTES.

    `start` and `end` narrow that to bytes start..end-1 (an `end` past the object's is its end),
    `etag` to one version; `more` are further arguments of GetObject, and `on_open` is given every
    response of it before its first byte.

    botocore retries a request that fails; once its body flows, a break is ours to mend: the rest
    is asked for with a Range, and If-Match on the ETag. JobError where the object was replaced
    meanwhile; botocore's error where it breaks again and again at the same byte.
    """
    offset, breaks = start, 0
    while end is None or offset < end:
        response = _open_at(s3, bucket, key, offset, end, etag, more)
        etag = response["ETag"]
        on_open(response)
        body = response["Body"]
        try:
            for chunk in body.iter_chunks(CHUNK_BYTES):
                offset, breaks = offset + len(chunk), 0
                yield chunk
            return
        except _BROKEN as error:
            breaks += 1
            if breaks > BREAKS_IN_A_ROW:
                raise
            log(f"s3://{bucket}/{key} broke off at byte {offset}, going on from there: {error}")
        finally:
            body.close()


def _open_at(
    s3: Any,
    bucket: str,
    key: str,
    offset: int,
    end: int | None,
    etag: str,
    more: Mapping[str, str],
) -> dict[str, Any]:
    """GetObject from a byte on; without `etag`, of whatever version is there."""
    last = "" if end is None else end - 1
    part = {"Range": f"bytes={offset}-{last}"} if offset or end is not None else {}
    same = {"IfMatch": etag} if etag else {}
    try:
        response: dict[str, Any] = s3.get_object(Bucket=bucket, Key=key, **part, **same, **more)
        return response
    except ClientError as error:
        if error_code(error) == "PreconditionFailed":
            raise JobError(
                f"s3://{bucket}/{key} was replaced after the job began (its ETag is no longer "
                f"{etag}): start the job again, on input that stays as it is"
            ) from error
        raise


def size_of(response: Mapping[str, Any]) -> int:
    """The bytes of the object of which GetObject's answer has all, or a part; 0 where that is not
    told: an answer may come in HTTP's chunks, without a length.
    """
    part = response.get("ContentRange", "")
    return int(part.rpartition("/")[2] or response.get("ContentLength", 0))


def within(chunks: Iterable[bytes], at: int, first: int, end: int) -> Iterator[bytes]:
    """Of chunks that begin at byte `at`, the bytes first..end-1; all chunks are read."""
    for chunk in chunks:
        wanted = chunk[max(0, first - at) : max(0, end - at)]
        at += len(chunk)
        if wanted:
            yield wanted


def whole_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    r"""Cut chunks again, at line ends: [b"a\nb", b"c\nd"] -> [b"a\n", b"bc\n", b"d"]."""
    open_line: list[bytes] = []
    for chunk in chunks:
        end = chunk.rfind(b"\n") + 1
        if end:
            yield b"".join([*open_line, memoryview(chunk)[:end]])
            open_line = []
        if end < len(chunk):
            open_line.append(chunk[end:])
    if open_line:
        yield b"".join(open_line)
