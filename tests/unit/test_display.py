"""What a run shows while it goes: plain lines, or the live display."""

from __future__ import annotations

import builtins
import io
import re
import sys
import time

import pytest

from aws.invoker import FunctionFailed, Throttled
from running.listener import MapperTotals
from running.planning import Plan
from running.request import JobRequest
from state.progress import Progress
from terminal import display
from terminal.display import Display, LiveScreen, PlainScreen

REQUEST = JobRequest(job_id="job1")
PLAN = Plan([["a"], ["b"]], [1000, 1000], 2, 2000)


def play(shown: Display) -> None:
    """A whole run of two mappers, one of which fails once."""
    shown.planned(REQUEST, PLAN)
    shown.mapper_started(1)
    shown.mapper_started(2)
    shown.mapper_failed(2, FunctionFailed("boom"))
    shown.mapper_started(2)
    shown.mapper_failed(2, Throttled("later"))
    shown.mapper_started(2)
    totals = MapperTotals()
    for mapper_id in (1, 2):
        totals.add(mapper_id, [1, 50, 0.5, 0])
        shown.mapper_done(mapper_id, totals, 2)
    shown.moved(Progress(1, 0, 1, (1,)))
    shown.moved(Progress(1, 1, 1, (), finished=True))


def test_plain_lines_end_with_where_the_run_is(capsys) -> None:
    with Display(PlainScreen()) as shown:
        play(shown)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "step 1: 1 of 1 reducers done, 0 s\n"


def test_plain_lines_come_every_few_seconds(capsys) -> None:
    with Display(PlainScreen(seconds=0.01)) as shown:
        shown.planned(REQUEST, PLAN)
        shown.mapper_started(1)
        deadline, said = time.monotonic() + 30, ""
        expected = "0 of 2 mappers done, 1 at work; 0 s\n" * 3
        while expected not in said and time.monotonic() < deadline:
            said += capsys.readouterr().err
    assert expected in said


def test_a_run_that_was_never_planned_shows_nothing(capsys) -> None:
    with pytest.raises(RuntimeError), Display(PlainScreen()):
        raise RuntimeError
    assert capsys.readouterr().err == ""


def test_failed_tries_are_counted_and_throttled_ones_are_not() -> None:
    with Display(PlainScreen()) as shown:
        play(shown)
        found = shown.snapshot()
    assert (found.failed, found.done, found.lines, found.running) == (1, 2, 100, ())


def test_the_live_display_draws_mappers_and_steps() -> None:
    console = pytest.importorskip("rich.console")
    text = io.StringIO()
    screen = LiveScreen(
        console.Console(file=text, force_terminal=True, width=100, color_system=None)
    )
    with Display(screen) as shown:
        play(shown)
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.getvalue()).splitlines()
    assert any(re.search(r"mappers .* 2 of 2 done, 0 at work, 1 try failed", row) for row in last)
    assert any(re.search(r"step 1 .* 1 of 1 reducers done", row) for row in last)
    assert any("job1" in row and "lines/s" in row for row in last)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("terminal", "no_color", "quiet", "kind"),
    [
        (True, "", False, LiveScreen),
        (True, "1", False, PlainScreen),
        (True, "", True, PlainScreen),
        (False, "", False, PlainScreen),
    ],
)
def test_the_display_is_live_in_a_terminal_only(monkeypatch, terminal, no_color, quiet, kind):
    pytest.importorskip("rich")
    monkeypatch.setattr(sys, "stderr", Terminal() if terminal else io.StringIO())
    monkeypatch.setenv("NO_COLOR", no_color)
    assert isinstance(display.for_terminal(quiet)._screen, kind)


def test_without_rich_lines_are_printed(monkeypatch) -> None:
    real = builtins.__import__

    def without_rich(name, *rest):
        if name.startswith("rich"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(builtins, "__import__", without_rich)
    assert isinstance(display.for_terminal(quiet=False)._screen, PlainScreen)
