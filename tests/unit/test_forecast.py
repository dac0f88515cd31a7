"""What a dry run expects."""

from __future__ import annotations

import pytest

from running.planning import Plan
from shuffle import rates
from views import forecast
from views.costs import Prices


def plan(*sizes: int) -> Plan:
    batches = [[f"key-{number}"] for number in range(len(sizes))]
    return Plan(batches, list(sizes), len(sizes), sum(sizes))


@pytest.mark.parametrize(
    ("mappers", "output_bytes", "steps"),
    [
        (1, 1e6, [1]),
        (29, 40e6, [64, 1]),  # more than one reducer's memory: 64 ranges of keys, then joined
        (29, 1e6, [1]),
        (1000, 40e6, [256, 256, 1]),  # two levels
        (5, 0, [1]),
        (3, 2e9, [128, 1]),
    ],
)
def test_steps_follow_from_the_size_of_the_outputs(mappers, output_bytes, steps) -> None:
    found = forecast.expected_grids(mappers, output_bytes)
    assert [grid.count for grid in found] == steps


def test_mappers_beyond_the_concurrency_come_after_the_others() -> None:
    sizes = [rates.MAPPER_BYTES_A_SECOND * 10] * 4
    at_once = forecast.forecast(plan(*sizes), 4, Prices()).seconds
    in_two_waves = forecast.forecast(plan(*sizes), 2, Prices()).seconds
    assert in_two_waves - at_once == pytest.approx(10)


def test_a_plan_costs_its_seconds_and_its_requests() -> None:
    found = forecast.forecast(plan(rates.MAPPER_BYTES_A_SECOND), 1, Prices())
    assert found.steps == (1,)
    assert [item.what for item in found.items] == [
        "mapper", "coordinator", "reducer", "Lambda calls", "S3 writes and lists", "S3 reads",
    ]  # fmt: skip
    assert found.items[0].quantity == pytest.approx(1.5)  # 1 s of 1536 MB
    assert found.to_json()["cost"]["dollars"] == pytest.approx(
        sum(item.dollars for item in found.items)
    )


def test_a_plan_in_words() -> None:
    lines = forecast.forecast(plan(30_000_000, 60_000_000), 2, Prices()).lines()
    assert lines[0] == "2 mappers of 30,000,000 to 60,000,000 bytes"
    assert lines[1] == "about 1 reducer in 1 step (1)"
    assert lines[3].startswith("estimated cost $0.00")
    assert lines[-1].startswith("assumed: 30 MB/s a mapper")


def test_an_empty_input_object_needs_no_time() -> None:
    assert forecast.forecast(plan(0), 1, Prices()).seconds == pytest.approx(2 * rates.START_SECONDS)
