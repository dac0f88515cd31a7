"""A row's columns and numbers, by CSV's rules, and the kinds of fault; on tables."""

from __future__ import annotations

import csv
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import rows


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (b"a,b,c,d", [b"a", b"b", b"c", b"d"]),
        (b"a,b,c,d,e,f", [b"a", b"b", b"c", b"d"]),
        (b",,,", [b"", b"", b"", b""]),
        (b'"Smith, John",7,5,1.5,x', [b"Smith, John", b"7", b"5", b"1.5"]),
        (b'"say ""hi""",b,"",d', [b'say "hi"', b"b", b"", b"d"]),
        (b'a,b,c,"1.5"', [b"a", b"b", b"c", b"1.5"]),
        (b'a,b,c,"1.5",x', [b"a", b"b", b"c", b"1.5"]),
        (b'"a",b,c,', [b"a", b"b", b"c", b""]),
        (b'a,b,c,d,"Mozilla, like Gecko",x', [b"a", b"b", b"c", b"d"]),
        (b'a,b,c,d,agent "x" y', [b"a", b"b", b"c", b"d"]),
        (b"a,b,c,d,\xff\x85\x00", [b"a", b"b", b"c", b"d"]),
    ],
)
def test_the_first_columns_of_a_row(row: bytes, expected: list[bytes]) -> None:
    assert rows.columns(row, 4) == expected


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (b"a,b,c", "fewer than 4 columns"),
        (b"", "fewer than 4 columns"),
        (b'"a,b,c,d"', "fewer than 4 columns"),
        (b'"a",b,"c,d"', "fewer than 4 columns"),
        (b'"a', "a quote without a partner"),
        (b'b",u,d,3.0,x', "a quote without a partner"),
        (b'a,b,c,1,"agent', "a quote without a partner"),
        (b'second, line, of, 99, thing",x', "a quote without a partner"),
        (b'a"b",c,d,1', "a quote inside a column"),
        (b'"a"b,c,d,1', "a quote inside a column"),
        (b'"a" ,c,d,1', "a quote inside a column"),
        (b' "a",c,d,1', "a quote inside a column"),
        (b"a,b,c,1\rd,e,f,2", "a line end inside a row"),
        (b"a,b,c,1,x\x0bd,e,f,2", "a line end inside a row"),
        (b"a,b,c,1,x\x0cd,e,f,2", "a line end inside a row"),
        ("a,b,c,1,x\x85d,e,f,2".encode(), "a line end inside a row"),
        ("a,b,c,1,x\u2028d,e,f,2".encode(), "a line end inside a row"),
        ("a,b,c,1,x\u2029d,e,f,2".encode(), "a line end inside a row"),
    ],
)
def test_a_row_that_cannot_be_read_says_its_kind_of_fault(row: bytes, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        rows.columns(row, 4)


COLUMNS = st.lists(st.text(st.sampled_from('ab", é\t'), max_size=6), min_size=4, max_size=6)


@given(wanted=COLUMNS, quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_what_a_csv_writer_writes_is_read_back(wanted, quoting, tmp_path_factory) -> None:
    path = tmp_path_factory.getbasetemp() / "row.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=quoting, lineterminator="").writerow(wanted)
    found = rows.columns(path.read_bytes(), 4)
    assert [column.decode() for column in found] == wanted[:4]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (b"1", 1.0),
        (b"-0.5", -0.5),
        (b"+2", 2.0),
        (b"2.", 2.0),
        (b".5", 0.5),
        (b"1e3", 1000.0),
        (b"1.5E-3", 0.0015),
        (b" 1.5", 1.5),
        (b"\t1.5 ", 1.5),
        (b"123456789012345678901234567890", 123456789012345678901234567890.0),
        (b"4.9e-324", 5e-324),
    ],
)
def test_a_number_is_what_csv_means_by_one(column: bytes, expected: float) -> None:
    assert rows.number(column, "price") == expected


NO_NUMBERS = [
    *(b"", b" ", b".", b"-", b"e5", b"1e", b"1 0", b"1,5", b"--1", b"+-1", b"0x10", b"1f", b"$1"),
    *(b"nan", b"NaN", b"-nan", b"inf", b"-Infinity", b"1_000", b"1_0.5", b"1e1_0", b"1\x00"),
    *(b"\xff", b"\x1c1", b"\x0b1", b"1\x0c", "\u0663".encode(), "\xa01".encode()),
]


@pytest.mark.parametrize("column", NO_NUMBERS)
def test_pythons_own_extensions_are_no_numbers(column: bytes) -> None:
    with pytest.raises(ValueError, match="the price is no number"):
        rows.number(column, "price")


def test_a_number_that_is_not_finite_is_too_large() -> None:
    with pytest.raises(ValueError, match="the price is too large"):
        rows.number(b"1e999", "price")


@given(
    column=st.binary(max_size=8)
    | st.text(st.sampled_from("0123.eE+-_ \tnaif"), max_size=9).map(str.encode)
)
def test_a_number_is_also_one_for_python_and_means_the_same(column: bytes) -> None:
    try:
        value = rows.number(column, "price")
    except ValueError:
        return
    assert value == float(column)
    assert math.isfinite(value)


@pytest.mark.parametrize("column", [*NO_NUMBERS, b"1.5", b"1e3", b"1."])
def test_what_is_no_whole_number_is_none(column: bytes) -> None:
    with pytest.raises(ValueError, match="the rank is no whole number"):
        rows.whole_number(column, "rank")


@pytest.mark.parametrize(("column", "expected"), [(b"7", 7), (b" -3 ", -3), (b"+01", 1)])
def test_a_whole_number(column: bytes, expected: int) -> None:
    assert rows.whole_number(column, "rank") == expected
