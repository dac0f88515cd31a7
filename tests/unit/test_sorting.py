"""Pairs in order, in memory or by way of a file: the same as `sorted` has them."""

from __future__ import annotations

import operator
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import JobError
from views import result, sorting

NUMBERS = st.integers() | st.floats(allow_nan=False)
BY_KEY = operator.itemgetter(0)


@pytest.fixture(autouse=True, scope="module")
def short_runs():
    """Runs of three pairs or so, so that a few make a file of many runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorting, "RUN_WEIGHT", 3 * sorting.PAIR_WEIGHT)
        patch.setattr(sorting, "MOST_TOP", 2)
        yield


@given(st.dictionaries(st.text(), NUMBERS), st.none() | st.integers(1, 9))
def test_numbers_are_sorted_by_key_and_by_value(groups, top) -> None:
    by_key = sorted(groups.items(), key=BY_KEY)
    by_value = sorted(by_key, key=lambda pair: pair[1], reverse=True)
    assert list(result.choose(groups.items(), "key", top)) == by_key[:top]
    assert list(result.choose(groups.items(), "value", top)) == by_value[:top]


@given(st.dictionaries(st.text(), st.lists(st.integers(0, 2), max_size=2)))
def test_lists_are_sorted_by_value_the_largest_first(groups) -> None:
    by_key = sorted(groups.items(), key=BY_KEY)
    expected = sorted(by_key, key=lambda pair: pair[1], reverse=True)
    assert list(result.choose(groups.items(), "value", None)) == expected


def test_numbers_and_texts_in_different_runs_have_no_order() -> None:
    groups = {str(number): number for number in range(20)} | {"x": "text"}
    with pytest.raises(JobError, match="leave out --sort value"):
        list(result.choose(groups.items(), "value", None))


def test_a_disk_that_is_full_is_said_with_what_helps(small_disk) -> None:
    many = ((f"{number:06}", "x" * 1000) for number in range(1000))
    with (
        small_disk(100_000),
        pytest.raises(JobError, match=r"TMPDIR, or leave it unsorted") as told,
    ):
        list(sorting.ordered(many, BY_KEY))
    assert tempfile.gettempdir() in str(told.value)
