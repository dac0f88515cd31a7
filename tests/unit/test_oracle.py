"""The independent sum, on tables small enough to work out by hand."""

from __future__ import annotations

import math

import pytest

from tests import oracle

REST = b",agent,USA,USA-EN,word,5"


@pytest.mark.parametrize(
    ("bodies", "groups", "rows", "bad_rows"),
    [
        pytest.param([], {}, 0, 0, id="no objects"),
        pytest.param([b""], {}, 0, 0, id="an empty object"),
        pytest.param(
            [b"67.23.87.1,u,1999-01-02,0.5\n67.23.87.2,u,1999-01-02,0.25\n"],
            {"67.23.87": 0.75},
            2,
            0,
            id="rows with the same first 8 characters are one group",
        ),
        pytest.param(
            [b"67.23.87.1,u,d,0.5\n67.23.88.1,u,d,2\n"],
            {"67.23.87": 0.5, "67.23.88": 2.0},
            2,
            0,
            id="others are groups of their own",
        ),
        pytest.param([b"1.2.3.4,u,d,1\n"], {"1.2.3.4": 1.0}, 1, 0, id="a short address is whole"),
        pytest.param(
            [b"a,u,d,1\r\na,u,d,2" + REST + b"\r\n"], {"a": 3.0}, 2, 0, id="CRLF ends a line"
        ),
        pytest.param([b"a,u,d,1\na,u,d,2"], {"a": 3.0}, 2, 0, id="no newline at the end"),
        pytest.param(
            [b"a,u,d,1", b"a,u,d,2"], {"a": 3.0}, 2, 0, id="a line does not go on in another object"
        ),
        pytest.param([b"\n\r\na,u,d,1\n\n"], {"a": 1.0}, 1, 0, id="blank lines are no rows"),
        pytest.param([b"a,u,d\na\n,\n"], {}, 3, 3, id="fewer than 4 columns"),
        pytest.param(
            [b"a,u,d,nan\na,u,d,inf\na,u,d,-inf\na,u,d,free\na,u,d,\n"],
            {},
            5,
            5,
            id="a price that is no finite number",
        ),
        pytest.param(
            [b"a,u,d,1,(KHTML, like Gecko),USA\n"], {"a": 1.0}, 1, 0, id="commas behind the price"
        ),
        pytest.param([b"\xff,u,d,1\n"], {}, 1, 1, id="an address that is not UTF-8"),
        pytest.param(
            [b"a,\xff,\xfe,1,\xff\n"], {"a": 1.0}, 1, 0, id="other columns need not be UTF-8"
        ),
        pytest.param(
            ["ééééééééé,u,d,1\n".encode()], {"é" * 8: 1.0}, 1, 0, id="characters, not bytes"
        ),
        pytest.param([b"a,u,d,0.1\n" * 10], {"a": 1.0}, 10, 0, id="no rounding error adds up"),
    ],
)
def test_the_answer_is_the_one_worked_out_by_hand(bodies, groups, rows, bad_rows):
    assert oracle.answer(bodies) == oracle.Answer(groups, rows, bad_rows)


def test_a_header_is_neither_a_row_nor_a_bad_one():
    bodies = [b"ip,url,date,revenue\na,u,d,1\n", b"x\ny\n", b"\nx\na,u,d,1\n"]
    assert oracle.answer(bodies) == oracle.Answer({"a": 2.0}, 5, 3, 1)


def test_a_quoted_column_may_hold_commas_and_quotes():
    body = b'"Smith, J",7,5,1\n"a""b","x,y",d,"2",z\n"a"b,u,d,4\na"b",u,d,8\n"a,u,d,16\n'
    assert oracle.answer([body]) == oracle.Answer({"Smith, J": 1.0, 'a"b': 2.0}, 5, 3)


@pytest.mark.parametrize("text", [b"1", b"-1.5e3", b"+.5", b"2.", b" 1\t"])
def test_what_is_a_number(text):
    assert oracle.number(text) == float(text)


@pytest.mark.parametrize("text", [b"", b"nan", b"inf", b"1_0", b"1e999", b".", b"0x1", b"\x0b1"])
def test_what_is_no_number(text):
    with pytest.raises(ValueError, match=r"no number|too large"):
        oracle.number(text)


def test_the_length_of_the_group_can_be_chosen():
    assert oracle.answer([b"12.34.56.78,u,d,1\n"], prefix_length=5).groups == {"12.34": 1.0}


def test_the_same_groups_pass_whatever_their_order_and_the_last_digits():
    oracle.assert_same_groups({"b": 2.0, "a": 1.0 + 1e-12}, {"a": 1.0, "b": 2.0})


@pytest.mark.parametrize(
    ("actual", "message"),
    [
        ({"b": 2.0}, "'a' is missing"),
        ({"a": 1.0, "b": 2.0, "c": 3.0}, "'c' should not be there"),
        ({"a": 1.0 + 1e-8, "b": 2.0}, "'a' is 1.00000001, expected 1.0"),
        ({"a": 1.0, "b": math.nan}, "'b' is nan, expected 2.0"),
        ({}, r"2 groups differ \(0 groups, expected 2\)"),
    ],
)
def test_groups_that_differ_are_named(actual, message):
    with pytest.raises(AssertionError, match=message):
        oracle.assert_same_groups(actual, {"a": 1.0, "b": 2.0})


def test_of_many_differences_the_first_ones_are_shown_and_the_others_counted():
    expected = {f"g{number:02d}": 1.0 for number in range(12)}
    with pytest.raises(AssertionError) as failure:
        oracle.assert_same_groups({}, expected)
    assert "'g04' is missing\n  and 7 more" in str(failure.value)
    assert "g05" not in str(failure.value)
