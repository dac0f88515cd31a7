"""Outputs merged bucket by bucket: the same as merged whole, whatever their metadata say."""

from __future__ import annotations

import gc
import json
import math
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import BadRecord, JobError
from jobs.base import Job
from shuffle import partition
from shuffle.merging import LEAST_BYTES, Merged
from shuffle.pairs import as_output
from state.grid import BUCKETS, Grid, bucket_of
from state.tasks import ReducerEvent

JOB = Job("adding", dict, operator.add)  # type: ignore[arg-type]
OUTPUTS = st.lists(st.dictionaries(st.text(max_size=2), st.integers(), max_size=60), max_size=4)


def part_of(body: bytes, metadata: dict[str, str], buckets: tuple[int, int]) -> bytes:
    """What a reducer reads of an output."""
    offsets = partition.unpack(metadata[partition.INDEX], len(body), "output")
    first, end = partition.span(offsets, *buckets)
    piece = partition.as_object(body[first:end]) if end > first else b"{}"
    if partition.is_exact(offsets, *buckets):
        return piece
    return json.dumps(partition.only(json.loads(piece), *buckets)).encode()


@given(outputs=OUTPUTS, apart=st.booleans(), ranges=st.sampled_from([1, 3, 256]), data=st.data())
def test_merged_apart_is_merged_whole(outputs, apart: bool, ranges: int, data) -> None:
    buckets = Grid(1, ranges).buckets(data.draw(st.integers(1, ranges)))
    merged, expected = Merged(JOB, buckets, apart), {}
    for pairs in outputs:
        body, metadata = partition.encode(pairs)
        kind = data.draw(st.sampled_from(["index", "coarse", "none"]))
        if kind == "coarse":
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(partition, "MAX_INDEX", 200)
                body, metadata = partition.encode(pairs)
        piece = part_of(body, metadata, buckets)
        merged.take(piece, metadata if kind != "none" else {}, len(body), "output")
        JOB.merge(expected, partition.only(pairs, *buckets))
    assert dict(merged.pairs()) == expected
    assert len(merged.pairs()) == len(expected)
    assert merged.read == sum(len(partition.only(pairs, *buckets)) for pairs in outputs)
    assert all(merged.pairs()[key] == value for key, value in expected.items())
    assert partition.encode(merged.pairs()) == partition.encode(expected)


def test_large_outputs_are_merged_apart() -> None:
    sizes = [LEAST_BYTES * BUCKETS] * 3
    event = ReducerEvent("b", ["a", "b", "c"], "b", "j", 1, 1, 1, sizes=sizes)
    pairs = {f"{number:08x}": number for number in range(1000)}
    body, metadata = partition.encode(pairs)
    large = Merged.of(event, JOB)
    large.take(body, metadata, len(body), "output")
    assert [bucket_of(key.encode()) for key in large.pairs()] == sorted(
        bucket_of(key.encode()) for key in pairs
    )
    assert isinstance(large.pairs(), partition.InBuckets)
    small = Merged.of(ReducerEvent("b", ["a"], "b", "j", 1, 1, 1, sizes=[1000]), JOB)
    assert isinstance(small.pairs(), dict)


def test_what_is_written_is_given_up_and_what_cannot_be_is_named() -> None:
    merged = Merged(JOB, (0, BUCKETS), apart=True)
    body, metadata = partition.encode({f"{number}": number for number in range(2000)})
    merged.take(body, metadata, len(body), "output")
    pairs = merged.pairs()
    assert as_output(JOB, pairs)[0] == body
    assert len(pairs) == 0
    failing = Job("failing", dict, lambda a, b: math.nan)  # type: ignore[arg-type]
    merged = Merged(failing, (0, BUCKETS), apart=True)
    for pairs in ({f"{number}": number for number in range(2000)}, {"1999": 1}):
        body, metadata = partition.encode(pairs)
        merged.take(body, metadata, len(body), "output")
    with pytest.raises(JobError, match="the value nan of key '1999'"):
        as_output(failing, merged.pairs())


def test_a_key_that_is_no_text_is_named() -> None:
    with pytest.raises(BadRecord, match="output: a key has no form in UTF-8"):
        Merged(JOB, (0, BUCKETS), apart=True).take(b'{"\\ud800": 1}', {}, 13, "output")


def test_an_index_of_another_output_is_named() -> None:
    body, metadata = partition.encode({"a": 1, "b": 2})
    with pytest.raises(BadRecord, match="output: its index, of 256 buckets, is not that of"):
        Merged(JOB, (0, BUCKETS), apart=True).take(body, metadata, len(body) + 1, "output")


def test_a_combine_that_fails_is_named_with_its_key() -> None:
    merged = Merged(JOB, (0, BUCKETS), apart=True)
    outputs = [partition.encode({"a": value, f"only {value}": 1}) for value in (1, "x")]
    merged.take(*outputs[0], len(outputs[0][0]), "output")
    with pytest.raises(JobError, match="combine failed at key 'a'"):
        merged.take(*outputs[1], len(outputs[1][0]), "output")


def test_writing_leaves_the_search_for_circles_as_it_was() -> None:
    assert gc.isenabled()
    with pytest.raises(ValueError, match="JSON"):
        partition.encode({"a": float("nan")})
    assert gc.isenabled()
    gc.disable()
    try:
        partition.encode({"a": 1.5})
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize("keys", [["a\nb", "c"], ["\n", "", "ä"], ["a", "b\r"]])
def test_keys_with_line_ends_are_written_as_any(keys: list[str]) -> None:
    body, _ = partition.encode({key.encode(): 1 for key in keys})
    assert json.loads(body) == dict.fromkeys(keys, 1)
