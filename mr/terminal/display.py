"""The display of a run in a terminal: a live one with `rich`, or a plain line every few seconds.

All of it goes to standard error. `rich` is optional: without it, and where standard error is no
terminal, lines are printed.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol

from aws.invoker import Throttled
from errors import JobError, log, visible
from running import listener
from running.listener import MapperTotals
from running.planning import Plan
from running.request import JobRequest
from state.progress import Progress
from state.records import JobInfo
from terminal.eventlines import EventLines
from terminal.program import undisturbed
from terminal.score import RunProgress, Snapshot
from views.words import size

LINE_SECONDS = 5.0
"""How often a plain line is printed at most, and at least while mappers are at work."""
REFRESHES_A_SECOND = 8
BAR_WIDTH = 30


class Screen(Protocol):
    """Where snapshots are shown."""

    def begin(self, job_id: str, snapshot: Callable[[], Snapshot]) -> None:
        """The run begins; `snapshot` gives its state at any time."""

    def end(self) -> None:
        """The run has ended, one way or the other."""


class Display(listener.Listener):
    """A listener that keeps the score and has a screen show it. A context manager."""

    def __init__(self, screen: Screen, clock: Callable[[], float] = time.monotonic) -> None:
        self._screen = screen
        self._clock = clock
        self._progress = RunProgress([], clock())

    def __enter__(self) -> Display:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._screen.end()

    def snapshot(self) -> Snapshot:
        return self._progress.snapshot(self._clock())

    def planned(self, request: JobRequest, plan: Plan) -> None:
        self._begin(request.job_id, plan.batch_sizes)

    def joined(self, job: JobInfo, sizes: list[int]) -> None:
        self._begin(job.job_id, sizes)

    def _begin(self, job_id: str, sizes: list[int]) -> None:
        self._progress = RunProgress(sizes, self._clock())
        self._screen.begin(job_id, self.snapshot)

    def mapper_started(self, mapper_id: int) -> None:
        self._progress.started(mapper_id, self._clock())

    def mapper_failed(self, mapper_id: int, error: JobError) -> None:
        self._progress.stopped(mapper_id, failed=not isinstance(error, Throttled))

    def mapper_done(self, mapper_id: int, totals: MapperTotals, count: int) -> None:
        self._progress.done(mapper_id, totals.lines, self._clock())

    def mapped(self, s3: Any, job: JobInfo, totals: MapperTotals) -> None:
        """Said by the summary."""

    def moved(self, progress: Progress) -> None:
        self._progress.moved(progress)

    def finished(self, job: JobInfo) -> None:
        """Said by the summary."""


class PlainScreen:
    """A line every few seconds, where it says something new."""

    def __init__(self, seconds: float = LINE_SECONDS) -> None:
        self._seconds = seconds
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._snapshot: Callable[[], Snapshot] | None = None

    def begin(self, job_id: str, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot
        self._thread = threading.Thread(target=self._print_lines, args=(snapshot,), daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        if self._thread is not None and self._snapshot is not None:
            self._thread.join()
            log(self._snapshot().line())

    def _print_lines(self, snapshot: Callable[[], Snapshot]) -> None:
        while not self._ended.wait(self._seconds):
            log(snapshot().line())


class LiveScreen:
    """A few lines that stay in place and change, drawn by `rich`."""

    def __init__(self, console: Any) -> None:
        self._console = console
        self._live: Any = None

    def begin(self, job_id: str, snapshot: Callable[[], Snapshot]) -> None:
        from rich.live import Live

        self._live = Live(
            console=self._console,
            get_renderable=lambda: drawing(job_id, snapshot()),
            refresh_per_second=REFRESHES_A_SECOND,
            redirect_stdout=False,
        )
        with undisturbed():
            self._live.start()

    def end(self) -> None:
        if self._live is not None:
            with undisturbed():
                self._live.stop()


def drawing(job_id: str, shown: Snapshot) -> Any:
    """A snapshot as `rich` draws it."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(justify="left")
    table.add_column(width=BAR_WIDTH)
    table.add_column(justify="left")

    def row(name: str, done: int, due: int, text: str) -> None:
        table.add_row(Text(name, style="bold"), ProgressBar(due, done, width=BAR_WIDTH), Text(text))

    failed = f", {shown.failures()}" if shown.failed else ""
    counts = f"{shown.done} of {shown.mappers} done, {len(shown.running)} at work{failed}"
    row("mappers", shown.done, shown.mappers, counts)
    for step, done, due in shown.steps:
        row(f"step {step}", done, due, f"{done} of {due} reducers done")
    rates = f"{size(shown.byte_rate)}/s, {shown.line_rate:,.0f} lines/s"
    table.add_row(Text(visible(job_id), style="cyan"), Text(rates), Text(shown.time()))
    if shown.slow:
        table.add_row(Text("slow", style="yellow"), "", Text(shown.stragglers(), style="yellow"))
    return table


def chosen(options: argparse.Namespace) -> Display | EventLines:
    """The display that was asked for."""
    return EventLines() if options.events else for_terminal(options.quiet)


def for_terminal(quiet: bool) -> Display:
    """The display that suits standard error: live, or plain where it cannot be or `quiet`."""
    if quiet or not sys.stderr.isatty() or os.environ.get("NO_COLOR"):
        return Display(PlainScreen())
    try:
        from rich.console import Console
    except ImportError:
        return Display(PlainScreen())
    return Display(LiveScreen(Console(stderr=True)))
