"""Splits: even sizes, and every line in exactly one range, however input and cuts fall."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aws.s3objects import S3Object
from errors import BadRecord
from inputs import reading
from lambdautils import MAX_KEYS_BYTES
from running import splits
from state.tasks import Range


def listed(*sizes: int, suffix: str = "") -> list[S3Object]:
    return [
        S3Object(f"in/{number}{suffix}", size, f'"{number}"') for number, size in enumerate(sizes)
    ]


CASES = [
    # sizes, split size, bytes of each split
    ([100], 100, [100]),
    ([100], 50, [50, 50]),
    ([100], 64, [50, 50]),
    ([1000], 300, [250, 250, 250, 250]),
    ([10] * 10, 50, [50, 50]),
    ([0, 0, 100], 50, [50, 50]),
    ([0], 50, [0]),
    ([30, 30, 30], 45, [45, 45]),
]


@pytest.mark.parametrize(("sizes", "split_size", "expected"), CASES)
def test_large_objects_are_cut_and_small_ones_packed(sizes, split_size, expected) -> None:
    planned = splits.plan_splits(listed(*sizes), split_size)
    assert [split.size for split in planned] == expected


def test_a_cut_object_has_ranges_of_the_listed_version_and_a_whole_one_none() -> None:
    first, second = splits.plan_splits(listed(10, 100), 60)
    assert (first.keys, first.ranges) == (["in/0", "in/1"], [None, Range(0, 45, '"1"')])
    assert (second.keys, second.ranges) == (["in/1"], [Range(45, 100, '"1"')])


def test_compressed_objects_stay_whole() -> None:
    planned = splits.plan_splits(listed(500, 20, suffix=".gz"), 100)
    assert [(split.keys, split.ranges) for split in planned] == [
        (["in/0.gz"], [None]),
        (["in/1.gz"], [None]),
    ]


@settings(deadline=None)
@given(sizes=st.lists(st.integers(0, 10_000), min_size=1), split_size=st.integers(100, 20_000))
def test_every_byte_is_in_exactly_one_range_and_in_order(sizes, split_size) -> None:
    objects = listed(*sizes)
    whole = {item.key: item.size for item in objects}
    planned = splits.plan_splits(objects, split_size)
    pieces = [
        (key, (part.start, part.end) if part else (0, whole[key]))
        for split in planned
        for key, part in zip(split.keys, split.ranges, strict=True)
    ]
    ends = dict.fromkeys(whole, 0)
    for key, (start, end) in pieces:
        assert start == ends[key]
        ends[key] = end
    assert ends == whole
    assert list(dict.fromkeys(key for key, _ in pieces)) == list(whole)
    assert sum(split.size for split in planned) == sum(sizes)


@settings(deadline=None)
@given(sizes=st.lists(st.integers(0, 10_000), min_size=1), split_size=st.integers(100, 20_000))
def test_no_split_is_larger_than_asked_for_by_more_than_the_slack(sizes, split_size) -> None:
    planned = splits.plan_splits(listed(*sizes), split_size)
    assert all(split.size <= split_size * 1.1 + 1 for split in planned)


def test_a_split_of_many_small_objects_fits_into_an_invocation() -> None:
    objects = [S3Object(f"{number}/{'k' * 900}", 1, '"e"') for number in range(3000)]
    planned = splits.plan_splits(objects, 10**9)
    assert len(planned) > 1
    for split in planned:
        ranges = [part and part.to_json() for part in split.ranges]
        event = {"keys": split.keys, "ranges": ranges, "etags": split.etags}
        assert len(json.dumps(event)) < MAX_KEYS_BYTES + 5000
    assert sum(len(split.keys) for split in planned) == 3000


@pytest.mark.parametrize(
    "value",
    [
        7,
        {},
        {"start": -1, "end": 3, "etag": "e"},
        {"start": "0", "end": 3, "etag": "e"},
        {"start": 3, "end": 3, "etag": "e"},
        {"start": 0, "end": 3},
    ],
)
def test_a_range_that_is_none_is_refused(value) -> None:
    with pytest.raises(BadRecord, match="the event"):
        Range.from_json(value, "the event")


def test_a_range_reads_what_it_wrote() -> None:
    part = Range(3, 9, '"etag"')
    assert Range.from_json(json.loads(json.dumps(part.to_json())), "here") == part
    assert Range.from_json(None, "here") is None


def chunked(data: bytes, size: int):
    return (data[at : at + size] for at in range(0, len(data), size))


@settings(deadline=None)
@given(
    data=st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r\n", b"\n\n", b"\r"])).map(b"".join),
    cuts=st.sets(st.integers(1, 60)),
    size=st.integers(1, 9),
)
def test_every_line_belongs_to_exactly_one_range(data: bytes, cuts, size: int) -> None:
    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    pieces = []
    for start, end in itertools.pairwise(edges):
        if start < end:
            chunks = chunked(data[max(0, start - 1) :], size)
            pieces.append((start, end, b"".join(reading.owned(chunks, start, end))))
    assert b"".join(piece for _, _, piece in pieces) == data
    for start, end, piece in pieces:
        begins = [at for at in range(start, end) if at == 0 or data[at - 1 : at] == b"\n"]
        assert bool(piece) == bool(begins)
        if begins:
            stop = data.find(b"\n", end - 1) + 1 or len(data)
            assert piece == data[begins[0] : stop]


def test_a_range_takes_no_more_than_it_needs() -> None:
    taken = []

    def chunks():
        for chunk in (b"abc\n", b"def\n", b"ghi\n", b"jkl\n"):
            taken.append(chunk)
            yield chunk

    assert b"".join(reading.owned(chunks(), 1, 6)) == b"def\n"
    assert len(taken) == 2
