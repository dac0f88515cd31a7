"""How far a run is, moment by moment."""

from __future__ import annotations

import pytest

from state.progress import Progress
from terminal.score import RunProgress
from views.words import size


def test_nothing_is_expected_before_a_mapper_has_ended() -> None:
    run = RunProgress([100, 100], 10.0)
    run.started(1, 10.0)
    shown = run.snapshot(12.0)
    assert (shown.mappers, shown.done, shown.running, shown.remaining) == (2, 0, (1,), None)
    assert shown.line() == "0 of 2 mappers done, 1 at work; 2 s"


def test_rates_and_expected_time_come_from_what_is_done() -> None:
    run = RunProgress([1000, 1000, 2000], 0.0)
    run.started(1, 0.0)
    run.started(2, 0.0)
    run.done(1, 50, 4.0)
    run.started(3, 4.0)
    shown = run.snapshot(5.0)
    assert (shown.byte_rate, shown.line_rate, shown.remaining) == (200.0, 10.0, 15.0)
    assert shown.line() == (
        "1 of 3 mappers done, 2 at work; 200 bytes/s, 10 lines/s; 5 s, mappers about 15 s more"
    )


def test_rates_stay_when_all_mappers_are_done() -> None:
    run = RunProgress([1000], 0.0)
    run.started(1, 0.0)
    run.done(1, 10, 2.0)
    shown = run.snapshot(100.0)
    assert (shown.byte_rate, shown.remaining, shown.elapsed) == (500.0, None, 100.0)


@pytest.mark.parametrize(("failed", "count"), [(True, 1), (False, 0)])
def test_a_throttled_try_is_not_a_failure(failed: bool, count: int) -> None:
    run = RunProgress([1], 0.0)
    run.started(1, 0.0)
    run.stopped(1, failed)
    shown = run.snapshot(1.0)
    assert (shown.failed, shown.running) == (count, ())
    assert ("1 try failed" in shown.line()) == failed


def test_mappers_that_take_much_longer_are_named() -> None:
    run = RunProgress([1] * 4, 0.0)
    for mapper_id in (1, 2, 3, 4):
        run.started(mapper_id, 0.0)
    run.done(1, 1, 3.0)
    run.done(2, 2, 3.0)
    assert run.snapshot(6.0).slow == ()
    shown = run.snapshot(7.0)
    assert shown.slow == ((3, 7.0), (4, 7.0))
    assert shown.line().endswith("slow: mapper 3 (7 s), mapper 4 (7 s)")


def test_reduce_steps_follow_the_job() -> None:
    run = RunProgress([1], 0.0)
    run.started(1, 0.0)
    run.done(1, 1, 1.0)
    run.moved(Progress(0, 1, 1, ()))
    assert run.snapshot(2.0).steps == ()
    run.moved(Progress(1, 1, 3, (2, 3)))
    run.moved(Progress(2, 0, 1, (1,)))
    assert run.snapshot(2.0).steps == ((1, 3, 3), (2, 0, 1))
    run.moved(Progress(2, 1, 1, (), finished=True))
    shown = run.snapshot(9.0)
    assert (shown.steps, shown.finished) == (((1, 3, 3), (2, 1, 1)), True)
    assert shown.line() == "step 1: 3 of 3 reducers, step 2: 1 of 1 reducers done, 9 s"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1500, "1.5 kB"),
        (14_000_797, "14 MB"),
        (2.5e9, "2.5 GB"),
        (126.8e9, "127 GB"),
        (3e12, "3 TB"),
    ],
)
def test_sizes_for_a_person(count, text) -> None:
    assert size(count) == text
