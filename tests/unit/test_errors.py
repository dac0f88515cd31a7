"""The log, and numbers of things in it."""

from __future__ import annotations

import pytest

from errors import counted, log
from views.words import size


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
