"""The job rankings: the pages above a rank, from rows of CSV."""

from __future__ import annotations

import pytest

from jobs import rankings


def test_rankings_keeps_the_pages_above_the_limit() -> None:
    accumulator = rankings.Accumulator(rank_above=10)
    accumulator.add(b"url1,10,3\nurl2,11,5\n\nurl3,x,1\nurl4\nurl2,12\n\xff,99,1\n\xff,1,1\n")
    assert accumulator.pairs() == {"url2": 12}
    assert (accumulator.lines, accumulator.errors, accumulator.example) == (7, 3, "url3,x,1")
    assert rankings.combine(3, 4) == 4


@pytest.mark.parametrize(
    ("block", "ranks", "errors"),
    [
        (b'"a,b",11,5\nc,12\n', {"a,b": 11, "c": 12}, 0),
        (b"a,1_1,5\nb, 12 ,5\nc,+13\nd,1.5e3,1\n", {"b": 12, "c": 13}, 2),
        (b'a"b,11,5\n"c,12\nd,13,"\n', {}, 3),
        (b"a,11,5\fb,12,5\nc,13\n", {"c": 13}, 1),
    ],
)
def test_rankings_reads_csv_as_the_other_jobs_do(block, ranks, errors) -> None:
    accumulator = rankings.Accumulator(rank_above=10)
    accumulator.add(block)
    assert (accumulator.pairs(), accumulator.errors) == (ranks, errors)
