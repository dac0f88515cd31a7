"""How steps are cut: on tables, and that every plan fits and ends."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import JobError, UsageError
from shuffle import plan
from shuffle.plan import Outputs, Wish, check_wish, plan_step
from state.grid import Grid

MEMORY = 1536
PLANNED = Wish()


def steps(mappers: int, size: float, wish: Wish = PLANNED, memory: int = MEMORY) -> list[Grid]:
    """All steps of a job whose outputs never shrink."""
    outputs, found = Outputs(Grid(mappers), size), []
    while not found or found[-1].count > 1:
        found.append(plan_step(len(found) + 1, outputs, memory, wish))
        outputs = dataclasses.replace(outputs, grid=found[-1])
    return found


@pytest.mark.parametrize(
    ("mappers", "size", "expected"),
    [
        (1, 1e3, [Grid()]),
        (29, 30e6, [Grid()]),  # a small job is one step
        (30, 1.8e9, [Grid(1, 64), Grid()]),  # partitioned, then joined
        (10_000, 300_000, [Grid(4), Grid()]),  # many small outputs: a tree
        (1980, 20e9, [Grid(32, 8), Grid(1, 256), Grid()]),  # two levels, then joined
    ],
)
def test_the_shape_follows_from_the_outputs(mappers, size, expected) -> None:
    assert steps(mappers, size) == expected


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (Wish(fan_in=2), [Grid(3), Grid(2), Grid()]),
        (Wish(fan_in=5), [Grid()]),
        (Wish(reducers=3), [Grid(1, 3), Grid()]),
        (Wish(reducers=1), [Grid()]),
        (Wish(reducers=4, fan_in=3), [Grid(2, 4), Grid(1, 4), Grid()]),
    ],
)
def test_a_shape_can_be_forced(wish: Wish, expected: list[Grid]) -> None:
    assert steps(5, 1e6, wish) == expected


@given(
    mappers=st.integers(1, 50_000),
    size=st.floats(1, 4e10),
    memory=st.sampled_from([512, 1536, 3008, 10240]),
)
def test_a_plan_fits_its_reducers_and_ends_within_four_steps(mappers, size, memory) -> None:
    try:
        found = steps(mappers, size, memory=memory)
    except JobError as error:
        assert "more memory" in str(error)
        return
    assert len(found) <= plan.MOST_STEPS
    before = Grid(mappers)
    for grid in found:
        if not plan.is_join(before):
            share = size / grid.count * plan.MEMORY_PER_BYTE + plan.MEMORY_SPARE
            assert share <= memory * 1e6
        assert grid.count <= plan.MOST_REDUCERS
        assert all(len(grid.inputs(number, before)) for number in range(1, grid.count + 1))
        before = grid


@given(
    mappers=st.integers(1, 4096), reducers=st.integers(0, 256), fan_in=st.sampled_from([0, 2, 3, 9])
)
def test_a_forced_shape_ends_within_twelve_steps_and_the_join(mappers, reducers, fan_in) -> None:
    wish = Wish(reducers, fan_in)
    check_wish(mappers, wish)
    assert len(steps(mappers, 1e6, wish)) <= plan.MOST_FORCED_STEPS + 1


def test_a_shape_that_cannot_end_is_refused_before_anything_starts() -> None:
    with pytest.raises(UsageError, match="take 13 steps, more than the 12"):
        check_wish(5000, Wish(fan_in=2))
    with pytest.raises(UsageError, match="300 reducers are more than the 256"):
        check_wish(1, Wish(reducers=300))


def test_what_fits_no_reducer_is_refused_with_the_remedy() -> None:
    with pytest.raises(JobError, match="do not fit 256 reducers of 1536 MB"):
        steps(100, 1e12)
