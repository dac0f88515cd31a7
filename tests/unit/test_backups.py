"""Backup copies: which tasks are late, who is started once more, and what it brings."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Sequence

import pytest

from aws.invoker import FunctionFailed, call_all
from errors import JobError
from local.simulated.groups import alike
from local.simulated.job import Layout, request_for, simulate
from local.simulated.rates import Rates
from local.simulated.work import Query
from running.backups import LEAST_SECONDS, Copies, last_begin, late, named, span
from running.ended import Ended
from state.outputs import Counts
from state.progress import Progress
from tests.model import World, clients

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


SAME = [(0.0, 10.0), (0.5, 9.0), (1.0, 11.0)]
"""Tasks that were started at once: when they began and ended."""
TURNS = [(0.0, 10.0), (0.0, 9.0), (9.0, 18.0)]
"""Tasks of which two run at a time."""


@pytest.mark.parametrize(
    ("began", "ended", "expected"),
    [
        (0.0, [], 0.0),
        (0.0, SAME, 1.0),
        (0.0, TURNS, 36.0),  # an event for which there was no room at 18 may be tried at 36
        (50.0, SAME, 50.0),  # the others were started again later
        (50.0, TURNS, 50.0),
    ],
)
def test_who_is_at_work_began_at_the_latest_then(began, ended, expected) -> None:
    assert last_begin(began, ended) == expected


def test_an_output_of_a_mapper_of_ones_own_tells_only_when_it_was_written() -> None:
    assert span(Counts(105.0, 2.5, 1), 100.0) == (105.0, 107.5)
    assert span(Counts(109.0, 0.0, 1), 100.0) == (100.0, 109.0)
    assert span(Counts(99.0, 0.0, 1), 100.0) == (100.0, 100.0)


class Watched:
    """Tasks that all begin with their step, and copies of them, as somebody sees them who looks
    on from some moment on.
    """

    def __init__(self, first: int = 0, refuses: bool = False) -> None:
        self.world = World(20, now=0.0)
        self.started: list[tuple[int, list[int]]] = []
        self.refuses = refuses
        ended = Ended(clients(self.world), self.world.job)
        self.copies = Copies(self.again, ended, lambda: self.world.now, 0.0, first)

    def again(self, step: int, numbers: Sequence[int]) -> None:
        self.started.append((step, list(numbers)))
        if self.refuses:
            raise JobError("you may not")

    def look(self, step: int, due: int, *missing: int, began: float = 0.0, at: float = 0.0) -> None:
        """Look at the moment `at`; what is not missing by then has ended just now."""
        self.world.now = at
        for number in set(range(1, due + 1)) - set(missing):
            key = self.world.keys.output(step, number)
            if key not in self.world.objects:
                self.world.bucket.write(key, b"{}", Counts(began, at - began, 1).to_metadata())
        self.copies.look(Progress(step, due - len(missing), due, missing, began=began))


def test_each_late_task_of_each_step_is_started_once_more() -> None:
    made = Watched()
    made.look(0, 20, *range(1, 21))
    made.look(0, 20, 3, 7, at=10.0)
    assert made.started == []
    for _ in range(2):
        made.look(0, 20, 3, 7, at=13.5)
    assert made.started == [(0, [3, 7])]
    made.look(1, 12, *range(1, 13), began=13.5, at=13.6)
    made.look(1, 12, 12, began=13.5, at=14.0)
    made.look(1, 12, 12, began=13.5, at=14.0 + 2 * LEAST_SECONDS)
    assert made.started == [(0, [3, 7]), (1, [12])]


def test_who_joins_later_comes_to_the_same() -> None:
    """Tasks 1 to 18 took 10 s; two are at work for 12 s, or 14 s, when somebody joins."""
    for now, expected in ((12.0, []), (14.0, [(0, [3, 7])])):
        made = Watched()
        for number in set(range(1, 21)) - {3, 7}:
            key = made.world.keys.mapper_output(number)
            made.world.bucket.write(key, b"{}", Counts(0.0, 10.0, 1).to_metadata())
        made.look(0, 20, 3, 7, at=now)
        assert made.started == expected


def test_mappers_that_someone_else_waits_for_are_not_started() -> None:
    made = Watched(first=1)
    made.look(0, 20, 3, at=1.0)
    made.look(0, 20, 3, at=100.0)
    assert made.started == []


def test_a_copy_that_cannot_be_started_ends_nothing_and_is_said_once(capsys) -> None:
    made = Watched(refuses=True)
    made.look(0, 20, 1, 2, at=1.0)
    made.look(0, 20, 1, 2, at=50.0)
    made.look(1, 20, 1, began=50.0, at=51.0)
    made.look(1, 20, 1, began=50.0, at=100.0)
    assert made.started == [(0, [1, 2])]
    assert capsys.readouterr().err.count("going on without copies of tasks that take long") == 1


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
