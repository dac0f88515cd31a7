"""What things take and cost: measured speeds and AWS's list prices, for the planner of reduce steps
and for the views' forecast and bill.
"""

from __future__ import annotations

VCPU_MB = 1769
"""Memory of a function that has one vCPU."""

MAPPER_BYTES_A_SECOND = 30e6
"""What a mapper of 1536 MB, 0.87 of a CPU, reads and sums in a second: measured, rounded down."""

MERGE_BYTES_A_SECOND = 20e6
"""Bytes of output that one vCPU reads and merges in a second, with the standard library."""

COORDINATOR_SECONDS = 0.2
"""What one call of the coordinator is taken to last: its outputs carry no time of their own."""

START_SECONDS = 1.0
"""From a step's last output to the first read of the next: an event, a claim, a cold start."""

NETWORK_BYTES_A_SECOND = 75e6
GET_SECONDS = 0.025
GETS_AT_ONCE = 32
GETS_A_SECOND = 5500
"""What S3 gives of one prefix before it splits it."""

PRICES_DATE = "2026-01"
X86_GB_SECOND_DOLLARS = 0.0000166667
ARM_GB_SECOND_DOLLARS = 0.0000133334
MILLION_CALLS_DOLLARS = 0.20
THOUSAND_WRITES_DOLLARS = 0.005
"""PUT, COPY, POST and LIST."""
THOUSAND_READS_DOLLARS = 0.0004
"""GET, HEAD and all else; DELETE is free."""
