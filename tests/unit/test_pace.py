"""How fast reducers download: on a table."""

from __future__ import annotations

import pytest

from shuffle import pace, rates
from state.tasks import ReducerEvent


def reducer(outputs: int, reducers: int, size: int = 0, ranges: int = 1) -> ReducerEvent:
    """One of so many reducers, which takes a range of each of its outputs."""
    buckets = (0, 256 // ranges)
    keys = [str(number) for number in range(outputs)]
    return ReducerEvent("b", keys, "b", "j", reducers, 1, 1, "", buckets, [size] * outputs)


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (reducer(400, 64, 1_600_000, 64), 32),  # small reads: S3's answer is what takes long
        (reducer(30, 1, 4_000_000), 8),  # as many as fit
        (reducer(30, 1, 60_000_000), 3),  # but never one after the other
        (reducer(30, 1), 3),  # sizes that are not known
    ],
)
def test_many_small_outputs_or_a_few_large_ones_are_downloaded_at_once(task, expected) -> None:
    assert pace.at_once(task) == expected


def test_a_step_that_s3_serves_at_once_does_not_wait() -> None:
    assert pace.not_before(reducer(80, 64), 79) == 0


@pytest.mark.parametrize(("outputs", "reducers"), [(400, 64), (1000, 32), (50, 256)])
def test_all_reducers_together_ask_for_no_more_than_s3_gives(outputs, reducers) -> None:
    task = reducer(outputs, reducers)
    due = [pace.not_before(task, index) for index in range(outputs)]
    assert due == sorted(due)
    for second in range(int(due[-1])):
        asked = sum(second <= one < second + 1 for one in due) * reducers
        assert asked <= rates.GETS_A_SECOND + reducers
    assert due[-1] == pytest.approx(outputs * reducers / rates.GETS_A_SECOND, abs=0.1)
