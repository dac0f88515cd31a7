"""The accelerated job gives what the plain one gives, row for row and sum for sum."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inputs import text
from jobs import loading, uservisits, uservisits_polars
from local import uservisits as generator
from tests import oracle
from tests.unit.test_uservisits import TEXTS, written


def both(*blocks: bytes, length: int = 8):
    made = uservisits.Accumulator(length), uservisits_polars.Accumulator(length)
    for accumulator in made:
        for block in text.newlines(blocks):
            accumulator.add(block)
    return made


def assert_same(plain, fast) -> None:
    assert (fast.lines, fast.errors, fast.example) == (plain.lines, plain.errors, plain.example)
    oracle.assert_same_groups(fast.pairs(), written(plain))


@settings(deadline=None)
@given(text=TEXTS)
def test_any_input_gives_the_same_rows_and_sums(text: bytes) -> None:
    assert_same(*both(text))


PRICE_TEXTS = st.text(st.sampled_from('0129.eE+-_ \tnaif"x\x00'), max_size=9).map(str.encode)
PRICE_ROWS = st.builds(
    lambda price, rest: b"1.1.1.1,u,d," + price + rest,
    PRICE_TEXTS,
    st.sampled_from([b"", b",", b",a, b"]),
)


@settings(deadline=None)
@given(rows=st.lists(PRICE_ROWS, max_size=4))
def test_both_mean_the_same_by_a_number(rows: list[bytes]) -> None:
    assert_same(*both(b"".join(row + b"\n" for row in rows)))


ODDITIES = [
    b'"1.1.1.1,u,d",3,4,5,6',
    b"# 1.1.1.1,u,d,2,a",
    b"1.1.1.1,u,d,+2,a",
    b"1.1.1.1,u,d,2.,a",
    b"1.1.1.1,u,d,.5,a",
    b"1.1.1.1,u,d,0x10,a",
    b"1.1.1.1,u,d,2e1f,a",
    b"1.1.1.1,u,d,\x00,a",
    b"1.1.1.1\x00,u,d,1,a",
    b",u,d,1.5,a",
    b",,,1.5",
    b"1.1.1.1,u,d,1.5\r",
    b"1.1.1.1,u,d,true,a",
    b"1.1.1.1,u,\xff,1.5,a",
    b" 1.1.1.1,u,d, 1.5 ,a",
    b"1.1.1.1,u,d,1.5,a,b,c,d,e,f,g,h,i,j",
    b"1.1.1.1,u,d,NULL,a",
    b"1.1.1.1,u,d,Infinity,a",
    b"1.1.1.1,u,d,-nan,a",
    b"1.1.1.1,u,d,1,5,a",
    b"1.1.1.1,u,d,123456789012345678901234567890,a",
    b"1.1.1.1,u,d,4.9e-324,a",
    b"1.1.1.1,u,d,1_0,a",
    b'1.1.1.1,"u,d",d,"1.5",a',
    b'1.1.1.1,u,d,1.5,"a',
    "1.1.1.1,u,d,1.5,\u2028a".encode(),
    "1.1.1.1,u,d,1.5,\u201ca\xa0b\u201d".encode(),
]


@pytest.mark.parametrize("row", ODDITIES)
@pytest.mark.parametrize("place", ["first", "last", "alone"])
def test_an_odd_row_is_read_as_python_reads_it(row: bytes, place: str) -> None:
    usual = b"9.9.9.9,u,d,0.5,a, b\n"
    text = {"first": row + b"\n" + usual, "last": usual + row, "alone": row}[place]
    assert_same(*both(text))


@pytest.mark.parametrize("length", [8, 10, 12])
def test_a_bad_row_among_many_costs_no_other(length: int, monkeypatch) -> None:
    monkeypatch.setattr(uservisits_polars, "BATCH_BYTES", 1_000_000)
    monkeypatch.setattr(uservisits_polars, "MOST_ROWS", 5_000)
    body = b"".join(generator.generate(3, 0, 3_000_000))
    half = body.index(b"\n", len(body) // 2) + 1
    plain, fast = both(body[:half], b"bad\n\xff,u,d,1\n", body[half:], length=length)
    assert_same(plain, fast)
    assert fast.errors == 2
    assert fast._odd.lines < 2000


def test_it_keeps_the_contract() -> None:
    assert loading.check("uservisits_polars", uservisits_polars).name == "uservisits_polars"
