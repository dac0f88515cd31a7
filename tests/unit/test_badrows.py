"""Bad rows in an output's metadata, and when there are too many of them."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state import badrows
from state.badrows import BadRows
from state.outputs import Counts

FAULTS = st.lists(st.builds(BadRows, st.text(), st.integers(1, 10**11), st.text(max_size=300)))


@given(found=FAULTS)
def test_what_is_packed_is_short_ascii_and_counts_every_row(found) -> None:
    packed = badrows.pack(found)
    assert packed.isascii()
    assert packed.isprintable()
    assert len(packed) <= badrows.MAX_FAULTS
    read = badrows.unpack(packed, "here")
    assert sum(one.count for one in read) == sum(one.count for one in found)
    assert len(read) <= badrows.SHOWN + 1


def test_the_most_frequent_are_shown_and_the_others_counted() -> None:
    found = [BadRows(name, count, f"row {name}") for count, name in enumerate("abcde", 1)]
    assert badrows.most_frequent([*found, BadRows("a", 10, "another")]) == [
        BadRows("a", 11, "row a"),
        BadRows("e", 5, "row e"),
        BadRows("d", 4, "row d"),
        BadRows(badrows.OTHER, 5),
    ]


def test_what_fits_is_read_back_as_it_was() -> None:
    found = (BadRows("fewer than 4 columns", 3, 'x,"ü"\x00'), BadRows("not UTF-8", 1, "\\xff"))
    assert badrows.unpack(badrows.pack(found), "here") == found
    assert badrows.unpack(badrows.pack([]), "here") == ()


NONE = ["", "x", "7", "[7]", "[[1, 2]]", '[["a", "b", "c"]]', "{}x", '[["a", -1, ""]]', "[" * 2000]


@pytest.mark.parametrize("text", NONE)
def test_metadata_that_is_none_is_said_and_passed_over(text: str, capsys) -> None:
    assert badrows.unpack(text, "job/task/mapper/1") == ()
    assert "job/task/mapper/1: its faults are " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("lines", "errors", "allowed", "message"),
    [
        (0, 0, 0.01, ""),
        (100, 0, 0.0, ""),
        (100, 1, 0.01, ""),
        (100, 2, 0.01, "2 of 100 rows are bad, 2 %, and more than 1 %"),
        (3, 3, 0.01, "3 of 3 rows are bad, 100 %, and more than 1 %"),
        (1000, 1, 0.0, "1 of 1000 rows are bad, 0.1 %, and more than 0 %"),
        (3, 3, 1.0, ""),
        (0, 1, 0.01, "1 of 0 rows are bad, 100 %"),  # another's metadata may say so
    ],
)
def test_more_bad_rows_than_allowed(lines, errors, allowed, message) -> None:
    found = badrows.too_many(lines, errors, allowed)
    assert found.startswith(message)
    assert bool(found) == bool(message)


LONG = Counts(
    1.5, 2.5, 10**9, 3, 10**6, 10**12, 10**6, 'x,"é\x00😀' * 200, "teil é+😀/" * 100, 7,
    tuple(BadRows(f"é{number}" * 50, 10**9, "ü" * 300) for number in range(9)),
)  # fmt: skip


def test_all_texts_about_bad_rows_fit_into_600_bytes_of_an_outputs_metadata() -> None:
    metadata = LONG.to_metadata()
    assert all(value.isascii() and value.isprintable() for value in metadata.values())
    assert sum(len(metadata[name]) for name in ("errexample", "errobject", "faults")) <= 600
    assert unquote(metadata["errobject"]).startswith("...")
    assert unquote(metadata["errobject"]).endswith("teil é+😀/")


def test_what_is_counted_of_bad_rows_is_read_back() -> None:
    faults = (BadRows("fewer than 4 columns", 2, "1,ü"),)
    counts = Counts(1.25, 1.5, 3, 2, 4096, 77, 2, "1,ü", "in/ä 1", 5, faults)
    head = {"Metadata": counts.to_metadata(), "LastModified": datetime.fromtimestamp(9, UTC)}
    assert Counts.from_head(head, "here") == counts
