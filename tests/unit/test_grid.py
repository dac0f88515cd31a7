"""Grids: every pair of every output reaches exactly one reducer, whatever the shape."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.written import Written
from shuffle import partition
from state.grid import BUCKETS, Grid, bucket_of


def test_a_bucket_is_the_same_everywhere() -> None:
    keys = {"": 0, "67.23.87": 210, "ä": 112, "the": 60}
    assert {key: bucket_of(key.encode()) for key in keys} == keys


def test_reducers_are_numbered_range_by_range() -> None:
    grid = Grid(2, 3)
    assert [grid.place(number) for number in range(1, 7)] == [
        (0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2),
    ]  # fmt: skip
    assert [grid.buckets(number) for number in (1, 2, 3, 6)] == [
        (0, 85), (0, 85), (85, 170), (170, 256),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "grid", "number", "inputs"),
    [
        (Grid(5), Grid(), 1, [1, 2, 3, 4, 5]),
        (Grid(5), Grid(2), 1, [1, 2]),
        (Grid(5), Grid(2), 2, [3, 4, 5]),
        (Grid(5), Grid(1, 8), 3, [1, 2, 3, 4, 5]),
        (Grid(5), Grid(2, 8), 4, [3, 4, 5]),
        (Grid(2, 8), Grid(1, 8), 3, [5, 6]),
        (Grid(2, 8), Grid(1, 16), 3, [3, 4]),
        (Grid(1, 8), Grid(), 1, [1, 2, 3, 4, 5, 6, 7, 8]),
    ],
)
def test_the_inputs_of_a_reducer(before: Grid, grid: Grid, number: int, inputs: list[int]) -> None:
    assert list(grid.inputs(number, before)) == inputs


grids = st.builds(Grid, st.integers(1, 12), st.integers(1, 20))


@given(before=grids, grid=grids)
def test_every_bucket_of_every_output_reaches_exactly_one_reducer(before: Grid, grid: Grid) -> None:
    reached: Counter[tuple[int, int]] = Counter()
    for number in range(1, grid.count + 1):
        first, end = grid.buckets(number)
        for other in grid.inputs(number, before):
            lowest, highest = before.buckets(other)
            taken = range(max(first, lowest), min(end, highest))
            reached.update((other, bucket) for bucket in taken)
    held = {
        (other, bucket)
        for other in range(1, before.count + 1)
        for bucket in range(*before.buckets(other))
    }
    assert set(reached) == held
    assert set(reached.values()) == {1}


# --------------------------------------------------------------------------- outputs in order

VALUES = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text())
PAIRS = st.dictionaries(st.text(st.characters(codec="utf-8")), VALUES, max_size=300)


@given(pairs=PAIRS)
def test_an_output_is_one_json_object_in_the_order_of_its_buckets(pairs) -> None:
    body, places = partition.encode(pairs)
    read = json.loads(body)
    assert read == pairs
    order = [bucket_of(key.encode()) for key in read]
    assert order == sorted(order)
    last = partition.last_pair_of(places, len(body))
    if pairs:
        assert json.loads(b"{" + body[last:]) == dict([list(read.items())[-1]])


@given(pairs=PAIRS, ranges=st.integers(1, BUCKETS), most=st.sampled_from([700, 200, 20]))
def test_the_index_finds_the_pairs_of_a_range(pairs, ranges: int, most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partition, "MAX_INDEX", most)
        body, places = partition.encode(pairs)
    offsets = partition.unpack(places[partition.INDEX], len(body), "output")
    found: dict[str, object] = {}
    for number in range(1, ranges + 1):
        buckets = Grid(1, ranges).buckets(number)
        first, end = partition.span(offsets, *buckets)
        part = json.loads(partition.as_object(body[first:end])) if end > first else {}
        own = partition.only(part, *buckets)
        assert own == part or not partition.is_exact(offsets, *buckets)
        found.update(own)
    assert found == pairs


@given(pairs=PAIRS, cut=st.integers(1, 20))
def test_pairs_whose_json_is_there_give_the_same_output(pairs, cut: int) -> None:
    lines = [
        f"{key}\n{json.dumps(key, ensure_ascii=False)}:{json.dumps(value)}".encode()
        for key, value in pairs.items()
        if "\n" not in key
    ]
    made = Written([b"\n".join(lines[at : at + cut]) for at in range(0, len(lines), cut)])
    plain = {key: value for key, value in pairs.items() if "\n" not in key}
    assert made == plain and len(made) == len(plain)
    body, places = partition.join(made.lines())
    assert json.loads(body) == plain
    order = [bucket_of(key.encode()) for key in json.loads(body)]
    assert order == sorted(order)
    offsets = partition.unpack(places[partition.INDEX], len(body), "output")
    assert offsets[-1] in (len(body), 1)
    last = partition.last_pair_of(places, len(body))
    if plain:
        assert json.loads(b"{" + body[last:]) == dict([list(json.loads(body).items())[-1]])


def test_keys_that_are_bytes_and_texts_give_the_same_output() -> None:
    pairs = {f"ä{number}": number / 3 for number in range(5000)}
    assert partition.encode({key.encode(): value for key, value in pairs.items()}) == (
        partition.encode(pairs)
    )


def test_an_index_fits_beside_an_output_of_any_size() -> None:
    sizes = [(number * 7919) % 1_000_003 for number in range(BUCKETS)]
    text = partition.pack(sizes)
    assert len(text) <= partition.MAX_INDEX
    assert partition.unpack(text, 1 + sum(sizes), "output")[-1] == 1 + sum(sizes)


@pytest.mark.parametrize("text", ["", "!", "AAA=", "gA==", "AA==" * 3, "/w==" * 300, "ä"])
def test_an_index_that_is_none_is_named(text: str) -> None:
    with pytest.raises(partition.BadRecord, match=r"^output: its index"):
        partition.unpack(text, 100, "output")


@pytest.mark.parametrize("text", ["0", "101", "-3", "x", "1" * 400, "²"])
def test_a_place_outside_of_the_output_is_named(text: str) -> None:
    with pytest.raises(partition.BadRecord, match="no place in an object of 100 bytes"):
        partition.last_pair_of({"lastpair": text}, 100)
