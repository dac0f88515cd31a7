"""The sums of query 2: against an independent sum, however the input is cut into blocks."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inputs import text
from jobs import loading, uservisits
from shuffle import partition
from tests import oracle

PRICES = st.sampled_from(
    [
        *(b"0.5", b"1e-3", b"-2", b" 3 ", b"\t4", b"+.5", b"6.", b'"7"', b'"8', b'9"', b'""'),
        *(b"nan", b"-inf", b"1e999", b"", b"x", b"1_0", b"7\r", b"\xff", b"1 0", b"\x1c2", b"\v3"),
        "\u0663".encode(),
    ]
)
SOURCES = st.sampled_from(
    [
        *(b"1.2.3.4", b"67.23.87.1", b"", "äöüßéèêëñ".encode(), b"\xff\xfe", b"a", b"a_b", b"a\rb"),
        *(
            b'"a,b"',
            b'"say ""a"""',
            b'"a',
            b'a"',
            b'a"b"',
            b'"a"b',
            b'""',
            b"a\vb",
            "a\u2028b".encode(),
        ),
    ]
)
RESTS = st.sampled_from(
    [b"agent, x", b'"agent, x",y', b'agent "x', b"a\x85", "\x85".encode(), b"\f", b""]
)
ROWS = st.one_of(
    st.builds(
        lambda source, price, rest: source + b",u,d," + price + b"," + rest, SOURCES, PRICES, RESTS
    ),
    st.builds(lambda source, price: source + b",u,d," + price, SOURCES, PRICES),
    st.sampled_from([b"", b"\r", b"x", b",,", b",,,", b"a,b,c", b"\r\r"]),
)
TEXTS = st.builds(
    lambda rows, last: b"".join(row + b"\n" for row in rows) + last, st.lists(ROWS), ROWS
)


def written(made) -> dict[str, float]:
    """What an accumulator's output holds."""
    return json.loads(partition.encode(made.pairs())[0])


def accumulated(blocks, **settings) -> uservisits.Accumulator:
    made = uservisits.Accumulator(**settings)
    for block in text.newlines(blocks):
        made.add(block)
    return made


@settings(deadline=None)
@given(text=TEXTS)
def test_any_input_gives_the_independent_sum(text: bytes) -> None:
    made = accumulated([text])
    expected = oracle.answer([text])
    oracle.assert_same_groups(written(made), expected.groups)
    bad = expected.bad_rows + expected.headers
    assert (made.lines, made.errors) == (expected.rows + expected.headers, bad)


@settings(deadline=None)
@given(texts=st.lists(ROWS), cuts=st.sets(st.integers(0, 30)))
def test_any_cut_into_blocks_gives_the_same_sums_bit_for_bit(texts, cuts) -> None:
    lines = [row + b"\n" for row in texts]
    edges = sorted({0, len(lines), *(cut for cut in cuts if cut <= len(lines))})
    blocks = [b"".join(lines[a:b]) for a, b in itertools.pairwise(edges)]
    cut, whole = accumulated(blocks), accumulated([b"".join(lines)])
    assert cut.pairs() == whole.pairs()
    assert (cut.lines, cut.errors, cut.example) == (whole.lines, whole.errors, whole.example)


@pytest.mark.parametrize("length", [8, 10, 12])
def test_the_key_length_is_that_of_the_query(length: int) -> None:
    text = b"67.23.87.123,u,d,1,a\n67.23.87.124,u,d,2,a\n"
    made = accumulated([text], key_length=length)
    assert written(made) == oracle.answer([text], length).groups


def test_two_sums_are_combined_to_their_sum() -> None:
    assert loading.check("uservisits", uservisits).combine(1.5, 2.0) == 3.5
