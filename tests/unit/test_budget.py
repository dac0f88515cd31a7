"""A job is held to its budget: by the forecast before, by the meter while it runs."""

from __future__ import annotations

import time

import pytest

from errors import UsageError
from running.costs import FunctionUsage, Prices
from running.listener import Listener
from running.planning import Plan
from running.request import JobRequest
from state.progress import Progress
from terminal import budget
from terminal.budget import Budget, Meter
from tests.driven import DrivenWorld, driver

USAGES = {
    "mapper": FunctionUsage("mapper", "m", 0, 0.0, 1024),
    "reducer": FunctionUsage("reducer", "r", 0, 0.0, 2048),
}
DOLLAR_A_SECOND = Prices(gb_second={"x86_64": 1.0}, million_calls=0.0)


def test_each_function_counts_while_it_is_at_work() -> None:
    meter = Meter(USAGES, DOLLAR_A_SECOND)
    meter.pass_time(100)
    assert meter.dollars == 0
    for mapper_id in (1, 2, 3):
        meter.started(mapper_id)
    meter.pass_time(10)
    assert meter.dollars == 30
    meter.ended(1)
    meter.ended(1)
    meter.pass_time(10)
    assert meter.dollars == 50
    meter.moved(Progress(1, 1, 4, (1, 2, 3)))
    meter.pass_time(10)
    assert meter.dollars == 50 + 3 * 10 * 2
    meter.moved(Progress(1, 4, 4, (), finished=True))
    meter.pass_time(10)
    assert meter.dollars == 110


def test_calls_count_too() -> None:
    meter = Meter(USAGES, Prices(gb_second={"x86_64": 0.0}, million_calls=1e6))
    meter.started(1)
    meter.started(1)
    meter.moved(Progress(1, 0, 4, (1, 2, 3, 4)))
    meter.moved(Progress(1, 1, 4, (2, 3, 4)))
    assert meter.dollars == 6


def test_a_job_that_is_forecast_to_cost_more_is_refused() -> None:
    made = DrivenWorld(1)
    plan = Plan([["a"]] * 100, [10**9] * 100, 100, 10**11)
    held = Budget(Listener(), driver(made), 0.001, Prices())
    with pytest.raises(UsageError, match=r"expected to cost about \$\d\.\d+, more than \$0\.00100"):
        held.planned(JobRequest(job_id="job1"), plan)
    Budget(Listener(), driver(made), 1000, Prices()).planned(JobRequest(job_id="job1"), plan)


def test_a_job_that_uses_more_is_cancelled(monkeypatch) -> None:
    monkeypatch.setattr(budget, "TICK_SECONDS", 0.01)
    made = DrivenWorld(2)
    made.drive(full_async=True).finish()
    with Budget(Listener(), driver(made), 0.01, DOLLAR_A_SECOND) as held:
        held._request = JobRequest(job_id="job1", mapper="mapper", reducer="reducer")
        held.recorded(None, made.current, [])
        held.mapper_started(1)
        deadline = time.monotonic() + 30
        while made.current.cancelled is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert "was used, more than --max-cost $0.0100" in made.current.cancelled.by
