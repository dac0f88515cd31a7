"""The mapper and the reducer, of which only the time is simulated: what they read, how long they
compute, what they write.

In: their events, as the driver and the coordinator send them. Out: their requests, and outputs
that are counted pairs. The forms of events and outputs are the project's own (state/).
"""

from __future__ import annotations

import dataclasses

from aws import s3json
from inputs.reading import SOURCES_AHEAD, TAIL_BYTES
from local.simulated.cloud import Cloud, SimulatedClients
from local.simulated.functions import Invocation, OutOfMemory
from local.simulated.groups import Groups
from reducer import OUTPUTS_AHEAD
from state.failures import failure_record
from state.keys import JobKeys
from state.outputs import output_metadata
from state.tasks import MapperEvent, Range, ReducerEvent


@dataclasses.dataclass(frozen=True)
class Query:
    """What is computed: bytes of a row, its groups, bytes of a pair in an output."""

    groups: Groups
    row_bytes: float
    pair_bytes: float

    def output(self, rows: float) -> Pairs:
        """What comes of so many rows."""
        count = round(self.groups.among(rows))
        return Pairs(round(count * self.pair_bytes) + 2, rows, count)


@dataclasses.dataclass(frozen=True)
class Pairs:
    """The contents of an output: its bytes, the rows of input behind it, its pairs."""

    size: int
    rows: float
    count: int

    def __len__(self) -> int:
        return self.size


class Workers:
    """The bodies of the two functions, for one query on one account."""

    def __init__(self, cloud: Cloud, query: Query) -> None:
        self._cloud = cloud
        self._rates = cloud.rates
        self._query = query

    def map(self, me: Invocation) -> list[float]:
        """Read a batch and write an output; the answer is the mapper's."""
        task = MapperEvent.from_json(me.payload)
        clients = SimulatedClients(self._cloud, me)
        name = f"mapper/{task.mapper_id}"
        with failure_record(clients.s3, task.job_bucket, task.job_id, name, me.request_id):
            return self._map(me, clients, task)

    def _map(self, me: Invocation, clients: SimulatedClients, task: MapperEvent) -> list[float]:
        start = clients.clock()

        def read(source: tuple[str, Range | None]) -> int:
            size = self._read_input(clients, task.bucket, *source)
            me.machine.transfer(size)
            me.machine.compute(size / self._rates.kernel + size / self._rates.receive)
            return size

        with clients.executor(SOURCES_AHEAD) as threads:
            size = sum(threads.map(read, list(zip(task.keys, task.ranges, strict=True))))
        me.settle()
        output = self._query.output(size / self._query.row_bytes)
        key = JobKeys(task.job_id).mapper_output(task.mapper_id)
        lines = round(output.rows)
        self._write(clients, me, task.job_bucket, key, output, lines, size, start)
        return [len(task.keys), lines, clients.clock() - start, 0]

    def _read_input(
        self, clients: SimulatedClients, bucket: str, key: str, part: Range | None
    ) -> int:
        """One request for an object, or for a range and the rest of its last line."""
        where = {"Bucket": bucket, "Key": key}
        if part is None:
            return int(clients.s3.get_object(**where)["ContentLength"])
        asked = f"bytes={max(0, part.start - 1)}-{part.end + TAIL_BYTES - 1}"
        clients.s3.get_object(**where, Range=asked, IfMatch=part.etag)
        return part.end - part.start

    def reduce(self, me: Invocation) -> list[float]:
        """Merge a batch of outputs and write one; the answer is the reducer's."""
        task = ReducerEvent.from_json(me.payload)
        clients = SimulatedClients(self._cloud, me)
        name = f"reducer/{task.step}/{task.reducer_id}"
        with failure_record(clients.s3, task.job_bucket, task.job_id, name, me.request_id):
            return self._reduce(me, clients, task)

    def _reduce(self, me: Invocation, clients: SimulatedClients, task: ReducerEvent) -> list[float]:
        start = clients.clock()

        def read(key: str) -> Pairs:
            pairs: Pairs = clients.s3.get_object(Bucket=task.bucket, Key=key)["Body"]
            me.machine.transfer(pairs.size)
            me.machine.compute(pairs.size / self._rates.receive + pairs.count / self._rates.merge)
            return pairs

        with clients.executor(OUTPUTS_AHEAD) as threads:
            outputs = list(threads.map(read, task.keys))
        me.settle()
        merged = self._query.output(sum(output.rows for output in outputs))
        self._fit(me, merged, max(outputs, key=len))
        keys = JobKeys(task.job_id)
        last = task.reducer_count == 1
        key = keys.result if last else keys.reducer_output(task.step, task.reducer_id)
        lines, size = sum(output.count for output in outputs), sum(map(len, outputs))
        self._write(clients, me, task.job_bucket, key, merged, lines, size, start)
        if last:
            s3json.write_json(clients.s3, task.job_bucket, keys.done, {"result": keys.result})
        return [len(task.keys), lines, clients.clock() - start]

    def _fit(self, me: Invocation, merged: Pairs, largest: Pairs) -> None:
        """OutOfMemory where the merged groups, one more output and the JSON do not fit."""
        rates = self._rates
        needed = rates.base_memory + rates.pair_memory * merged.count + 2 * largest.size
        assert me.function is not None
        if needed > me.function.memory * 2**20:
            raise OutOfMemory(f"{needed / 2**20:,.0f} MB of {me.function.memory} are needed")

    def _write(
        self,
        clients: SimulatedClients,
        me: Invocation,
        bucket: str,
        key: str,
        output: Pairs,
        lines: int,
        read: int,
        start: float,
    ) -> None:
        """Write an output with its metadata, as the functions do."""
        seconds = clients.clock() - start
        me.machine.compute(output.count / self._rates.encode)
        me.settle()
        me.machine.transfer(output.size)
        me.settle()
        metadata = output_metadata(lines, seconds, groups=output.count, input_bytes=read)
        metadata["starttime"] = f"{start:.3f}"
        clients.s3.put_object(Bucket=bucket, Key=key, Body=output, Metadata=metadata)
