"""Every number a simulation rests on: how long things take on AWS, and what this machine computes.

In: nothing, or a JSON file of rates that were measured elsewhere. Out: `Rates`. Times are in
seconds, sizes in bytes, rates a second and, where they are of computing, of one whole core.
"""

from __future__ import annotations

import dataclasses
import json
import math
import random
from pathlib import Path
from typing import Any

from errors import UsageError
from shuffle import rates

P99 = 2.326
"""Standard deviations from the median of a normal distribution to its 99th percentile."""


@dataclasses.dataclass(frozen=True)
class Spread:
    """Times that are log-normal, by their median and their 99th percentile."""

    median: float
    p99: float

    def draw(self, numbers: random.Random) -> float:
        """One of them."""
        if self.p99 <= self.median:
            return self.median
        sigma = math.log(self.p99 / self.median) / P99
        return self.median * math.exp(numbers.gauss(0, sigma))


@dataclasses.dataclass(frozen=True)
class Rates:
    """Of S3: `get` to `multipart` are the times to a request's answer, without its body;
    `gets` and `puts` are requests a second and bucket, beyond which S3 answers 503.

    Of a function: `burst_bytes` at `burst_rate`, then `base_rate`, are its network; `whole_core`
    the MB of memory that give it a core; `cold` and `warm` are what starting it takes; `accept` is
    the answer to an asynchronous invocation or the way of a synchronous one, `queued` how long the
    former waits at least; `event` is from S3's write to the queue. `concurrency` functions run at
    once, `scale_burst` new environments of each start at once and `scale` more a second.
    `straggler_share` of the environments are `straggler_factor` times as slow, the others vary by
    `speed`. S3 sends `twice` of its events twice and loses `lost` of them, and copies a part of
    an upload at `copied`. `wrong_guesses` of the places of a reducer's buckets are not where its
    guess is.

    Of computing, on one core: `client` are the seconds of a function's first client of AWS,
    `next_client` of a further one, `request` and `listed` of one request and of one listed key,
    `receive` the bytes taken from the network, `kernel` the bytes that a mapper sums,
    `encode` and `merge` the pairs that are written, and that are read and merged. `base_memory`
    and `pair_memory` are the bytes of an empty function, and of a merged group.
    """

    # S3, measured by others in 2024-25: docs/architecture.md names them
    get: Spread = Spread(0.018, 0.082)
    head: Spread = Spread(0.018, 0.082)
    put: Spread = Spread(0.037, 0.115)
    copy: Spread = Spread(0.037, 0.115)
    delete: Spread = Spread(0.02, 0.09)
    list: Spread = Spread(0.035, 0.12)
    multipart: Spread = Spread(0.037, 0.115)
    gets: float = rates.GETS_A_SECOND
    puts: float = 3500.0
    # Lambda
    burst_bytes: float = rates.BURST_BYTES
    burst_rate: float = rates.BURST_BYTES_A_SECOND
    base_rate: float = rates.NETWORK_BYTES_A_SECOND
    whole_core: float = rates.VCPU_MB
    cold: Spread = Spread(rates.COLD_SECONDS, 2 * rates.COLD_SECONDS)
    warm: Spread = Spread(0.006, 0.04)
    accept: Spread = Spread(0.02, 0.1)
    queued: Spread = Spread(0.03, 0.3)
    event: Spread = Spread(0.3, 1.5)
    concurrency: int = 1000
    scale_burst: float = 1000.0
    scale: float = 100.0
    straggler_share: float = rates.SLOW_SHARE
    straggler_factor: float = rates.SLOW_FACTOR
    speed: float = 0.05
    twice: float = 0.0005
    lost: float = 0.0
    wrong_guesses: float = 0.03
    copied: float = 200e6
    # Computing, measured on the machine of docs/benchmarks.md
    client: float = 0.10
    next_client: float = 0.013
    request: float = rates.REQUEST_SECONDS
    listed: float = 0.0000055
    receive: float = 800e6
    kernel: float = rates.KERNEL_BYTES_A_SECOND
    encode: float = rates.ENCODED_PAIRS_A_SECOND
    merge: float = rates.MERGED_PAIRS_A_SECOND
    base_memory: float = 80e6
    pair_memory: float = 300.0

    @classmethod
    def from_json(cls, value: Any, where: str) -> Rates:
        """Read rates, of which any may be left out. UsageError with what is wrong in them."""
        if not isinstance(value, dict):
            raise UsageError(f"{where}: not a JSON object but {type(value).__name__}")
        known = {field.name: field.default for field in dataclasses.fields(cls)}
        if unknown := sorted(value.keys() - known.keys()):
            raise UsageError(
                f"{where}: {', '.join(unknown)}: no such rate; there are {', '.join(known)}"
            )
        return cls(**{name: _read(name, rate, known[name], where) for name, rate in value.items()})

    def to_json(self) -> dict[str, Any]:
        """The form that `from_json` reads: a spread is [median, 99th percentile]."""
        return {
            name: [rate["median"], rate["p99"]] if isinstance(rate, dict) else rate
            for name, rate in dataclasses.asdict(self).items()
        }


def _read(name: str, rate: Any, default: Any, where: str) -> Any:
    wanted = rate if isinstance(default, Spread) else [rate]
    good = isinstance(wanted, list) and all(
        isinstance(part, int | float) and not isinstance(part, bool) and part >= 0
        for part in wanted
    )
    if isinstance(default, Spread):
        if not good or len(wanted) != 2:
            raise UsageError(
                f"{where}: {name} is {rate!r}, not [median, 99th percentile] in seconds"
            )
        return Spread(*wanted)
    if not good:
        raise UsageError(f"{where}: {name} is {rate!r}, not a number from 0")
    return rate


def read_rates(path: str | None) -> Rates:
    """The rates of a file, or the defaults. UsageError where the file cannot be used."""
    if path is None:
        return Rates()
    try:
        return Rates.from_json(json.loads(Path(path).read_text(encoding="utf-8")), path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path} is not JSON: {error}") from error


class Allowance:
    """So many a second, and a burst of them at once: a bucket of tokens."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._then = now

    def take(self, now: float) -> bool:
        """Whether there is one left now; it is used then."""
        self._left = min(self._burst, self._left + (now - self._then) * self._rate)
        self._then = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
