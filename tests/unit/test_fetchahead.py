"""Fetching ahead: the same items in the same order, and never too many at once."""

from __future__ import annotations

import contextlib
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aws import fetchahead


def wait_until(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@settings(deadline=None)
@given(
    lists=st.lists(st.lists(st.integers(), max_size=9), max_size=9),
    sources=st.integers(1, 5),
    items=st.integers(1, 5),
)
def test_every_item_comes_once_and_in_order(lists, sources: int, items: int) -> None:
    opens = [lambda values=values: iter(values) for values in lists]
    assert [list(found) for found in fetchahead.in_order(opens, sources, items)] == lists


def test_no_more_is_fetched_than_is_allowed() -> None:
    fetched: list[int] = []

    def source(number: int):
        for _ in range(100):
            fetched.append(number)
            yield number

    opens = [lambda number=number: source(number) for number in range(10)]
    with contextlib.closing(fetchahead.in_order(opens, 3, 4)) as found:
        next(found)
        # Each of the three holds 4 items and has one in hand.
        wait_until(lambda: len(fetched) == 15)
        time.sleep(0.05)
        assert sorted(set(fetched)) == [0, 1, 2]
        assert len(fetched) == 15


def test_an_error_rises_where_the_items_of_its_source_are_read() -> None:
    def broken():
        yield 1
        raise OSError("broken")

    found = fetchahead.in_order([lambda: iter([0]), broken, lambda: iter([2])], 3, 2)
    assert list(next(found)) == [0]
    items = next(found)
    assert next(items) == 1
    with pytest.raises(OSError, match="broken"):
        next(items)


def test_closing_ends_every_thread_and_closes_its_source() -> None:
    closed = []

    def endless(number: int):
        try:
            while True:
                yield number
        finally:
            closed.append(number)

    before = threading.active_count()
    found = fetchahead.in_order([lambda n=n: endless(n) for n in range(5)], 3, 2)
    assert next(next(found)) == 0
    found.close()
    wait_until(lambda: threading.active_count() == before)
    wait_until(lambda: sorted(closed) == [0, 1, 2])
