"""Choosing from a job's answer and printing it."""

from __future__ import annotations

import pytest

from errors import JobError
from views import result

GROUPS = {"b": 2.5, "a": 1.0, "c,d": 2.5, "e": -3}


@pytest.mark.parametrize(
    ("sort", "top", "expected"),
    [
        ("key", None, ["a", "b", "c,d", "e"]),
        ("key", 2, ["a", "b"]),
        ("value", None, ["b", "c,d", "a", "e"]),
        ("value", 1, ["b"]),
        ("value", 99, ["b", "c,d", "a", "e"]),
    ],
)
def test_groups_are_sorted_and_cut(sort, top, expected) -> None:
    assert [key for key, _ in result.choose(GROUPS, sort, top)] == expected


def test_csv_quotes_what_must_be_quoted(capsys) -> None:
    result.write([("a", 1.0), ("c,d", 2.5)], "csv")
    assert capsys.readouterr().out == 'key,value\na,1.0\n"c,d",2.5\n'


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
    assert result.whole_pairs(text) == pairs


def test_values_that_are_not_numbers_are_sorted_and_printed_as_json(capsys) -> None:
    chosen = result.choose({"a": [1, 2], "b": [3], "c": [1, 2]}, "value", 2)
    assert [key for key, _ in chosen] == ["b", "a"]
    result.write(chosen, "csv")
    assert capsys.readouterr().out == 'key,value\nb,[3]\na,"[1, 2]"\n'


def test_values_without_an_order_are_said_to_be_so() -> None:
    with pytest.raises(JobError, match="leave out --sort value"):
        result.choose({"a": 1, "b": "x"}, "value", None)
