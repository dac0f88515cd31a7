"""What one environment of a function runs on: a share of a core, and a network.

In: seconds of a whole core, and bytes. Out: how long that takes here. Requests go before other
computing, as threads that share a core let them; a network is fast until its burst is used up.
"""

from __future__ import annotations

from local.simulated.clock import Clock
from local.simulated.rates import Rates


class Machine:
    """`cores` is its share; what it does takes `slowness` times as long as on the others."""

    def __init__(self, clock: Clock, rates: Rates, cores: float, slowness: float = 1.0) -> None:
        self.clients: set[str] = set()
        """The services that there is a client of: making one is work."""
        self._clock = clock
        self._rates = rates
        self._factor = slowness / cores
        self._slowness = slowness
        self._requests_end = self._computing_end = self._network_end = clock.now
        self._burst = rates.burst_bytes
        self._burst_at = clock.now

    def handle(self, core_seconds: float) -> float:
        """Computing for a request, behind that of others. Returns the seconds until it is done."""
        now, seconds = self._clock.now, core_seconds * self._factor
        self._requests_end = max(now, self._requests_end) + seconds
        self._computing_end = max(now, self._computing_end) + seconds
        return self._requests_end - now

    def compute(self, core_seconds: float) -> None:
        """Other computing, which `left` tells the end of."""
        self._computing_end = max(self._clock.now, self._computing_end)
        self._computing_end += core_seconds * self._factor

    def transfer(self, size: float) -> None:
        """Bytes received or sent, behind those of others."""
        now = self._clock.now
        refilled = (now - self._burst_at) * self._rates.base_rate
        self._burst = min(self._rates.burst_bytes, self._burst + refilled)
        self._burst_at = now
        fast = min(size, self._burst)
        self._burst -= fast
        seconds = fast / self._rates.burst_rate + (size - fast) / self._rates.base_rate
        self._network_end = max(now, self._network_end) + seconds * self._slowness

    @property
    def left(self) -> float:
        """Seconds until all computing and all transfers are done."""
        return max(self._computing_end, self._network_end, self._clock.now) - self._clock.now
