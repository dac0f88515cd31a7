"""What is chosen for a goal, and what is said of it."""

from __future__ import annotations

import pytest

from aws.s3objects import S3Object
from errors import UsageError
from local.simulated import presets
from local.simulated.job import request_for, simulate
from local.simulated.rates import Rates
from running.costs import Prices
from running.goals import Weighed, split_sizes, weigh
from running.planning import MAX_SPLITS, Plan
from running.request import JobRequest
from views.forecast import Forecast, goal_lines

NODE = [S3Object(f"in/{number}", 125_742_574, "e") for number in range(202)]
"""Query 2's input of 25.4 GB."""


def chosen(goal: str, listed=NODE, account: int = 1000, **options) -> Weighed:
    request = JobRequest(prefix="in/", goal=goal, **{"full_async": True, **options})
    return weigh(listed, request, account, Prices())


def test_the_fastest_takes_less_time_and_the_cheapest_less_money() -> None:
    fastest, cheapest = chosen("fastest"), chosen("cheapest")
    assert fastest.taken.split_size < cheapest.taken.split_size
    assert fastest.taken.outlook.seconds < cheapest.taken.outlook.seconds
    assert fastest.taken.outlook.dollars > cheapest.taken.outlook.dollars
    assert cheapest.taken.outlook.dollars == min(
        one.outlook.dollars for one in cheapest.alternatives
    )


@pytest.mark.parametrize("goal", ["fastest", "cheapest"])
def test_a_small_account_is_given_fewer_and_larger_mappers(goal: str) -> None:
    wide, narrow = chosen(goal), chosen(goal, account=10)
    assert narrow.taken.outlook.mappers <= wide.taken.outlook.mappers
    assert narrow.taken.outlook.seconds > wide.taken.outlook.seconds


def test_a_driver_that_waits_for_each_mapper_has_its_own_limit() -> None:
    waiting = chosen("fastest", full_async=False, concurrency=20).taken.outlook
    assert waiting.seconds > chosen("fastest").taken.outlook.seconds


def test_small_input_is_one_mapper_whatever_is_asked_for() -> None:
    choice = chosen("fastest", [S3Object("in/a", 5_000, "e")])
    assert [one.outlook.mappers for one in choice.alternatives] == [1]


def test_what_is_packed_is_not_cut() -> None:
    packed = [S3Object(f"in/{number}.gz", 400_000_000, "e") for number in range(4)]
    assert {one.outlook.mappers for one in chosen("fastest", packed).alternatives} <= {2, 4}


@pytest.mark.parametrize("size", [0, 10**9, 10**13, 10**16])
def test_no_split_size_makes_too_many_mappers(size: int) -> None:
    assert all(size / one <= MAX_SPLITS / 2 for one in split_sizes(size))


def test_a_goal_without_input_is_refused() -> None:
    with pytest.raises(UsageError, match="there is no object"):
        chosen("fastest", [])


def test_the_alternatives_are_a_table_with_a_mark() -> None:
    choice = chosen("cheapest")
    title, head, *rows = goal_lines(choice)
    assert title.startswith("goal cheapest, with at most 1,000 functions at once: splits of ")
    assert head.split() == ["split", "mappers", "reducers", "seconds", "dollars"]
    assert len(rows) == len(choice.alternatives)
    assert len({len(row) for row in [head, *rows]}) == 1
    (marked,) = (row for row in rows if "*" in row)
    assert f"{choice.taken.outlook.mappers:,}" in marked


def test_programs_get_the_alternatives_too() -> None:
    choice = chosen("fastest")
    plan = Plan([["in/0"]], [1], 1, 1)
    found = Forecast(plan, choice.taken.outlook, "2026-01", choice).to_json()["goal"]
    assert (found["name"], found["functions_at_once"]) == ("fastest", 1000)
    assert found["split_size"] in [one["split_size"] for one in found["alternatives"]]


@pytest.mark.parametrize("goal", ["fastest", "cheapest"])
def test_in_the_simulator_a_goal_is_met_about_as_was_expected(goal: str) -> None:
    layout = presets.layout("2A", "1node")
    default, found = (
        simulate(request_for(full_async=True, goal=one), layout, Rates(), 1) for one in ("", goal)
    )
    assert (default.failure, found.failure) == ("", "")
    if goal == "fastest":
        assert found.seconds < 0.8 * default.seconds
    else:
        assert found.dollars < default.dollars
    expected = chosen(goal).taken.outlook
    assert found.mappers == expected.mappers
    assert found.seconds == pytest.approx(expected.seconds, rel=0.35)
    assert found.dollars == pytest.approx(expected.dollars, rel=0.35)
