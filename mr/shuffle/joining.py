"""The last step: outputs without a key in common become the answer, byte by byte.

Nothing is parsed, and most of it never comes here: S3 copies all pairs of an output but the last
one, with the comma behind them, as a part of a multipart upload; the last pairs, and outputs that
are too small to be a part of their own, come behind as the tail. Memory is bounded by the tail's
parts. An answer of more than MOST_JOINED bytes stays in its outputs, and `result` names them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from aws import fetchahead, s3json, s3stream
from shuffle import partition
from state.keys import JobKeys
from state.outputs import Counts
from state.runs import Run

MOST_JOINED = 1_000_000_000
"""Bytes of an answer that is one JSON object: whoever wants to parse it needs ten times that."""

LEAST_COPIED = 5 << 20
"""Bytes that S3 takes as a part of a multipart upload, the last one apart."""

TAIL_PART = 8 << 20
THREADS = 16
UPLOADS_AHEAD = 4
"""Parts of the tail that are on their way at once, and in memory."""

CHUNKS_AHEAD = 4


@dataclasses.dataclass(frozen=True)
class Piece:
    """An output to be joined: its bytes, where its last pair begins, and how many pairs it has."""

    key: str
    size: int
    last_pair: int
    groups: int
    etag: str

    @classmethod
    def from_head(cls, key: str, head: Mapping[str, Any]) -> Piece:
        """Read what GetObject says of an output, of which it gives the first byte."""
        metadata, size = head["Metadata"], s3stream.size_of(head)
        last_pair = partition.last_pair_of(metadata, size)
        groups = Counts.from_head(head, key).groups or 0
        return cls(key, size, last_pair, groups, head["ETag"])

    @property
    def is_copied(self) -> bool:
        return self.last_pair - 1 >= LEAST_COPIED

    @property
    def tail(self) -> tuple[int, int]:
        """The bytes of it that go through this function: without its braces."""
        return (self.last_pair if self.is_copied else 1), self.size - 1


@dataclasses.dataclass(frozen=True)
class Joined:
    """What was joined: how many pairs and bytes."""

    groups: int
    size: int


def join(
    run: Run, keys: Sequence[str], check: Callable[[str, Mapping[str, Any]], None],
    metadata: Callable[[Joined], Mapping[str, str]],
) -> Joined:  # fmt: skip
    """Make the outputs `keys` the job's result, unless it is there already. OtherRun.

    `check` is given each output's key and GetObject's answer, and raises what is wrong with it;
    `metadata` are the result's own.
    """

    def look(key: str) -> Piece:
        # Not HeadObject: what stands between here and S3 may drop the length of an answer that has
        # no body (RFC 9110, 8.6).
        head = run.s3.get_object(Bucket=run.bucket, Key=key, Range="bytes=0-0")
        head["Body"].close()
        check(key, head)
        return Piece.from_head(key, head)

    with ThreadPoolExecutor(THREADS) as threads:
        pieces = [piece for piece in threads.map(look, keys) if piece.groups]
        done = Joined(sum(one.groups for one in pieces), sum(one.size for one in pieces))
        own = metadata(done)
        if done.size > MOST_JOINED:
            _write_manifest(run, pieces, done, own)
        elif any(one.is_copied for one in pieces) or done.size > TAIL_PART:
            _assemble(run, pieces, own)
        else:
            body = b"{" + b"".join(_tail(run, pieces)) + b"}"
            _write(run, lambda key, how: s3json.write_body(run.s3, run.bucket, key, body, own, how))
    return done


def _write(run: Run, put: Callable[[str, Mapping[str, str]], Any]) -> bool:
    key = JobKeys(run.job_id).result
    return run.write(key, functools.partial(put, key))


def _write_manifest(
    run: Run, pieces: Sequence[Piece], done: Joined, metadata: Mapping[str, str]
) -> None:
    value = {"parts": [one.key for one in pieces], "groups": done.groups, "bytes": done.size}
    body, own = s3json.json_bytes(value), {**metadata, "parts": str(len(pieces))}
    _write(run, lambda key, how: s3json.write_body(run.s3, run.bucket, key, body, own, how))


def _assemble(run: Run, pieces: Sequence[Piece], metadata: Mapping[str, str]) -> None:
    """Join as a multipart upload, which is aborted where it does not become the result."""
    s3, key = run.s3, JobKeys(run.job_id).result
    made = s3.create_multipart_upload(
        Bucket=run.bucket, Key=key, ContentType="application/json", Metadata=dict(metadata)
    )
    upload = {"Bucket": run.bucket, "Key": key, "UploadId": made["UploadId"]}
    completed = False
    try:
        every = {"Parts": _parts(run, upload, pieces)}
        completed = _write(
            run,
            lambda _, how: s3.complete_multipart_upload(**upload, MultipartUpload=every, **how),
        )
    finally:
        if not completed:
            s3.abort_multipart_upload(**upload)


def _parts(run: Run, upload: Mapping[str, str], pieces: Sequence[Piece]) -> list[dict[str, Any]]:
    """Every part of the upload: what S3 copies, then the tail. None is under way after it."""
    copied = [one for one in pieces if one.is_copied]
    opening = b"" if copied else b"{"
    tail = _in_parts(_between(opening, _tail(run, pieces), b"}"))
    with ThreadPoolExecutor(THREADS) as threads:
        copies = threads.map(functools.partial(_copy, run.s3, upload), range(len(copied)), copied)
        sent = _send(run.s3, upload, enumerate(tail, len(copied) + 1))
        return [*copies, *sent]


def _send(
    s3: Any, upload: Mapping[str, str], parts: Iterable[tuple[int, bytes]]
) -> list[dict[str, Any]]:
    """Upload numbered parts, UPLOADS_AHEAD of them at once, whatever their number."""
    done: list[dict[str, Any]] = []
    flying: deque[Future[dict[str, Any]]] = deque()
    with ThreadPoolExecutor(UPLOADS_AHEAD) as threads:
        for number, part in parts:
            if len(flying) == UPLOADS_AHEAD:
                done.append(flying.popleft().result())
            flying.append(threads.submit(_upload, s3, upload, number, part))
        return done + [one.result() for one in flying]


def _copy(s3: Any, upload: Mapping[str, str], index: int, piece: Piece) -> dict[str, Any]:
    """Have S3 copy all pairs of an output but the last; the first one brings the opening brace."""
    first = 1 if index else 0
    answer = s3.upload_part_copy(
        **upload,
        PartNumber=index + 1,
        CopySource={"Bucket": upload["Bucket"], "Key": piece.key},
        CopySourceRange=f"bytes={first}-{piece.last_pair - 1}",
        CopySourceIfMatch=piece.etag,
    )
    return {"PartNumber": index + 1, "ETag": answer["CopyPartResult"]["ETag"]}


def _upload(s3: Any, upload: Mapping[str, str], number: int, body: bytes) -> dict[str, Any]:
    answer = s3.upload_part(**upload, PartNumber=number, Body=body)
    return {"PartNumber": number, "ETag": answer["ETag"]}


def _tail(run: Run, pieces: Sequence[Piece]) -> Iterator[bytes]:
    """What of the outputs goes through this function, with commas between them."""
    opens = [
        functools.partial(
            s3stream.read_chunks, run.s3, run.bucket, one.key,
            start=one.tail[0], end=one.tail[1], etag=one.etag,
        )
        for one in pieces
    ]  # fmt: skip
    with contextlib.closing(fetchahead.in_order(opens, THREADS, CHUNKS_AHEAD)) as sources:
        for number, chunks in enumerate(sources):
            if number:
                yield b","
            yield from chunks


def _between(first: bytes, chunks: Iterator[bytes], last: bytes) -> Iterator[bytes]:
    yield first
    yield from chunks
    yield last


def _in_parts(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Chunks as parts of TAIL_PART bytes; the last may be smaller."""
    part = bytearray()
    for chunk in chunks:
        part += chunk
        if len(part) >= TAIL_PART:
            yield bytes(part[:TAIL_PART])
            del part[:TAIL_PART]
    if part:
        yield bytes(part)


def parts_of(sizes: Iterable[int]) -> int:
    """How many parts the upload of outputs of so many bytes has; 0 where there is none; pure."""
    every = list(sizes)
    small = [size for size in every if size <= LEAST_COPIED]
    copied = len(every) - len(small)
    is_upload = copied or sum(every) > TAIL_PART
    if not is_upload or sum(every) > MOST_JOINED:
        return 0
    return copied + max(1, math.ceil(sum(small) / TAIL_PART))
