"""Calls on threads of their own, each taken as it ends.

A simulated machine puts another `Threads` in the place of this one, whose threads it moves itself.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any


class Threads:
    """Threads that end with the program: nobody need wait for one."""

    def __init__(self) -> None:
        self._ended: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def start(self, call: Callable[[], Any], after: float = 0.0) -> None:
        """Make a call, which must not raise, on a thread of its own, `after` so many seconds."""

        def work() -> None:
            time.sleep(after)
            self._ended.put(call())

        threading.Thread(target=work, daemon=True).start()

    def next_ended(self) -> Any:
        """What the next call to end has returned; waits for it."""
        return self._ended.get()

    def soon_ended(self, count: int, seconds: float) -> Iterator[Any]:
        """What the next calls to end return, `count` of them or as many as end within `seconds`."""
        until = time.monotonic() + seconds
        with contextlib.suppress(queue.Empty):
            for _ in range(count):
                yield self._ended.get(timeout=max(0.0, until - time.monotonic()))
