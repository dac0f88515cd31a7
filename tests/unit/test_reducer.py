"""Reading outputs: exact, the same with orjson and without, with an error that names the output."""

from __future__ import annotations

import datetime
import json
import math

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import BadRecord, JobError
from jobs import base
from shuffle import fastjson
from shuffle.pairs import check_written_for, parse_output

WHERE = "s3://jobs/job1/task/mapper/1"


def test_an_output_is_read_to_the_last_bit() -> None:
    pairs = {"67.23.87": 0.1 + 0.2, "ä": -0.0, "": 2**63, "list": [1, "x", None, {"a": 5e-324}]}
    found = parse_output(json.dumps(pairs).encode(), WHERE)
    assert found == pairs
    assert math.copysign(1, found["ä"]) == -1
    assert type(found[""]) is int


WITH_AND_WITHOUT = pytest.mark.parametrize("fast", [None, orjson.loads], ids=["json", "orjson"])


@WITH_AND_WITHOUT
@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b'{"a": 1}x', b'{"a": NaN}', b'{"a": [-Infinity]}', b"[" * 100_000,
             b'{"a": ' + b"1" * 5000 + b"}"]
)  # fmt: skip
def test_what_is_no_json_is_named(body: bytes, fast) -> None:
    with pytest.raises(BadRecord, match="s3://jobs/job1/task/mapper/1 is not JSON"):
        parse_output(body, WHERE, fast)


@WITH_AND_WITHOUT
def test_what_is_no_object_is_named(fast) -> None:
    with pytest.raises(BadRecord, match="not a JSON object but list"):
        parse_output(b"[1]", WHERE, fast)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 18446744073709551616, "b": 1.5}',
        b'{"a": -9223372036854775809}',
        b'{"a": 18446744073709551615, "b": -9223372036854775808}',
        b'{"a": [123456789012345678901234567890], "b": {"c": -99999999999999999999}}',
        b'{"a": "x", "b": 100000000000000000001}',
        b'{"a": 1, "b": 2, "a": 3}',
        b'{"a": "\\ud800", "\\udfff": 1, "b": "\\ud83d\\ude00"}',
        b'{"a": 1e400, "b": -1e400}',
        b'{"a": 1.7976931348623159e308, "b": 2e20}',
        b'\xef\xbb\xbf{"a": 1}',
        '{"ä": 1}'.encode("utf-16"),
        b'{"a": -0, "b": -0.0, "c": 5e-324, "d": true, "e": null}',
        b'{"a": ' + b"[" * 500 + b"]" * 500 + b"}",
        b'{"a": ' + b"9" * 400 + b"}",
        b"{}",
    ],
)
def test_a_reducer_with_orjson_reads_what_one_without_reads(body: bytes) -> None:
    expected = json.loads(body)
    for fast in (None, orjson.loads):
        found = parse_output(body, WHERE, fast)
        assert repr(found) == repr(expected)


JSON_TEXTS = st.dictionaries(
    st.text(max_size=3),
    st.recursive(
        st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_categories=[]), max_size=3) | st.booleans() | st.none(),
        lambda values: st.lists(values, max_size=3)
        | st.dictionaries(st.text(max_size=2), values, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)  # fmt: skip


@given(JSON_TEXTS)
def test_whatever_is_written_is_read_alike_with_orjson_and_without(pairs) -> None:
    body = json.dumps(pairs).encode()
    assert repr(parse_output(body, WHERE, orjson.loads)) == repr(parse_output(body, WHERE, None))


@given(JSON_TEXTS | st.dictionaries(st.text(max_size=3), st.integers() | st.floats(), max_size=4))
def test_what_orjson_writes_is_what_json_writes(pairs) -> None:
    written = fastjson.encode(pairs, orjson.dumps)
    if written is not None:
        same = json.dumps(pairs, allow_nan=False, ensure_ascii=False).encode()
        assert repr(json.loads(written)) == repr(json.loads(same))


@pytest.mark.parametrize("value", [1.5, -0.0, 2**63, "x", "\u007f\u0000ä"])
def test_orjson_writes_numbers_and_texts(value) -> None:
    assert fastjson.encode({"a": value}, orjson.dumps) is not None


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, 2**64, True, None, [1.5], "\ud800", datetime.date(2000, 1, 1)]
)
def test_what_orjson_would_write_otherwise_is_left_to_json(value) -> None:
    assert fastjson.encode({"a": value, "b": 1.5}, orjson.dumps) is None
    assert fastjson.encode({"a": value}, orjson.dumps) is None


def test_an_output_of_a_job_that_combines_otherwise_is_refused() -> None:
    job = base.Job("uservisits", dict, lambda a, b: a + b)  # type: ignore[arg-type]
    check_written_for(job, {}, WHERE)
    check_written_for(job, {"combine": job.combine_name}, WHERE)
    with pytest.raises(JobError, match=r"combined with countries\.combine, but the reducer runs"):
        check_written_for(job, {"combine": "countries.combine"}, WHERE)
