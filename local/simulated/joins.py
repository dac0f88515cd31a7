"""The last step, timed: outputs without a key in common become the answer, as shuffle/joining.py
has it.

In: a worker and its event. Out: the requests of the real one: large outputs are copied by S3, the
last pair of each and what is small comes through the function.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aws import s3json
from local.simulated.objects import Opaque
from local.simulated.work import Worker
from shuffle import joining
from state.keys import JobKeys
from state.outputs import Counts
from state.tasks import ReducerEvent

MANIFEST_ENTRY = 100
"""Bytes of an output's name in a manifest."""


@dataclasses.dataclass(frozen=True)
class Piece:
    """An output to be joined: its bytes and pairs, and the bytes that go through the function."""

    key: str
    size: int
    groups: int
    tail: int

    @property
    def is_copied(self) -> bool:
        return self.tail < self.size


def join(worker: Worker, task: ReducerEvent) -> Counts:
    """Make outputs the answer; returns what was counted."""
    threads = worker.clients.executor(joining.THREADS)
    looked = threads.map(lambda key: _look(worker, key), task.keys)
    pieces = [piece for piece in looked if piece.groups]
    size, groups = sum(one.size for one in pieces), sum(one.groups for one in pieces)
    counts = worker.counts(groups, groups, size)
    if size > joining.MOST_JOINED:
        _put(worker, Opaque(MANIFEST_ENTRY * len(pieces)), counts)
    elif size > joining.TAIL_PART or any(one.is_copied for one in pieces):
        _assemble(worker, pieces, counts)
    else:
        _fetch_tails(worker, pieces)
        _put(worker, Opaque(size), counts)
    return worker.counts(groups, groups, size)


def _look(worker: Worker, key: str) -> Piece:
    head = worker.run.s3.get_object(Bucket=worker.run.bucket, Key=key, Range="bytes=0-0")
    size = int(head["ContentRange"].rpartition("/")[2])
    is_copied = size > joining.LEAST_COPIED
    tail = round(worker.query.pair_bytes) if is_copied else size
    return Piece(key, size, Counts.from_head(head, key).groups or 0, tail)


def _put(worker: Worker, body: Opaque, counts: Counts) -> None:
    s3, bucket, metadata = worker.run.s3, worker.run.bucket, worker.metadata(counts)
    key = JobKeys(worker.run.job_id).result
    _write(worker, lambda how: s3json.write_body(s3, bucket, key, body, metadata, how))


def _write(worker: Worker, put: Callable[[Mapping[str, str]], Any]) -> bool:
    return worker.run.write(JobKeys(worker.run.job_id).result, put, worker.clients.sleep)


def _fetch_tails(worker: Worker, pieces: Sequence[Piece]) -> None:
    """Read what goes through the function."""

    def fetch(piece: Piece) -> None:
        asked = {"Bucket": worker.run.bucket, "Key": piece.key, "Range": f"bytes=-{piece.tail}"}
        worker.run.s3.get_object(**asked)
        worker.take(piece.tail, 0.0)

    list(worker.clients.executor(joining.THREADS).map(fetch, pieces))
    worker.me.settle()


def _assemble(worker: Worker, pieces: Sequence[Piece], counts: Counts) -> None:
    """Join as a multipart upload, which is aborted where it does not become the result."""
    s3, where = worker.run.s3, {"Bucket": worker.run.bucket}
    where["Key"] = JobKeys(worker.run.job_id).result
    made = s3.create_multipart_upload(**where, Metadata=worker.metadata(counts))
    upload = {**where, "UploadId": made["UploadId"]}
    copied = [piece for piece in pieces if piece.is_copied]

    def copy(number: int) -> dict[str, Any]:
        return _copy(worker, upload, number, copied[number - 1])

    threads = worker.clients.executor(joining.THREADS)
    parts = list(threads.map(copy, range(1, len(copied) + 1)))
    _fetch_tails(worker, pieces)
    parts += _upload_tail(worker, upload, len(copied), sum(piece.tail for piece in pieces))
    every = {"Parts": parts}
    if not _write(
        worker, lambda how: s3.complete_multipart_upload(**upload, MultipartUpload=every, **how)
    ):
        s3.abort_multipart_upload(**upload)


def _copy(worker: Worker, upload: Mapping[str, str], number: int, piece: Piece) -> dict[str, Any]:
    """Have S3 copy an output, which takes its time."""
    source = {"Bucket": worker.run.bucket, "Key": piece.key}
    answer = worker.run.s3.upload_part_copy(**upload, PartNumber=number, CopySource=source)
    worker.clients.sleep(piece.size / worker.cloud.rates.copied)
    return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}


def _upload_tail(
    worker: Worker, upload: Mapping[str, str], number: int, size: int
) -> list[dict[str, Any]]:
    """Send so many bytes as the parts behind part `number`."""

    def send(index: int) -> dict[str, Any]:
        body = Opaque(min(joining.TAIL_PART, size - index * joining.TAIL_PART))
        worker.me.machine.transfer(body.size)
        worker.me.settle()
        part = {"PartNumber": number + 1 + index}
        answer = worker.run.s3.upload_part(**upload, **part, Body=body)
        return {**part, "ETag": answer["ETag"]}

    count = -(-size // joining.TAIL_PART)
    return list(worker.clients.executor(joining.UPLOADS_AHEAD).map(send, range(count)))
