"""The estimated bill: usage, prices, requests."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from errors import UsageError
from running import costs
from running.costs import FunctionUsage, Item, Prices, S3Usage
from shuffle import rates
from state.grid import Grid
from tests.model import S3, World
from views.words import dollars


@pytest.mark.parametrize(
    ("usage", "gb_seconds", "dollars"),
    [
        (FunctionUsage("mapper", "m", 10, 100.0, 1024), 100.0, 0.00166667),
        (FunctionUsage("mapper", "m", 10, 100.0, 1536), 150.0, 0.002500005),
        (FunctionUsage("coordinator", "c", 1, 8.0, 128), 1.0, 0.0000166667),
        (FunctionUsage("mapper", "m", 10, 100.0, 1024, "arm64"), 100.0, 0.00133334),
        (FunctionUsage("mapper", "m", 0, 0.0, 1024), 0.0, 0.0),
    ],
)
def test_seconds_are_paid_by_memory_and_architecture(usage, gb_seconds, dollars) -> None:
    item = costs.bill([usage], S3Usage(0, 0), Prices())[0]
    assert (item.quantity, item.unit) == (pytest.approx(gb_seconds), "GB-s")
    assert item.dollars == pytest.approx(dollars)


def test_a_bill_has_a_line_for_each_kind_of_thing() -> None:
    used = [
        FunctionUsage("mapper", "m", 1_000_000, 0.0, 1),
        FunctionUsage("reducer", "r", 500_000, 0, 1),
    ]
    items = costs.bill(used, S3Usage(2000, 50_000), Prices())
    assert items[2:] == [
        Item("Lambda calls", 1_500_000, "calls", pytest.approx(0.30)),
        Item("S3 writes and lists", 2000, "requests", pytest.approx(0.01)),
        Item("S3 reads", 50_000, "requests", pytest.approx(0.02)),
    ]
    assert costs.total(items) == pytest.approx(0.33)


class Counted:
    """A client of S3 that counts its calls: lists and writes, or reads; DELETE is free."""

    def __init__(self, s3: S3, found: Counter[str]) -> None:
        self._s3, self._found = s3, found

    def __getattr__(self, name: str) -> Any:
        kind = "writes" if name in ("put_object", "list_objects_v2") else "reads"
        if not name.startswith("delete"):
            self._found[kind] += 1
        return getattr(self._s3, name)


@pytest.mark.parametrize(
    ("mappers", "wish", "grids"),
    [
        (1, {}, [Grid()]),
        (8, {}, [Grid()]),
        (9, {"fan_in": 3}, [Grid(3), Grid()]),
        (9, {"reducers": 4, "fan_in": 99}, [Grid(1, 4), Grid()]),
        (9, {"reducers": 2, "fan_in": 3}, [Grid(3, 2), Grid(1, 2), Grid()]),
    ],
)
def test_the_requests_of_a_job_are_those_that_its_functions_make(
    monkeypatch, mappers: int, wish: dict[str, int], grids: list[Grid]
) -> None:
    world, found = World(mappers, **{"fan_in": 0, **wish}), Counter()
    monkeypatch.setattr("tests.model.S3", lambda *of: Counted(S3(*of), found))
    for number in range(mappers, 0, -1):
        world.mapper_writes(number)
        world.settle()
    assert world.result == world.expected(0)
    driver = costs.S3Usage(1 + 4, 2 + mappers)  # not in the world, nor is the mappers' input
    expected = costs.s3_usage(mappers, mappers, grids)
    assert found["writes"] == expected.writes - driver.writes
    assert found["reads"] == expected.reads - driver.reads


def test_events_of_a_large_job_list_little_more_than_those_of_a_small_one() -> None:
    assert costs.lists_of(10) == 10
    assert 10_000 < costs.lists_of(10_000) < 10_500


def test_outputs_that_s3_copies_are_parts_of_an_upload() -> None:
    plain, upload = (costs.s3_usage(1, 4, [Grid(1, 8), Grid()], parts=n) for n in (0, 9))
    assert (upload.writes - plain.writes, upload.reads) == (9 + 1, plain.reads)


def test_a_price_list_replaces_what_it_names(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({"date": "2030-02", "gb_second": {"arm64": 1}, "million_calls": 5}))
    prices = costs.read_prices(str(path))
    assert (prices.date, prices.million_calls) == ("2030-02", 5)
    assert prices.gb_second == {"x86_64": Prices().gb_second["x86_64"], "arm64": 1}
    assert prices.thousand_s3_reads == Prices().thousand_s3_reads


def test_a_price_list_without_a_date_is_named(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_text("{}")
    assert costs.read_prices(str(path)).date == f"{path}, the rest {rates.PRICES_DATE}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "not a JSON object but list"),
        ('{"gold": 1}', "gold: no such price; there are date, gb_second"),
        ('{"million_calls": "1"}', "million_calls is '1', not a price in dollars"),
        ('{"million_calls": -1}', "million_calls is -1, not a price"),
        ('{"million_calls": NaN}', "million_calls is nan, not a price"),
        ('{"million_calls": true}', "million_calls is True, not a price"),
        ('{"gb_second": 1}', "gb_second is 1, not a price by architecture"),
        ('{"gb_second": {"x86_64": null}}', "x86_64 is None, not a price"),
    ],
)
def test_a_price_list_that_is_wrong_is_wrong_usage(tmp_path: Path, text, message) -> None:
    path = tmp_path / "prices.json"
    path.write_text(text)
    with pytest.raises(UsageError) as raised:
        costs.read_prices(str(path))
    assert message in str(raised.value)
    assert str(path) in str(raised.value)


def test_a_price_list_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        costs.read_prices(str(tmp_path / "none.json"))


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "$0.00"),
        (0.0000123, "$0.0000123"),
        (0.0412, "$0.0412"),
        (0.5, "$0.500"),
        (3.4142, "$3.41"),
        (1234, "$1234.00"),
    ],
)
def test_small_amounts_keep_three_digits(amount, text) -> None:
    assert dollars(amount) == text
