"""The jobs of a bucket in lines."""

from __future__ import annotations

import pytest

from views.listed import ListedJob, lines
from views.words import duration


def test_one_line_a_job() -> None:
    jobs = [
        ListedJob("job1", "running", 30.0, 2, 12),
        ListedJob("a-long-name", "done", 7300.0, 400, 400, 1_234_567, 0.0412),
        ListedJob("x\x1b[2J", "unreadable"),
    ]
    assert lines(jobs) == [
        "job          state       age   mappers  rows       cost",
        "job1         running     30 s  2/12     -          -",
        "a-long-name  done        2 h   400/400  1,234,567  $0.0412",
        r"x\x1b[2J     unreadable  -     -        -          -",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (86_400 * 3, "3 days")],
)
def test_a_time_has_one_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text
