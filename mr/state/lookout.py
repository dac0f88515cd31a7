"""Whether a run is still to go on, for whoever works on it for long.

A driver looks before it starts something. A function has a watch beside it, which ends the work
whatever it is doing: also a job's endless loop over a single line.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from errors import BadRecord, log
from state.runs import OtherRun, Run

LOOK_SECONDS = 4.0
"""How long somebody works on before it is looked again whether the run was cancelled, or its job id
taken. A look is one read of a record: half a percent of what a mapper costs meanwhile.
"""

SIGNAL = signal.SIGURG
"""What the watch interrupts with. Nobody else sends it, and one that comes late is ignored."""

T = TypeVar("T")


class Lookout:
    """Looks now and then whether a run is still to go on, when it is asked."""

    def __init__(self, run: Run, clock: Callable[[], float] = time.monotonic) -> None:
        self._run = run
        self._clock = clock
        self._looked = clock()

    def look(self) -> None:
        """OtherRun where the run is over; S3 is asked every LOOK_SECONDS only."""
        if self._clock() - self._looked >= LOOK_SECONDS:
            self._looked = self._clock()
            self._run.check()


def until_over(run: Run, work: Callable[[], T], seconds: float = LOOK_SECONDS) -> T:
    """What `work` gives. OtherRun soon after the run is over, whatever it is doing then; it is
    looked every so many seconds.

    Only a process's main thread can be interrupted; Lambda calls handlers there. On another thread
    work goes on to its end, which is a look before it writes.
    """
    if threading.current_thread() is not threading.main_thread():
        return work()
    watch = _Watch(run, seconds)
    try:
        watch.start()
        try:
            return work()
        finally:
            watch.stop()
    except _Over as over:
        watch.stop()
        raise over.found from None


class _Over(BaseException):
    """Rises in the main thread, wherever that is: no `except Exception` of a job takes it."""

    def __init__(self, found: OtherRun) -> None:
        super().__init__(str(found))
        self.found = found


class _Watch:
    """A thread that looks, and interrupts the main one until `stop`."""

    def __init__(self, run: Run, seconds: float) -> None:
        self._found: OtherRun | None = None
        self._run = run
        self._seconds = seconds
        self._stopped = threading.Event()
        self._before = signal.getsignal(SIGNAL)

    def start(self) -> None:
        signal.signal(SIGNAL, self._interrupt)
        threading.Thread(target=self._look, daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        signal.signal(SIGNAL, self._before)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self._found is not None and not self._stopped.is_set():
            raise _Over(self._found)

    def _look(self) -> None:
        """Interrupt at each look at which the run is over: a job's bare `except` takes one."""
        while not self._stopped.wait(self._seconds):
            try:
                self._run.check()
            except OtherRun as error:
                self._found = error
                signal.pthread_kill(threading.main_thread().ident or 0, SIGNAL)
            except (BadRecord, BotoCoreError, ClientError) as error:
                log(f"whether the run goes on cannot be told now: {error}")
