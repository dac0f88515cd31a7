"""However an object is cut into blocks, its sums are the same, bit for bit."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aws import s3stream
from inputs import text
from jobs import uservisits
from tests import oracle
from tests.unit.test_uservisits import written

PIECES = [
    b"67.23.87.1,u,d,0.25,agent, with comma,USA,USA-EN,w,3",
    b"67.23.87.200,u,d,1e-3,a",
    b"1,u,d,3",
    b"",
    b"\r",
    b"too,few",
    b"9.9.9.9,u,d,nan,a",
    b"9.9.9.9,u,d,-inf,a",
    b"9.9.9.9,u,d,abc,a",
    b"\xff\xfe,u,d,1,a",
    "äöüßéèêëñ,u,d,1.5,a".encode(),
    b"8.8.8.8,u,d,7.5,\xff\xfe",
    b"8.8.8.8,u,d, 2 ,a\r",
]
BODIES = st.builds(
    lambda lines, end: b"\n".join(lines) + end,
    st.lists(st.sampled_from(PIECES), max_size=12),
    st.sampled_from([b"", b"\n", b"\r\n"]),
) | st.binary(max_size=60).filter(lambda body: not body.startswith(text.WIDE_MARKS))


def summed(chunks: list[bytes]) -> uservisits.Accumulator:
    sums = uservisits.Accumulator()
    for block in s3stream.whole_lines(text.newlines(text.without_mark(chunks, "in/x"))):
        sums.add(block)
    return sums


@given(body=BODIES, data=st.data())
def test_any_cut_gives_the_same_sums(body: bytes, data) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    edges = [0, *cuts, len(body)]
    chunks = [body[start:end] for start, end in itertools.pairwise(edges)]
    one, many = summed([body] if body else []), summed(chunks)
    assert many.pairs() == one.pairs()
    assert (many.lines, many.errors, many.example) == (one.lines, one.errors, one.example)


@given(body=BODIES)
@example(b"1,u,d,1\n1,u,d,2")
def test_the_sums_are_those_of_the_independent_computation(body: bytes) -> None:
    sums, expected = summed([body]), oracle.answer([body])
    oracle.assert_same_groups(written(sums), expected.groups)
    assert sums.errors == expected.bad_rows + expected.headers


@given(chunks=st.lists(st.binary(max_size=12), max_size=12))
def test_blocks_hold_every_byte_and_end_with_lines(chunks: list[bytes]) -> None:
    blocks = list(s3stream.whole_lines(chunks))
    assert b"".join(blocks) == b"".join(chunks)
    assert all(block.endswith(b"\n") for block in blocks[:-1])
    assert all(blocks)


@pytest.mark.parametrize(
    ("line", "group", "price"),
    [
        (b"67.23.87.1,u,d,0.5,a", "67.23.87", 0.5),
        (b"1,u,d,2", "1", 2.0),
        (b",u,d,2", "", 2.0),
        ("äöüßéèêëñ,u,d,1".encode(), "äöüßéèêë", 1.0),
        (b"1,u,d,1e300,a", "1", 1e300),
    ],
)
def test_a_row_is_a_group_and_a_price(line: bytes, group: str, price: float) -> None:
    assert uservisits.parse_line(line) == (group, price)


@pytest.mark.parametrize(
    "line", [b"1,u,d", b"1,u,d,", b"1,u,d,x", b"1,u,d,nan", b"1,u,d,inf", b"\xff,u,d,1"]
)
def test_a_row_without_a_group_and_a_price_is_an_error(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"column|price|could not convert|codec"):
        uservisits.parse_line(line)


def test_combining_is_adding() -> None:
    assert math.isclose(uservisits.combine(0.5, 0.25), 0.75)
