"""Backup copies: which tasks are late, who is started once more, and what it brings."""

from __future__ import annotations

import statistics
import threading

import pytest

from aws.invoker import FunctionFailed, call_all
from errors import JobError
from local.simulated.groups import alike
from local.simulated.job import Layout, request_for, simulate
from local.simulated.rates import Rates
from local.simulated.work import Query
from running.backups import LEAST_SECONDS, Copies, late, named
from state.progress import Progress

TEN = [float(number) for number in range(1, 11)]


@pytest.mark.parametrize(
    ("waiting", "ended", "count", "expected"),
    [
        ({}, TEN, 13, []),
        ({11: 11.6, 12: 11.8, 13: 99.0}, TEN, 13, [12, 13]),  # 1.3 x 9
        ({2: 99.0}, TEN[:6], 9, []),  # too few to tell what is usual
        ({8: 99.0}, [1.0] * 14, 20, []),  # too few have ended
        ({8: 1.9, 9: 2.1}, [1.0] * 18, 20, [9]),  # a copy takes a second to begin
        ({}, [], 0, []),
    ],
)
def test_late_is_who_takes_much_longer_than_most(waiting, ended, count, expected) -> None:
    assert late(waiting, ended, count) == expected


def watched(first: int = 0):
    """Copies that are started, and the clock."""
    now, started = [0.0], []
    return Copies(lambda *what: started.append(what), lambda: now[0], first), now, started


def progress(step: int, due: int, *missing: int) -> Progress:
    return Progress(step, due - len(missing), due, missing)


def test_each_late_task_of_each_step_is_started_once_more() -> None:
    copies, now, started = watched()
    copies.look(progress(0, 20, *range(1, 21)))
    now[0] = 10.0
    copies.look(progress(0, 20, 3, 7))
    now[0] = 13.5
    for _ in range(2):
        copies.look(progress(0, 20, 3, 7))
    assert started == [(0, [3, 7])]
    copies.look(progress(1, 12, *range(1, 13)))
    now[0] = 14.0
    copies.look(progress(1, 12, 12))
    now[0] = 14.0 + 2 * LEAST_SECONDS
    copies.look(progress(1, 12, 12))
    assert started == [(0, [3, 7]), (1, [12])]


def test_mappers_that_someone_else_waits_for_are_not_started() -> None:
    copies, now, started = watched(first=1)
    copies.look(progress(0, 20, *range(1, 21)))
    now[0] = 100.0
    copies.look(progress(0, 20, 3))
    assert started == []


def test_a_copy_that_cannot_be_started_ends_nothing(capsys) -> None:
    def refuse(step: int, numbers: object) -> None:
        raise JobError("you may not")

    now = [0.0]
    copies = Copies(refuse, lambda: now[0])
    copies.look(progress(0, 20, 1))
    now[0] = 50.0
    copies.look(progress(0, 20, 1))
    assert "mapper 1" in capsys.readouterr().err


def test_some_are_named() -> None:
    assert named(0, [1, 2]) == "mapper 1, mapper 2"
    assert named(2, range(1, 9)).endswith("reducer 2/5, ...")


# ------------------------------------------------------------------- calls that are waited for


class Slow:
    """A function whose first call for 3 does not end before it is let go."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls: list[int] = []
        self.let_go = threading.Event()
        self._error = error

    def __call__(self, number: int) -> int:
        self.calls.append(number)
        if number == 3 and self.calls.count(3) == 1:
            assert self.let_go.wait(30)
        elif number == 3 and self._error:
            error, self._error = self._error, None
            self.let_go.set()
            raise error
        return number * 10


def all_but_the_usual(waiting, ended, count) -> list[int]:
    return sorted(waiting) if len(ended) == count - 1 else []


def test_the_first_answer_of_two_calls_counts() -> None:
    function, answers = Slow(), {}
    call_all(function, [1, 2, 3], 3, 0, answers.__setitem__, late=all_but_the_usual)
    assert answers == {0: 10, 1: 20, 2: 30}
    assert sorted(function.calls) == [1, 2, 3, 3]
    function.let_go.set()


def test_a_copy_that_fails_leaves_the_first_call_to_end() -> None:
    function, answers = Slow(FunctionFailed("boom")), {}
    call_all(function, [1, 2, 3], 3, 0, answers.__setitem__, late=all_but_the_usual)
    assert answers == {0: 10, 1: 20, 2: 30}


# ------------------------------------------------------------------- what it brings


def runs(**options):
    """Jobs of 400 mappers, of which 1 % run five times as slow: seconds and dollars of each."""
    layout = Layout(126_800_000_000, 400, Query(alike(2000), 164, 28))
    rates = Rates(straggler_share=0.01, straggler_factor=5.0)
    request = request_for(split_size=320_000_000, **options)
    reports = [simulate(request, layout, rates, seed) for seed in range(1, 4)]
    assert [one.failure for one in reports] == [""] * 3
    return [one.seconds for one in reports], sum(one.dollars for one in reports)


@pytest.mark.parametrize("how", [{"wait": True}, {"concurrency": 400}])
def test_stragglers_hardly_delay_a_job(how) -> None:
    seconds, dollars = runs(**how)
    assert max(seconds) < 1.3 * statistics.median(seconds)
    without, cheaper = runs(**how, no_backups=True)
    assert statistics.median(seconds) < 0.8 * statistics.median(without)
    assert dollars < 1.03 * cheaper
