"""How steps are cut: on tables, and that every plan fits and ends."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import JobError, UsageError
from shuffle import plan
from shuffle.estimate import Outputs, is_join
from shuffle.plan import Wish, check_wish, plan_step
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
        (10_000, 300_000, [Grid(8), Grid()]),  # many small outputs: a tree
        (1980, 20e9, [Grid(32, 8), Grid(1, 256), Grid()]),  # two levels, then joined
    ],
)
def test_the_shape_follows_from_the_outputs(mappers, size, expected) -> None:
    assert steps(mappers, size) == expected


@pytest.mark.parametrize(
    ("ranges", "size", "expected"),
    [
        (64, 60e6, Grid()),  # goes through one function in no time
        (64, 900e6, Grid()),  # of 14 MB each: copied
        (256, 900e6, Grid(1, 64)),  # of 3.5 MB each: larger ones first
        (256, 8e9, Grid()),  # stays in its parts
    ],
)
def test_outputs_that_s3_would_not_copy_are_made_larger_first(ranges, size, expected) -> None:
    grid = plan_step(3, Outputs(Grid(1, ranges), size), MEMORY, PLANNED)
    assert grid == expected
    assert plan_step(4, Outputs(Grid(1, ranges), size), MEMORY, PLANNED) == Grid()
    assert plan_step(3, Outputs(Grid(1, ranges), size), MEMORY, Wish(reducers=ranges)) == Grid()


def test_a_goal_takes_more_reducers_for_time_and_fewer_for_money() -> None:
    outputs = Outputs(Grid(100), 3e9)
    found = {goal: plan_step(1, outputs, MEMORY, Wish(goal=goal)).count for goal in plan.WORTH}
    assert found["cheapest"] < found[""] < found["fastest"]


def test_an_account_of_few_functions_gets_no_more_reducers_than_it_runs() -> None:
    outputs = Outputs(Grid(100), 500e6)
    assert plan_step(1, outputs, MEMORY, Wish(goal="fastest", at_once=10)).count <= 10
    assert plan_step(1, outputs, MEMORY, Wish(goal="fastest")).count > 10


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
        if not is_join(before, grid):
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
