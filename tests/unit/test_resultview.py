"""Choosing from a job's answer and printing it."""

from __future__ import annotations

import contextlib
import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import JobError, visible
from views import result
from views.jsonpairs import first_pairs

GROUPS = {"b": 2.5, "a": 1.0, "c,d": 2.5, "e": -3}


@pytest.mark.parametrize(
    ("sort", "top", "expected"),
    [
        ("key", None, ["a", "b", "c,d", "e"]),
        ("key", 2, ["a", "b"]),
        ("value", None, ["b", "c,d", "a", "e"]),
        ("value", 1, ["b"]),
        ("value", 99, ["b", "c,d", "a", "e"]),
        ("none", None, ["b", "a", "c,d", "e"]),
        ("none", 2, ["b", "a"]),
    ],
)
def test_groups_are_sorted_and_cut(sort, top, expected) -> None:
    assert [key for key, _ in result.choose(GROUPS.items(), sort, top)] == expected


def test_csv_quotes_what_must_be_quoted(capsys) -> None:
    result.write([("a", 1.0), ("c,d", 2.5)], "csv")
    assert capsys.readouterr().out == 'key,value\na,1.0\n"c,d",2.5\n'


def test_csv_is_printed_in_blocks(monkeypatch) -> None:
    """A print for each row takes most of the time of a large answer."""
    out = io.StringIO(newline="")
    written: list[str] = []
    monkeypatch.setattr(out, "write", written.append)
    count = 2 * result.AT_ONCE + 5
    with contextlib.redirect_stdout(out):
        result.write(((str(number), number) for number in range(count)), "csv")
    assert len(written) < 20
    rows = list(csv.reader(io.StringIO("".join(written), newline="")))
    assert rows == [["key", "value"], *([str(number)] * 2 for number in range(count))]


ODD = ["a\rforged,9", "b\nforged,9", 'c"', "d\r\n", "e,f", "", " g ", "ß\u3000"]


@pytest.mark.parametrize("form", ["csv", "csv-safe"])
def test_a_row_of_csv_is_one_group_whatever_its_key_holds(form: str, capsys) -> None:
    result.write([(key, 1.5) for key in ODD], form)
    text = capsys.readouterr().out
    found = list(csv.reader(io.StringIO(text, newline="")))
    assert found == [["key", "value"], *([key, "1.5"] for key in ODD)]
    assert text.endswith(",1.5\n")


@given(st.lists(st.tuples(st.text(), st.text())))
def test_csv_gives_every_group_back_as_it_is_shown(pairs) -> None:
    with contextlib.redirect_stdout(io.StringIO(newline="")) as out:
        result.write(pairs, "csv")
    found = list(csv.reader(io.StringIO(out.getvalue(), newline="")))[1:]
    assert found == [[visible(text, "\t\r\n") for text in pair] for pair in pairs]


def test_csv_holds_nothing_that_a_terminal_obeys(capsys) -> None:
    result.write([("\x1b]52;c;aGk=\x07\u202e\ud800", "\x1b[2J"), ("k", ["\x1b"])], "csv")
    out = capsys.readouterr().out
    assert out == ('key,value\n\\x1b]52;c;aGk=\\x07\\u202e\\ud800,\\x1b[2J\nk,"[""\\u001b""]"\n')


def test_json_has_every_key_exactly(capsys) -> None:
    groups = {"\x1b\u202e\ud800\r": 1, "=1+1": 10**30}
    result.write(list(groups.items()), "json")
    out = capsys.readouterr().out
    assert json.loads(out) == groups
    assert out.isascii()


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1+1", "'+1+1"),
        ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("-", "'-"),
        ("-5", "-5"),
        ("-1.5e-07", "-1.5e-07"),
        ("+49", "+49"),
        ("67.23.87", "67.23.87"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_a_cell_of_safe_csv_is_no_formula_and_a_number_stays_one(cell: str, safe: str) -> None:
    assert result.harmless(cell) == safe


def test_safe_csv_guards_keys_and_values(capsys) -> None:
    result.write([("=1+1", "@x"), ("-3", -2.5)], "csv-safe")
    assert capsys.readouterr().out == "key,value\n'=1+1,'@x\n-3,-2.5\n"


def test_json_is_one_object(capsys) -> None:
    result.write([("a", 1.0), ("c,d", 2.5)], "json")
    assert capsys.readouterr().out == '{"a": 1.0, "c,d": 2.5}\n'


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ('{"a":1.5,"b":2}', [("a", 1.5), ("b", 2)]),
        ('{"a":1.5,"b":2', [("a", 1.5)]),  # the number may go on
        ('{"a":1.5,"b":', [("a", 1.5)]),
        ('{"a":1.5,"b', [("a", 1.5)]),
        ('{"a,}\\"":[1,2],"b":1', [('a,}"', [1, 2])]),
        ('{"a"', []),
        ("{}", []),
        ("{", []),
        ("", []),
    ],
)
def test_the_first_groups_are_read_from_the_first_bytes(text, pairs) -> None:
    assert first_pairs(text) == pairs


def test_values_that_are_not_numbers_are_sorted_and_printed_as_json(capsys) -> None:
    chosen = list(result.choose({"a": [1, 2], "b": [3], "c": [1, 2]}.items(), "value", 2))
    assert [key for key, _ in chosen] == ["b", "a"]
    result.write(chosen, "csv")
    assert capsys.readouterr().out == 'key,value1\nb,3\na,"[1, 2]"\n'


@pytest.mark.parametrize(
    ("pairs", "printed"),
    [
        ([("a", [1, "x"]), ("b", [2, None])], "key,value1,value2\na,1,x\nb,2,null\n"),
        ([("a", {"n": 1, "m": 2.5}), ("b", {"m": 1, "n": 2})], "key,n,m\na,1,2.5\nb,2,1\n"),
        ([("a", [1, 2]), ("b", 3), ("c", [1])], "key,value1,value2\na,1,2\nb,3,\nc,[1],\n"),
        ([("a", []), ("b", {})], "key,value\na,[]\nb,{}\n"),
    ],
)
def test_what_a_value_holds_has_columns_of_its_own(pairs, printed, capsys) -> None:
    result.write(pairs, "csv")
    assert capsys.readouterr().out == printed


def test_a_table_has_columns_side_by_side_and_digits_in_groups(capsys) -> None:
    result.write([("a", [1234567, "x"]), ("long", [-1.5, "\x1b"])], "table")
    assert capsys.readouterr().out == (
        "key      value1  value2\na     1,234,567  x\nlong       -1.5  \\x1b\n"
    )


def test_values_without_an_order_are_said_to_be_so() -> None:
    with pytest.raises(JobError, match="leave out --sort value"):
        list(result.choose({"a": 1, "b": "x"}.items(), "value", None))
