"""What the check of an account finds wrong, and the rates that it makes of what it measured."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from local import awscheck
from local.simulated.measuring import ASKED, REQUESTS, rates_of, spread
from local.simulated.rates import Rates, Spread
from running.costs import S3Usage
from state.grid import Grid
from state.records import JobData, JobInfo, StepRecord
from views.finished import FinishedJob, Task
from views.logs import LogLine


def task(step: int, number: int, seconds: float) -> Task:
    place = {"step": step, "number": number, "key": f"{step}/{number}", "output_bytes": 7}
    return Task(start=100.0, seconds=seconds, lines=9, **place)


DONE = FinishedJob(
    JobInfo("job1", "jobs", 2, "reducerNS"),
    JobData(2, 2, 99.0),
    {1: StepRecord(Grid(), 2, "o", 0, 0)},
    (task(0, 1, 1.0), task(0, 2, 2.0), task(1, 1, 0.5)),
)


def report(name: str, milliseconds: int, request: str = "") -> LogLine:
    """The end of a call, of a request of its own unless it is named."""
    request = request or f"{name}:{milliseconds}".replace(" ", "-")
    times = f"Duration: 1.21 ms\tBilled Duration: {milliseconds} ms"
    memory = "Memory Size: 512 MB\tMax Memory Used: 90 MB"
    return LogLine(1, "f", name, f"REPORT RequestId: {request}\t{times}\t{memory}", request)


GOOD = {"mapper 1": 1001, "mapper 2": 2000, "step 1 reducer 1": 700, "coordinator": 20}


def logged(**changed: int | None) -> list[LogLine]:
    """The log of a run, with other milliseconds for some of its tasks; None leaves one out."""
    names = {name.replace("_", " "): milliseconds for name, milliseconds in changed.items()}
    return [report(name, found) for name, found in {**GOOD, **names}.items() if found is not None]


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (logged(), ""),
        ([*logged(mapper_2=1500), report("mapper 2", 500)], ""),
        (logged(coordinator=None), "the logs tell of no coordinator"),
        (logged(mapper_2=None), "the logs do not tell of the end of mapper 2"),
        (
            [*logged(step_1_reducer_1=None), LogLine(1, "f", "step 1 reducer 1", "x")],
            "the logs do not tell of the end of step 1 reducer 1",
        ),
        (logged(mapper_2=1999), "mapper 2 recorded 2.0 s, and 1.999 s are billed"),
    ],
    ids=["good", "two tries", "no coordinator", "no mapper", "no end", "less than recorded"],
)
def test_logs_that_do_not_fit_what_was_recorded_are_a_fault(lines, fault: str) -> None:
    assert awscheck.fault_of_logs(DONE, lines) == fault


@pytest.mark.parametrize(
    ("printed", "is_good"),
    [
        ("a line\nTIMER:CALL:3416:mappers:3.000:reducer:0.500\n", True),
        ("TIMER:CALL:3416:mappers:2.000:reducer:0.500\n", False),
        ("TIMER:CALL:3416:mappers:0:reducer:0\n", False),
        ("", False),
    ],
)
def test_a_timing_line_that_is_not_what_was_recorded_is_a_fault(printed: str, is_good) -> None:
    assert (awscheck.fault_of_timer(printed, DONE) == "") == is_good


def event(stream: str, message: str) -> dict[str, Any]:
    return {"logStreamName": stream, "timestamp": 5000, "message": f"{message}\n"}


def test_what_was_billed_is_told_of_each_call_that_has_ended_with_its_memory() -> None:
    first, second = (report("", milliseconds, "a").message for milliseconds in (100, 200))
    events = [
        event("s", "REPORT RequestId: of a call that began before"),
        event("s", "START RequestId: a Version: $LATEST"),
        event("t", "START RequestId: c Version: $LATEST"),
        event("s", first),
        event("s", "START RequestId: a Version: $LATEST"),
        event("t", "REPORT RequestId: c, says a mapper: Memory Size: 7 MB"),
        event("s", second),
    ]
    found = awscheck.ended_calls("mapperNS", events)
    assert [(call.billed_ms, call.memory_mb) for call in found] == [(100, 512), (200, 512)]


def test_the_bill_has_the_requests_of_the_jobs_and_of_what_was_measured() -> None:
    jobs = [SimpleNamespace(s3=S3Usage(10, 20)), SimpleNamespace(s3=S3Usage(1, 2))]
    measured, everything = awscheck.asked([]), awscheck.asked(jobs)
    assert everything == S3Usage(measured.writes + 11, measured.reads + 22)
    assert measured.writes > 3 * REQUESTS and measured.reads > 2 * REQUESTS


# -------------------------------------------------------------------------------------- rates

TIMES = {
    **dict.fromkeys(ASKED, Spread(0.02, 0.1)),
    **dict.fromkeys(("cold", "warm", "queued", "event"), Spread(0.5, 1.0)),
}


def test_rates_have_no_computing_in_the_times_of_requests_and_starts() -> None:
    found = rates_of(TIMES, {1769: 100e6, 512: 100e6 * 512 / 1769})
    usual = Rates()
    assert found["get"] == found["accept"] == Spread(0.02 - usual.request, 0.1 - usual.request)
    assert found["cold"].median == pytest.approx(0.5 - usual.client - usual.next_client)
    assert found["warm"] == TIMES["warm"]


@pytest.mark.parametrize(
    ("speeds", "core"),
    [
        ({512: 100e6 * 512 / 1769, 1024: 100e6 * 1024 / 1769, 1769: 100e6}, 1769),
        ({512: 50e6, 1024: 100e6, 1769: 100e6}, 1024),
        ({512: 100e6, 1024: 100e6, 1769: 100e6}, 768),
    ],
    ids=["as AWS says", "a whole core at 1,024 MB", "memory does not matter"],
)
def test_a_mappers_speed_by_memory_says_what_gives_a_whole_core(speeds, core: float) -> None:
    found = Rates(**rates_of(TIMES, speeds))
    assert found.whole_core == pytest.approx(core)
    a_second = 1 / (1 / found.kernel + 1 / found.receive)
    assert a_second == pytest.approx(100e6)


def test_what_was_measured_can_be_written_down_and_read_again() -> None:
    rates = Rates(**rates_of(TIMES, {1769: 1e8, 512: 5e7}))
    assert Rates.from_json(rates.to_json(), "rates.json") == rates


def test_a_time_is_never_nothing() -> None:
    assert spread([-1.0, 0.0]) == Spread(0.0001, 0.0001)
