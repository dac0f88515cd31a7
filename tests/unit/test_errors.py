"""How text from outside is shown and logged: nothing of it is obeyed, and one line stays one."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws.invoker import FunctionFailed
from errors import (
    MAX_SHOWN,
    BadRecord,
    JobError,
    UsageError,
    brief,
    counted,
    is_final,
    log,
    visible,
)
from views.words import size


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b]52;c;aGk=\x07", r"\x1b[2J\x1b]52;c;aGk=\x07"),  # clear screen, clipboard
        ("\x9b31m\x7f", r"\x9b31m\x7f"),
        ("a\nSTART RequestId: b\r\n", r"a\nSTART RequestId: b\r\n"),
        ("a\u2028b\u2029c\x85d", r"a\u2028b\u2029c\x85d"),
        ("\u202eexe.gpj\u202c\u2066\u2069\u200f", r"\u202eexe.gpj\u202c\u2066\u2069\u200f"),
        ("\u200b\ufeff\u2060\U000e0041", r"\u200b\ufeff\u2060\U000e0041"),
        ("\ud800", r"\ud800"),
        ("ä ß 東京\u3000\xa0 \U0001f468\u200d\U0001f469 \u0645\u06cc\u200c\u062e", None),
        ("tab\tand \\ 'quotes'", None),
    ],
)
def test_what_a_terminal_obeys_or_hides_is_an_escape(text: str, shown: str | None) -> None:
    assert visible(text) == (text if shown is None else shown)


@given(st.text(st.characters(exclude_categories=[])))
def test_what_is_visible_can_be_printed_on_one_line_and_stays_as_it_is(text: str) -> None:
    shown = visible(text)
    shown.encode()
    assert len(shown.splitlines()) <= 1
    assert visible(shown) == shown
    controls = {character for character in shown if unicodedata.category(character) == "Cc"}
    assert controls <= {"\t"}


def test_characters_may_be_kept() -> None:
    assert visible("a\r\n\x1b\t", keep="\r\n") == "a\r\n\\x1b\\t"


class Broken:
    def __repr__(self) -> str:
        raise KeyError("no name")


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a\x1b\n", r"'a\x1b\n'"),
        ("\u202e", r"'\u202e'"),
        ({1}, "{1}"),
        (None, "None"),
        (nested(3000), "[[[[...]]]]"),
    ],
    ids=["control", "bidi", "set", "none", "deep"],
)
def test_a_value_in_an_error_is_short_and_visible(value, shown: str) -> None:
    assert brief(value) == shown


@pytest.mark.parametrize(
    "value",
    ["x" * 10**6, list(range(10**6)), b"x" * 1000, Broken(), 10**5000, [10**5000]],
    ids=["text", "list", "bytes", "broken", "digits", "digits in a list"],
)
def test_no_value_makes_an_error_long_or_fails_to_be_shown(value) -> None:
    assert 0 < len(brief(value)) <= MAX_SHOWN


def test_an_error_is_one_line_whatever_it_names() -> None:
    assert str(UsageError("s3://b/a\nb\x1b[2J")) == r"s3://b/a\nb\x1b[2J"


def test_a_line_of_the_log_stays_one_line(capfd) -> None:
    log("job a\nSTART RequestId: 1\njob victim: mapper 1 reads: coordinator looks")
    assert capfd.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (JobError("x"), True),
        (BadRecord("x"), True),
        (FunctionFailed("x"), False),
        (ValueError("x"), False),
    ],
)
def test_only_an_error_of_ours_is_final(error: Exception, final: bool) -> None:
    assert is_final(error) == final


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 mappers"), (1, "1 mapper"), (2, "2 mappers"), (12_345, "12,345 mappers")],
)
def test_a_number_of_things(count: int, words: str) -> None:
    assert counted(count, "mapper") == words


def test_a_plural_of_its_own() -> None:
    assert (counted(1, "try", "tries"), counted(2, "try", "tries")) == ("1 try", "2 tries")


@pytest.mark.parametrize(
    ("count", "words"), [(0.6, "1 byte"), (999, "999 bytes"), (1_234_567, "1.23 MB")]
)
def test_bytes(count: float, words: str) -> None:
    assert size(count) == words


def test_the_log_is_standard_error(capsys) -> None:
    log("a line")
    assert capsys.readouterr() == ("", "a line\n")
