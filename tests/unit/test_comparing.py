"""Two jobs, and two experiments, side by side."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from errors import UsageError
from experiments import table
from terminal import comparing
from tests.unit.test_experiments import row
from tests.unit.test_summary import summed_up
from views.comparing import FIGURES, Line, compare


def test_two_jobs_by_every_figure() -> None:
    first = summed_up()
    half = [dataclasses.replace(one, seconds=one.seconds / 2) for one in first.functions]
    second = dataclasses.replace(first, functions=tuple(half))
    found = {line.name: line for line in compare(first, second)}
    assert list(found) == list(FIGURES)
    assert found["billed_s"] == Line("billed_s", 13.0, 6.5)
    assert found["billed_s"].ratio == 0.5
    assert (found["mappers"].first, found["reducers"].first, found["steps"].first) == (3, 1, 1)
    assert (found["mapper_median_s"].first, found["mapper_longest_s"].first) == (2.0, 9.0)
    assert (found["rows"].first, found["bad_rows"].first, found["groups"].first) == (30, 2, 6)


@pytest.mark.parametrize(
    ("first", "second", "ratio"), [(2, 3, 1.5), (0, 3, None), (None, 3, None), (3, None, None)]
)
def test_a_ratio_means_something_or_is_none(first, second, ratio) -> None:
    assert Line("x", first, second).ratio == ratio


def write(path: Path, *rows: table.Row) -> str:
    for one in rows:
        table.append(path, one)
    return str(path)


def test_two_experiments_by_their_combinations(tmp_path: Path) -> None:
    first = write(tmp_path / "a.csv", row(memory=512, seconds=4.0), row(memory=1024, seconds=2.0))
    second = write(tmp_path / "b.csv", row(memory=512, seconds=2.0), row(memory=2048, seconds=1.0))
    found = {line.name: (line.first, line.second) for line in comparing.lines(None, first, second)}
    assert found["512 MB: seconds"] == (4.0, 2.0)
    assert found["1024 MB: seconds"] == (2.0, None)
    assert found["2048 MB: seconds"] == (None, 1.0)
    assert len(found) == 6


@pytest.mark.parametrize("other", ["job1000", "s3://jobs", "s3://jobs/a/b", "x.csv"])
def test_what_cannot_be_compared_is_said(tmp_path: Path, other: str) -> None:
    with pytest.raises(UsageError, match=r"is no job|compare two jobs"):
        comparing.lines(None, other, "s3://jobs/job1")
