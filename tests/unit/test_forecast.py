"""What a plan is expected to take, and what a dry run says of it."""

from __future__ import annotations

import pytest

from local.simulated import presets
from local.simulated.groups import addresses
from running import outlook
from running.costs import Prices, total
from running.outlook import Outlook
from running.planning import Plan
from shuffle import rates
from shuffle.plan import Wish
from views.forecast import Forecast

ANY = Wish()


def plan(*sizes: int) -> Plan:
    batches = [[f"key-{number}"] for number in range(len(sizes))]
    return Plan(batches, list(sizes), len(sizes), sum(sizes))


def of(*sizes: int, at_once: int = 1000, wish: Wish = ANY) -> Outlook:
    return outlook.outlook(plan(*sizes), at_once, wish, Prices())


def forecast(*sizes: int) -> Forecast:
    return Forecast(plan(*sizes), of(*sizes), Prices().date)


@pytest.mark.parametrize(
    ("mappers", "size", "wish", "steps"),
    [
        (1, 10e6, ANY, [1]),
        (29, 26e9, ANY, [32, 1]),  # more than one reducer's memory: ranges of keys, then joined
        (29, 100e6, ANY, [1]),
        (1010, 126.8e9, ANY, [128, 64, 1]),  # two levels
        (5, 0, ANY, [1]),
        (29, 100e6, Wish(reducers=4, fan_in=10), [12, 4, 1]),  # what was asked for
    ],
)
def test_steps_follow_from_the_input(mappers, size, wish, steps) -> None:
    found = outlook.expected_steps(mappers, size, wish)
    assert [grid.count for grid, _ in found] == steps


@pytest.mark.parametrize("size", [1e6, 16e6, 64e6, 126e6, 512e6, 1e9, 25.4e9, 126.8e9])
def test_an_output_has_the_groups_that_are_among_its_rows(size) -> None:
    expected = addresses(presets.QUERIES["2A"]).among(size / presets.ROW_BYTES)
    assert outlook.output_pairs(size) == pytest.approx(expected, rel=0.06)


def test_mappers_beyond_the_concurrency_come_after_the_others() -> None:
    size = 300_000_000
    at_once, in_two_waves = of(*[size] * 4, at_once=4), of(*[size] * 4, at_once=2)
    later = in_two_waves.seconds - at_once.seconds
    assert later == pytest.approx(outlook.mapper_seconds(size), rel=0.02)


@pytest.mark.parametrize(
    ("size", "seconds"),
    [
        (0, 0.0),
        # 0.87 of a core sums 118 MB/s and writes 738,000 pairs a second
        (117_734_000, 1.0 + 284_000 / 738_000),
        # past its burst the network gives 75 MB/s, less than is summed
        (1_050_000_000, 300 / 1300 + 10 + 914_000 / 738_000),
    ],
)
def test_a_mapper_takes_what_its_core_and_its_network_take(size, seconds) -> None:
    assert outlook.mapper_seconds(size) == pytest.approx(seconds, rel=0.01)


def test_a_coordinator_takes_longer_the_less_memory_it_has() -> None:
    """Against a job of 1,010 mappers in the simulator: 0.93, 0.27 and 0.18 s a call."""
    found = [rates.coordinator_seconds(memory) for memory in (128, 512, 1024)]
    assert found == pytest.approx([0.93, 0.27, 0.18], rel=0.15)


def test_a_plan_costs_its_seconds_and_its_requests() -> None:
    found = of(30_000_000)
    assert [grid.count for grid in found.grids] == [1]
    assert [item.what for item in found.items] == [
        "mapper", "coordinator", "reducer", "Lambda calls", "S3 writes and lists", "S3 reads",
    ]  # fmt: skip
    mapper, coordinator = found.items[:2]
    seconds = rates.COLD_SECONDS + outlook.mapper_seconds(30_000_000)
    assert mapper.quantity == pytest.approx(1.5 * seconds)  # of 1536 MB
    assert coordinator.quantity == pytest.approx(2 * rates.coordinator_seconds(1024))  # 2 calls
    assert found.dollars == total(found.items)
    assert forecast(30_000_000).to_json()["cost"]["dollars"] == pytest.approx(found.dollars)


def test_a_plan_in_words() -> None:
    lines = forecast(30_000_000, 60_000_000).lines()
    assert lines[0] == "2 mappers of 30,000,000 to 60,000,000 bytes"
    assert lines[1] == "about 1 reducer in 1 step (1)"
    assert lines[3].startswith("estimated cost $0.00")
    assert lines[-1].startswith(
        "assumed: the standard library, 136 MB/s a core; 2.1 million groups"
    )


def test_an_empty_input_object_needs_no_time() -> None:
    starts = rates.PREPARE_SECONDS + 2 * rates.START_SECONDS  # the mapper's, and the reducer's
    assert of(0).seconds == pytest.approx(starts, rel=0.01)
