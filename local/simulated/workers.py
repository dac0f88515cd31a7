"""The mapper and the reducer, of which only the time is simulated: what they read, how long they
compute, what they write.

In: their events, as the driver and the coordinator send them. Out: their requests, and outputs
that are counted pairs. Events, runs and failures are the project's own (state/); what is repeated
here of mapper.py, reducer.py and shuffle/ is which requests they make, and how many at once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from aws import s3json
from inputs.reading import SOURCES_AHEAD, TAIL_BYTES
from local.simulated.cloud import Cloud, SimulatedClients
from local.simulated.functions import Invocation, OutOfMemory
from local.simulated.groups import Groups
from local.simulated.objects import Opaque
from reducer import AHEAD_BYTES, MOST_AHEAD
from shuffle import joining, partition
from state.failures import failure_record
from state.keys import JobKeys
from state.outputs import Counts
from state.runs import RUN, OtherRun, Run
from state.tasks import Input, MapperEvent, ReducerEvent


@dataclasses.dataclass(frozen=True)
class Pairs:
    """The body of an output: its bytes, its pairs, the rows of input behind it, and which share of
    all keys it is about.
    """

    size: int
    count: int
    rows: float
    share: float = 1.0

    def __len__(self) -> int:
        return self.size

    def part(self, share: float) -> Pairs:
        """Those of its pairs that are of a share of all keys."""
        mine = min(1.0, share / self.share)
        return Pairs(round(self.size * mine), round(self.count * mine), self.rows, share)


@dataclasses.dataclass(frozen=True)
class Query:
    """What is computed: its groups, bytes of a row, bytes of a pair in an output."""

    groups: Groups
    row_bytes: float
    pair_bytes: float

    def output(self, rows: float, share: float = 1.0) -> Pairs:
        """What comes of so many rows, of a share of all keys."""
        count = round(self.groups.among(rows) * share)
        return Pairs(round(count * self.pair_bytes) + 2, count, rows, share)


@dataclasses.dataclass(frozen=True)
class Worker:
    """One invocation of a mapper or a reducer, which works for a run."""

    cloud: Cloud
    query: Query
    me: Invocation
    clients: SimulatedClients
    run: Run
    start: float

    @property
    def seconds(self) -> float:
        return self.clients.clock() - self.start

    def counts(self, lines: int, groups: int, read: int) -> Counts:
        """What it counted until now."""
        return Counts(self.start, self.seconds, lines, groups=groups, input_bytes=read)

    def take(self, size: float, core_seconds: float) -> None:
        """Receive bytes, and compute with them, while others are asked for."""
        self.me.machine.transfer(size)
        self.me.machine.compute(core_seconds + size / self.cloud.rates.receive)

    def write(self, key: str, output: Pairs, counts: Counts) -> None:
        """Write an output of the run, once, as shuffle/pairs.py does."""
        self.me.machine.compute(output.count / self.cloud.rates.encode)
        self.me.settle()
        self.me.machine.transfer(output.size)
        self.me.settle()
        metadata = self.metadata(counts)

        def put(condition: Mapping[str, str]) -> None:
            s3json.write_body(self.run.s3, self.run.bucket, key, output, metadata, condition)

        self.run.write(key, put, self.clients.sleep)

    def metadata(self, counts: Counts) -> dict[str, str]:
        return {**counts.to_metadata(), RUN: self.run.run_id}


class Workers:
    """The bodies of the two functions, for one query on one account."""

    def __init__(self, cloud: Cloud, query: Query) -> None:
        self._cloud = cloud
        self._query = query

    def map(self, me: Invocation) -> list[float]:
        """The mapper."""
        task = MapperEvent.from_json(me.payload)
        return self._carry_out(me, task, lambda worker: map_batch(worker, task), [0, 0, 0.0, 0])

    def reduce(self, me: Invocation) -> list[float]:
        """The reducer."""
        task = ReducerEvent.from_json(me.payload)
        work = join if task.join else merge
        return self._carry_out(me, task, lambda worker: reduce(worker, task, work), [0, 0, 0.0])

    def _carry_out(
        self, me: Invocation, task: Any, work: Callable[[Worker], Any], nothing: list[float]
    ) -> Any:
        """Work for the run that an event belongs to; `nothing` is the answer when it is over."""
        clients = SimulatedClients(self._cloud, me)
        try:
            run = Run.joined(clients.s3, task.job_bucket, task.job_id, task.run_id)
            with failure_record(run, task.name, me.request_id, task.is_async):
                worker = Worker(self._cloud, self._query, me, clients, run, clients.clock())
                return work(worker)
        except OtherRun:
            return nothing


# --------------------------------------------------------------------------- mapping


def map_batch(worker: Worker, task: MapperEvent) -> list[float]:
    """Read a batch and write an output; the answer is mapper.py's."""

    def read(source: Input) -> int:
        size = _read_input(worker, source)
        worker.take(size, size / worker.cloud.rates.kernel)
        return size

    size = sum(worker.clients.executor(SOURCES_AHEAD).map(read, task.inputs))
    worker.me.settle()
    rows = size / worker.query.row_bytes
    output = worker.query.output(rows)
    counts = worker.counts(round(rows), output.count, size)
    worker.write(JobKeys(task.job_id).mapper_output(task.mapper_id), output, counts)
    return [len(task.keys), counts.lines, counts.seconds, 0]


def _read_input(worker: Worker, source: Input) -> int:
    """One request for an object, or for a range and the rest of its last line."""
    where = {"Bucket": source.bucket, "Key": source.key, "IfMatch": source.etag}
    part = source.part
    if part is None:
        return int(worker.clients.s3.get_object(**where)["ContentLength"])
    asked = f"bytes={max(0, part.start - 1)}-{part.end + TAIL_BYTES - 1}"
    worker.clients.s3.get_object(**where, Range=asked)
    return part.end - part.start


# --------------------------------------------------------------------------- reducing


def reduce(
    worker: Worker, task: ReducerEvent, work: Callable[[Worker, ReducerEvent], Counts]
) -> list[float]:
    """Merge or join outputs, and say so where that was the last; the answer is reducer.py's."""
    counts = work(worker, task)
    if task.reducer_count == 1:
        keys = JobKeys(task.job_id)
        marker = {"result": keys.result, "runId": worker.run.run_id}
        s3json.write_json(worker.run.s3, worker.run.bucket, keys.done, marker)
    return [len(task.keys), counts.lines, counts.seconds]


def merge(worker: Worker, task: ReducerEvent) -> Counts:
    """Merge outputs, or the pairs of some buckets of them, and write what comes of it."""

    def read(key: str) -> Pairs:
        return _read_pairs(worker, task, key)

    at_once = _at_once(task)
    parts = list(worker.clients.executor(at_once).map(read, task.keys))
    worker.me.settle()
    merged = worker.query.output(sum(part.rows for part in parts), parts[0].share)
    _fit(worker, merged, at_once * max(part.size for part in parts))
    read_pairs, size = sum(part.count for part in parts), sum(map(len, parts))
    counts = worker.counts(read_pairs, merged.count, size)
    keys = JobKeys(task.job_id)
    key = keys.reducer_output(task.step, task.reducer_id) if task.reducer_count > 1 else keys.result
    worker.write(key, merged, counts)
    return counts


def _at_once(task: ReducerEvent) -> int:
    """How many outputs are downloaded at once, as reducer.py has it."""
    taken = sum(task.sizes) * task.share / len(task.keys)
    return max(3, min(MOST_AHEAD, int(AHEAD_BYTES / taken) if taken else 3))


def _read_pairs(worker: Worker, task: ReducerEvent, key: str) -> Pairs:
    """What a reducer takes of an output: all, or the pairs of its buckets, whose place it guesses
    by the size; some guesses fail, and cost a second request.
    """
    rates, where = worker.cloud.rates, {"Bucket": task.bucket, "Key": key}
    if task.takes_all:
        pairs: Pairs = worker.clients.s3.get_object(**where)["Body"]
        worker.take(pairs.size, pairs.count / rates.merge)
        return pairs
    start, stop = partition.guess(task.sizes[task.keys.index(key)], *task.buckets)
    found = worker.clients.s3.get_object(**where, Range=f"bytes={start}-{stop - 1}")
    if worker.cloud.numbers.random() < rates.wrong_guesses:
        worker.clients.s3.get_object(**where, Range=f"bytes={stop - 1}-{stop - 1}")
    whole: Pairs = found["Body"]
    part = whole.part(task.share)
    worker.take(found["ContentLength"], part.count / rates.merge)
    return part


def _fit(worker: Worker, merged: Pairs, ahead: int) -> None:
    """OutOfMemory where the merged groups and the outputs downloaded ahead do not fit."""
    function, rates = worker.me.function, worker.cloud.rates
    assert function is not None
    needed = rates.base_memory + rates.pair_memory * merged.count + ahead
    if needed > function.memory * 2**20:
        raise OutOfMemory(f"{needed / 2**20:,.0f} MB of {function.memory} are needed")


# --------------------------------------------------------------------------- joining


def join(worker: Worker, task: ReducerEvent) -> Counts:
    """Make outputs without a key in common the answer, as shuffle/joining.py does."""
    s3, bucket = worker.run.s3, worker.run.bucket
    threads = worker.clients.executor(joining.THREADS)

    def look(key: str) -> tuple[str, int, int]:
        head = s3.head_object(Bucket=bucket, Key=key)
        return key, head["ContentLength"], Counts.from_head(head, key).groups or 0

    pieces = [piece for piece in threads.map(look, task.keys) if piece[2]]
    size = sum(size for _, size, _ in pieces)
    groups = sum(count for _, _, count in pieces)
    counts = worker.counts(groups, groups, size)
    result = Opaque(size)
    if size > joining.MOST_JOINED:
        result = Opaque(100 * len(pieces))  # the manifest
    elif size > joining.TAIL_PART or any(one > joining.LEAST_COPIED for _, one, _ in pieces):
        _assemble(worker, pieces, counts)
        return worker.counts(groups, groups, size)
    else:
        list(threads.map(lambda piece: _fetch(worker, *piece[:2]), pieces))
        worker.me.settle()
    metadata = worker.metadata(counts)
    key = JobKeys(task.job_id).result
    worker.run.write(
        key,
        lambda condition: s3json.write_body(s3, bucket, key, result, metadata, condition),
        worker.clients.sleep,
    )
    return counts


def _fetch(worker: Worker, key: str, size: int) -> Opaque:
    """Read the end of an output, of so many bytes."""
    where = {"Bucket": worker.run.bucket, "Key": key}
    worker.run.s3.get_object(**where, Range=f"bytes=-{size}")
    worker.take(size, 0.0)
    return Opaque(size)


def _assemble(worker: Worker, pieces: list[tuple[str, int, int]], counts: Counts) -> None:
    """Copy what is large enough, have the rest come through the function, as one upload."""
    s3, bucket, key = worker.run.s3, worker.run.bucket, JobKeys(worker.run.job_id).result
    threads = worker.clients.executor(joining.THREADS)
    made = s3.create_multipart_upload(Bucket=bucket, Key=key, Metadata=worker.metadata(counts))
    upload = {"Bucket": bucket, "Key": key, "UploadId": made["UploadId"]}
    copied = [piece for piece in pieces if piece[1] > joining.LEAST_COPIED]

    def copy(number: int) -> dict[str, Any]:
        source, size, _ = copied[number - 1]
        answer = s3.upload_part_copy(
            **upload, PartNumber=number, CopySource={"Bucket": bucket, "Key": source}
        )
        worker.clients.sleep(size / worker.cloud.rates.copied)
        return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}

    parts = list(threads.map(copy, range(1, len(copied) + 1)))
    last_pair = round(worker.query.pair_bytes)
    ends = [last_pair if piece in copied else piece[1] for piece in pieces]
    list(threads.map(lambda piece, end: _fetch(worker, piece[0], end), pieces, ends))
    worker.me.settle()
    left, number = sum(ends), len(copied)
    while left > 0:
        number, sent = number + 1, min(left, joining.TAIL_PART)
        worker.me.machine.transfer(sent)
        worker.me.settle()
        answer = s3.upload_part(**upload, PartNumber=number, Body=Opaque(sent))
        parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        left -= sent
    every = {"Parts": parts}
    worker.run.write(
        key,
        lambda how: s3.complete_multipart_upload(**upload, MultipartUpload=every, **how),
        worker.clients.sleep,
    )
