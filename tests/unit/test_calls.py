"""Calls of functions, read out of a job's log lines."""

from __future__ import annotations

import pytest

from state.opening import asked
from views.calls import Billed, Call, billed, calls_of
from views.logs import LogLine

REPORT = (
    "REPORT RequestId: {}\tDuration: 1500.00 ms\tBilled Duration: {} ms\tMemory Size: 512 MB\t"
    "Max Memory Used: 90 MB"
)
RUN = "run run1 of job job1: "


def lines(task: str, request: str, *texts: str, start: float = 0.0) -> list[LogLine]:
    """The lines of one call, a second apart."""
    said = [f"START RequestId: {request} Version: $LATEST", *texts]
    return [
        LogLine(start + number, "mapperNS", task, text, request) for number, text in enumerate(said)
    ]


def test_a_call_that_ended_well() -> None:
    told = lines("mapper 3", "a", f"{RUN}mapper 3 reads 1,200 objects", REPORT.format("a", 1501))
    assert calls_of(told) == [
        Call("mapperNS", "mapper 3", "a", 1, 0.5, 2.0, 1501, None, 512, 90, False, 1200)
    ]


def test_a_call_says_when_it_was_asked_for() -> None:
    for task, did in (("mapper 3", "reads 2 objects"), ("coordinator", "looks")):
        told = lines(task, "a", f"{RUN}{task} {did}{asked(1790000000.1234)}")
        assert calls_of(told)[0].invoked == 1790000000.123
        assert calls_of(lines(task, "a", f"{RUN}{task} {did}{asked(0)}"))[0].invoked is None


def test_a_cold_start_has_its_init_time() -> None:
    told = lines("mapper 3", "a", REPORT.format("a", 1501) + "\tInit Duration: 312.50 ms\t")
    assert calls_of(told)[0].init_ms == 312.5


def test_a_call_without_an_end_is_there() -> None:
    (call,) = calls_of(lines("mapper 3", "a", f"{RUN}mapper 3 reads 1 object", start=7))
    assert (call.started, call.ended, call.billed_ms, call.seconds) == (7, None, None, 0)


@pytest.mark.parametrize(
    "said",
    [
        "[ERROR] ValueError: x",
        "2026-01-01T00:00:00Z a Task timed out after 3.00 seconds",
        "RequestId: a Error: Runtime exited with error: signal: killed",
        "Traceback (most recent call last):",
    ],
)
def test_a_call_that_failed(said: str) -> None:
    (call,) = calls_of(lines("mapper 3", "a", said, REPORT.format("a", 1)))
    assert call.failed


def test_tries_of_a_task_are_counted_also_those_that_lambda_makes_of_the_same_event() -> None:
    """Lambda repeats an event under its request id."""
    first = lines("mapper 3", "a", REPORT.format("a", 1))
    again = lines("mapper 3", "a", REPORT.format("a", 1), start=60)
    other = lines("mapper 3", "b", REPORT.format("b", 1), start=90)
    beside = lines("mapper 4", "c", REPORT.format("c", 1), start=95)
    found = calls_of([*first, *again, *other, *beside])
    assert [(one.task, one.request_id, one.attempt) for one in found] == [
        ("mapper 3", "a", 1),
        ("mapper 3", "a", 2),
        ("mapper 3", "b", 3),
        ("mapper 4", "c", 1),
    ]


def test_every_coordinator_is_a_first_try() -> None:
    told = [line for name in "ab" for line in lines("coordinator", name, REPORT.format(name, 1))]
    assert [call.attempt for call in calls_of(told)] == [1, 1]


def test_what_lambda_billed_is_summed_by_function() -> None:
    told = [
        *lines("mapper 1", "a", REPORT.format("a", 1500)),
        *lines("mapper 2", "b", "Billed Duration: 7 ms, says a mapper", REPORT.format("b", 500)),
        *lines("mapper 4", "e", REPORT.format("e", 500) + "\tInit Duration: 312.50 ms\t"),
        *lines("mapper 3", "c"),
        LogLine(4, "reducerNS", "step 1 reducer 1", REPORT.format("d", 11), "d"),
    ]
    assert billed(told) == [
        Billed("mapperNS", 512, 3, 2.5, 1, 0.3125),
        Billed("reducerNS", 512, 1, 0.011),
    ]


@pytest.mark.parametrize(
    "report",
    [
        REPORT.format("another", 7),
        REPORT.format("a", "1.2.3"),
        REPORT.format("a", "x"),
        REPORT.format("a", "9" * 400),
        REPORT.format("a", ""),
    ],
)
def test_a_report_that_is_none_is_passed_over(report: str) -> None:
    """What a job prints may look like one, of another request say: Lambda's own comes last."""
    assert billed(lines("mapper 1", "a", report)) == []
    told = lines("mapper 1", "a", report, REPORT.format("a", 8))
    assert billed(told) == [Billed("mapperNS", 512, 1, 0.008)]
