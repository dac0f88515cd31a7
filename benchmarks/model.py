"""What a job would take on AWS, computed from measured rates; pure.

In: the bytes of the input, the bytes of a split, and rates. Out: seconds and dollars. A model, not
a measurement: every number it rests on is a field of `Rates`, written down in the page.
"""

from __future__ import annotations

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Rates:
    """`kernel` and `merge` are measured here on one core; the rest is assumed.

    `kernel`: bytes/s of the mapper's loop on a whole core; `merge`: pairs/s of the reducer;
    `download`: bytes/s of one function from S3; `cpu`: cores of a function of `memory` MB;
    `cold`: seconds of a first start; `starts`: invocations a second; `event`: seconds from an
    output to the coordinator; `groups`: pairs in a full output, `pair_bytes` each; `row_bytes`:
    a row of the input; `gb_second`, `request`, `put`, `get`: dollars.
    """

    kernel: float
    merge: float
    download: float = 70e6
    memory: int = 1536
    cold: float = 0.6
    starts: float = 500.0
    event: float = 0.5
    groups: int = 2_000_000
    pair_bytes: int = 28
    row_bytes: int = 164
    gb_second: float = 0.0000166667
    request: float = 0.20e-6
    put: float = 0.005e-3
    get: float = 0.0004e-3
    concurrency: int = 1000

    @property
    def cpu(self) -> float:
        return min(1.0, self.memory / 1769)


@dataclasses.dataclass(frozen=True)
class Estimate:
    """One job: its mappers and reducers, seconds to the answer, dollars."""

    mappers: int
    reducers: int
    seconds: float
    dollars: float


def estimate(size: int, split: int, rates: Rates) -> Estimate:
    """A job of `size` input bytes in splits of `split` bytes."""
    mappers = math.ceil(size / split)
    compute = split / (rates.kernel * rates.cpu)
    mapper_seconds = max(compute, split / rates.download)
    waves = math.ceil(mappers / rates.concurrency)
    seconds = mappers / rates.starts + rates.cold + waves * mapper_seconds
    busy = mappers * mapper_seconds
    pairs = min(rates.groups, split // rates.row_bytes)
    outputs, reducers = mappers, 0
    while outputs > 1:
        fan_in = max(2, int(0.6 * rates.memory * 1e6 / (pairs * rates.pair_bytes)))
        batches = math.ceil(outputs / fan_in)
        merged = min(fan_in, outputs) * pairs
        step = merged / (rates.merge * rates.cpu) + rates.cold + rates.event
        seconds += step
        busy += batches * step
        reducers += batches
        outputs, pairs = batches, min(rates.groups, merged)
    calls = mappers * 2 + reducers * 2
    dollars = busy * rates.memory / 1024 * rates.gb_second + calls * rates.request
    dollars += (mappers + reducers) * rates.put + (mappers + reducers * 2 + mappers) * rates.get
    return Estimate(mappers, reducers, seconds, dollars)
