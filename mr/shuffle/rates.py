"""What things take and cost: measured speeds and AWS's list prices. The planner of reduce steps,
the outlook of a plan, the bill and the simulator, which has more of them, take them from here.
"""

from __future__ import annotations

VCPU_MB = 1769.0
"""Memory of a function that has one vCPU."""

KERNEL_BYTES_A_SECOND = 135.6e6
"""Bytes of input that one vCPU sums in a second, with the standard library."""

ENCODED_PAIRS_A_SECOND = 850e3
MERGED_PAIRS_A_SECOND = 1.07e6
"""Pairs that one vCPU writes, and reads and merges."""

PAIR_BYTES = 28
"""Bytes of a pair, as query 2A has them: a key of 8 characters and a sum."""

MERGE_BYTES_A_SECOND = 25e6
"""Bytes of output that one vCPU reads and merges in a second, with the standard library: its pairs,
rounded down.
"""

REQUEST_SECONDS = 0.0013
"""What one vCPU computes for a request to AWS."""

COORDINATOR_WAITS = 0.07
COORDINATOR_COMPUTES = 0.06
"""Seconds of a call of the coordinator: it waits for S3, and it computes, the latter of a whole
vCPU. What its starts take is in it, spread over a job's calls: docs/simulator.md.
"""

PREPARE_SECONDS = 0.4
"""What a driver does before it starts its first mapper: a dozen requests, one after another."""

START_SECONDS = 1.0
"""From a step's last output to the first read of the next: an event, a claim, a cold start."""

COLD_SECONDS = 0.6
"""What the start of a function's environment takes, and is paid for."""

STARTS_A_SECOND = 400
"""Reducers that a coordinator of 1024 MB starts: an invocation is 1.3 ms of a whole core."""

SLOW_SHARE = 0.005
SLOW_FACTOR = 3.0
"""So many environments are so many times as slow as the others."""

BURST_BYTES = 300e6
BURST_BYTES_A_SECOND = 1.3e9
NETWORK_BYTES_A_SECOND = 75e6
"""A function's network: its first bytes are fast."""

GET_SECONDS = 0.025
GETS_AT_ONCE = 32
GETS_A_SECOND = 5500.0
"""What S3 gives of one prefix before it splits it."""

PRICES_DATE = "2026-01"
X86_GB_SECOND_DOLLARS = 0.0000166667
ARM_GB_SECOND_DOLLARS = 0.0000133334
MILLION_CALLS_DOLLARS = 0.20
THOUSAND_WRITES_DOLLARS = 0.005
"""PUT, COPY, POST and LIST."""
THOUSAND_READS_DOLLARS = 0.0004
"""GET, HEAD and all else; DELETE is free."""


def cores(memory: int) -> float:
    """The share of a vCPU of a function with `memory` MB; code on one thread uses one at most."""
    return min(1.0, memory / VCPU_MB)


def transfer_seconds(size: float) -> float:
    """What so many bytes take on their way into a function, or out."""
    fast = min(size, BURST_BYTES)
    return fast / BURST_BYTES_A_SECOND + (size - fast) / NETWORK_BYTES_A_SECOND


def coordinator_seconds(memory: int) -> float:
    """What a call of a coordinator of `memory` MB is taken to last: its outputs tell no time."""
    return COORDINATOR_WAITS + COORDINATOR_COMPUTES / cores(memory)


def slowest_of(count: int) -> float:
    """How many times as long as one function the slowest of so many takes, on average."""
    return 1 + (SLOW_FACTOR - 1) * (1 - (1 - SLOW_SHARE) ** count)
