"""Fetching ahead: sources are read on threads while their reader is still busy with others.

A source is opened by a function and is an iterator; its items come in the same order as without.
At most `sources` of them are open at once, and each is at most `items` ahead of its reader, so
the memory is bounded whatever their number and size.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

Source = Callable[[], Iterator[Any]]
_END = object()


class _Feed:
    """One source on its way: a thread reads it and stops when it is `items` ahead."""

    def __init__(self, source: Source, items: int) -> None:
        self._ready: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()
        self._room = threading.Semaphore(items)
        self._stopped = False
        # A daemon: whoever is interrupted need not wait for a download.
        threading.Thread(target=self._read, args=(source,), daemon=True).start()

    def _read(self, source: Source) -> None:
        try:
            for item in source():
                self._room.acquire()
                if self._stopped:
                    return
                self._ready.put((item, None))
        except BaseException as error:  # noqa: BLE001 - it rises again where it is read
            self._ready.put((_END, error))
        else:
            self._ready.put((_END, None))

    def __iter__(self) -> Iterator[Any]:
        while True:
            item, error = self._ready.get()
            if error is not None:
                raise error
            if item is _END:
                return
            self._room.release()
            yield item

    def stop(self) -> None:
        """Have the thread end as soon as it has an item that nobody wants."""
        self._stopped = True
        self._room.release()


def in_order(
    opens: Sequence[Source], sources: int, items: int
) -> Generator[Iterator[Any], None, None]:
    """For each source, in order, its items; read each to its end before asking for the next.

    An error of a source rises where its items are read. Closing the generator stops all threads.
    """
    feeds: deque[_Feed] = deque()
    waiting = iter(opens)
    try:
        while True:
            while len(feeds) < sources and (source := next(waiting, None)):
                feeds.append(_Feed(source, items))
            if not feeds:
                return
            yield iter(feeds[0])
            feeds.popleft().stop()
    finally:
        for feed in feeds:
            feed.stop()
