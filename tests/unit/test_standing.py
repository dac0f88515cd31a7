"""Where a job stands, and what it costs to find out."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from state.standing import in_key_order, sizes_until_missing, stand
from tests.model import S3, World


@given(count=st.integers(1, 3000))
def test_numbers_come_in_the_order_in_which_s3_lists_them(count: int) -> None:
    assert list(map(str, in_key_order(count))) == sorted(map(str, range(1, count + 1)))


@given(due=st.integers(1, 150), there=st.sets(st.integers(1, 400)))
def test_the_first_that_is_missing_ends_the_reading(due: int, there: set[int]) -> None:
    listed = [(int(text), int(text) * 7) for text in sorted(map(str, there))]
    expected = list(in_key_order(due))
    first = next((number for number in expected if number not in there), None)
    sizes, missing = sizes_until_missing(due, listed)
    assert missing == first
    seen = expected[: expected.index(first)] if first else expected
    assert sizes == {number: number * 7 for number in seen}


class CountingS3(S3):
    """Counts the requests that coordinators make."""

    requests = 0

    def __init__(self, world: World) -> None:
        super().__init__(world)
        call = self._call

        def counted(*request):
            CountingS3.requests += 1
            return call(*request)

        self._call = counted


def requests_of_a_job(mappers: int, seed: int) -> int:
    """S3 requests of all coordinators of a job whose mappers end in random order."""
    world = World(mappers, fan_in=0)
    order = list(range(1, mappers + 1))
    random.Random(seed).shuffle(order)
    CountingS3.requests = 0
    for number in order:
        world.mapper_writes(number)
        found = stand(CountingS3(world), world.job)
        CountingS3.requests += 1  # the coordinator has read the job's record before
    assert found.missing is None
    assert len(found.sizes) == mappers
    return CountingS3.requests


def test_the_requests_of_a_thousand_mappers_hardly_grow_faster_than_the_mappers() -> None:
    assert requests_of_a_job(100, 1) < 260
    assert requests_of_a_job(1000, 2) < 2600
