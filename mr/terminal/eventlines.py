"""A run as lines, one for each thing that happens: `--events`, in place of the live display."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from errors import JobError, log
from running import listener
from running.listener import MapperTotals
from state.progress import Progress
from state.records import JobInfo
from state.tasks import MapperEvent
from views.happenings import Happenings


class EventLines(listener.Listener):
    """A listener that says what has happened in S3 whenever something may have. A context
    manager, as a display is.
    """

    def __init__(self) -> None:
        self._happenings: Happenings | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> EventLines:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing is open."""

    def recorded(self, s3: Any, job: JobInfo, events: Sequence[MapperEvent]) -> None:
        self._happenings = Happenings(s3, job, events)
        self._look()

    def mapper_started(self, mapper_id: int) -> None:
        log(f"driver started mapper {mapper_id}")

    def mapper_failed(self, mapper_id: int, error: JobError) -> None:
        log(f"mapper {mapper_id} failed: {error}")

    def mapper_done(self, mapper_id: int, totals: MapperTotals, count: int) -> None:
        self._look()

    def mapped(self, s3: Any, job: JobInfo, totals: MapperTotals) -> None:
        self._look()

    def moved(self, progress: Progress) -> None:
        self._look()

    def finished(self, job: JobInfo) -> None:
        self._look()

    def _look(self) -> None:
        with self._lock:
            for line in self._happenings.look() if self._happenings else ():
                log(line)
