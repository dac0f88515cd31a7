"""How a goal is met: which split size makes a run the fastest, or the cheapest; pure.

In: the input's listing, the request, how many functions run at once, prices. Out: the alternatives,
each with its plan and its outlook, and which of them is taken. How the reduce steps are cut is for
the coordinator to choose, once it knows the outputs; it weighs seconds and dollars as is done here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from aws.s3objects import S3Object
from running.costs import Prices
from running.outlook import Outlook, outlook
from running.planning import MAX_SPLITS, plan_batches
from running.request import JobRequest
from shuffle.plan import Wish

LEAST_SPLIT = 16_000_000
"""Bytes a mapper: with less, its start takes longer than its work."""

SIZES = 7
"""How many split sizes are weighed, each twice as large as the one before."""


@dataclasses.dataclass(frozen=True)
class Alternative:
    """One way to cut the input: bytes a mapper, and what comes of it."""

    split_size: int
    outlook: Outlook


@dataclasses.dataclass(frozen=True)
class Weighed:
    """The alternatives of a goal, of at most `at_once` functions at once, and the one taken."""

    goal: str
    at_once: int
    alternatives: Sequence[Alternative]
    taken: Alternative


def weigh(listed: Sequence[S3Object], request: JobRequest, account: int, prices: Prices) -> Weighed:
    """Weigh the split sizes for the request's goal, in an account that runs `account` functions at
    once. UsageError as plan_batches raises it.
    """
    wish = Wish(request.reducers, request.fan_in, request.goal, account)
    mappers = account if request.is_async else min(account, request.concurrency)
    found: dict[int, Alternative] = {}
    for size in split_sizes(sum(item.size for item in listed)):
        plan = plan_batches(listed, dataclasses.replace(request, split_size=size, endearly=None))
        alternative = Alternative(size, outlook(plan, mappers, wish, prices))
        found.setdefault(alternative.outlook.mappers, alternative)
    taken = min(found.values(), key=lambda one: one.outlook.value(wish.second_dollars))
    return Weighed(request.goal, account, tuple(found.values()), taken)


def split_sizes(size: int) -> list[int]:
    """The split sizes for so many bytes of input, in ascending order."""
    least = LEAST_SPLIT
    while size / least > MAX_SPLITS / 2:
        least *= 2
    return [least << power for power in range(SIZES)]
