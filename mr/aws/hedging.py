"""Hedged reads: a request whose answer takes far longer than others did is made a second time, and
the first answer counts (Starling, SIGMOD 2020, 4.3: a slow GET is not slow when asked again).

It is for reads alone: of both answers either will do. S3 sends the first byte of a small object as
soon as that of a large one, so what is waited for is the answer, not its body.
"""

from __future__ import annotations

import functools
import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

LEAST_SECONDS = 0.25
"""Three times what 99 of 100 answers of S3 take: none is asked again before that."""
FACTOR = 3.0
"""How many times the 90th percentile of the answers before an answer may take."""
KNOWN = 10
"""So many answers tell what is usual."""
UNKNOWN_SECONDS = 1.0
REMEMBERED = 100

_recent: deque[float] = deque(maxlen=REMEMBERED)
"""Seconds that the last answers took, in this environment of a function."""


def patience(recent: Sequence[float]) -> float:
    """How long to wait for an answer before it is asked for again, in seconds; pure."""
    if len(recent) < KNOWN:
        return UNKNOWN_SECONDS
    usual = sorted(recent)[math.ceil(0.9 * len(recent)) - 1]
    return max(LEAST_SECONDS, FACTOR * usual)


def ask_late_reads_again(s3: Any) -> None:
    """Have a client of S3 read objects in this way: those that a job reads, and its records."""
    get_object = s3.get_object

    def get_hedged(**arguments: Any) -> dict[str, Any]:
        return hedged(functools.partial(get_object, **arguments))

    s3.get_object = get_hedged


def hedged(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """An answer of S3; of two where the first is late, the one that comes first. Raises what `ask`
    does, where no answer comes.
    """
    began = time.monotonic()
    answer = first_of(ask, patience(tuple(_recent)))
    _recent.append(time.monotonic() - began)
    return answer


def first_of(ask: Callable[[], dict[str, Any]], seconds: float) -> dict[str, Any]:
    """The first answer of one request, or of two once `seconds` have passed without one."""
    race = _Race(ask)
    race.start()
    try:
        answer, error = race.ended.get(timeout=seconds)
    except queue.Empty:
        race.start()
        answer, error = race.ended.get()
        if error is not None:  # the other may do
            answer, error = race.ended.get()
    race.end()
    if error is not None:
        raise error
    return answer


class _Race:
    """Requests for the same, each on a thread; what comes too late is closed."""

    def __init__(self, ask: Callable[[], dict[str, Any]]) -> None:
        self.ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._ask = ask
        self._lock = threading.Lock()
        self._over = False

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            answer, error = self._ask(), None
        except BaseException as raised:  # noqa: BLE001 - it rises again where the answer is taken
            answer, error = None, raised
        with self._lock:
            if not self._over:
                self.ended.put((answer, error))
            elif answer is not None:
                answer["Body"].close()

    def end(self) -> None:
        """Nobody wants a further answer."""
        with self._lock:
            self._over = True
            while not self.ended.empty():
                answer, _ = self.ended.get()
                if answer is not None:
                    answer["Body"].close()
