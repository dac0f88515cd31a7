"""One invocation of a mapper or a reducer at work, and what its outputs consist of: counted pairs.

In: bytes and core seconds. Out: their time on the invocation's machine; outputs in S3.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from aws import s3json
from local.simulated.cloud import Cloud, SimulatedClients
from local.simulated.functions import Invocation
from local.simulated.groups import Groups
from state.outputs import Counts
from state.runs import RUN, Run


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
