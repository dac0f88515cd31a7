"""The mapper and the reducer, of which only the time is simulated: what they read, how long they
compute, what they write.

In: their events, as the driver and the coordinator send them. Out: their requests, and outputs
that are counted pairs. Events, runs and failures are the project's own (state/); what is repeated
here of mapper.py, reducer.py and shuffle/ is which requests they make, and how many at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws import s3json
from inputs.reading import SOURCES_AHEAD, TAIL_BYTES
from local.simulated import joins
from local.simulated.cloud import Cloud, SimulatedClients
from local.simulated.functions import Invocation, OutOfMemory
from local.simulated.work import Pairs, Query, Worker
from shuffle import pace, partition
from state.failures import failure_record
from state.keys import JobKeys
from state.outputs import Counts
from state.runs import OtherRun, Run
from state.tasks import Input, MapperEvent, ReducerEvent


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
        work = joins.join if task.join else merge
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

    begin = worker.clients.clock()

    def read(index: int) -> Pairs:
        due = begin + pace.not_before(task, index)
        worker.clients.sleep(max(0.0, due - worker.clients.clock()))
        return _read_pairs(worker, task, index)

    at_once = pace.at_once(task)
    parts = list(worker.clients.executor(at_once).map(read, range(len(task.keys))))
    worker.me.settle()
    merged = worker.query.output(sum(part.rows for part in parts), parts[0].share)
    _fit(worker, merged, at_once * max(part.size for part in parts))
    read_pairs, size = sum(part.count for part in parts), sum(map(len, parts))
    counts = worker.counts(read_pairs, merged.count, size)
    keys = JobKeys(task.job_id)
    key = keys.reducer_output(task.step, task.reducer_id) if task.reducer_count > 1 else keys.result
    worker.write(key, merged, counts)
    return counts


def _read_pairs(worker: Worker, task: ReducerEvent, index: int) -> Pairs:
    """What a reducer takes of an output: all, or the pairs of its buckets, whose place it guesses
    by the size; some guesses fail, and cost a second request.
    """
    rates, where = worker.cloud.rates, {"Bucket": task.bucket, "Key": task.keys[index]}
    if task.takes_all:
        pairs: Pairs = worker.clients.s3.get_object(**where)["Body"]
        worker.take(pairs.size, pairs.count / rates.merge)
        return pairs
    start, stop = partition.guess(task.sizes[index], *task.buckets)
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
