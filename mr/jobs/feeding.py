r"""Feeding an accumulator: objects in, in order, and what they were is counted.

In: the blocks of one object after another. Out: the job's accumulator, and what was counted beside
it: bytes, the object of the first bad row, and header lines, which are told from bad rows here. The
first line of an object is a header where the job cannot read it, but reads another row of it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

from jobs.base import Accumulator, Job


class Feeder:
    """A job's accumulator, and what it was given.

    `size` are bytes, `headers` header lines, which the accumulator never sees, `bad_object` is the
    name of the first object with a bad row, "" where there is none.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.accumulator = job.start()
        self.size = 0
        self.headers = 0
        self.bad_object = ""

    def take(self, blocks: Iterable[bytes], name: str, from_start: bool) -> None:
        """Take the blocks of an object, or of a part of it; `from_start` is whether its first line
        is among them. JobError where the job fails.
        """
        good, held = 0, b""
        for block in blocks:
            self.size += len(block)
            rest = block
            if from_start:
                held, rest = self._hold_header(block, name)
                good, from_start = self._good() if held else 0, False
            if rest:
                self.job.add(self.accumulator, rest, name)
        if held:
            self._settle(held, name, is_header=self._good() > good)
        if not self.bad_object and self._bad(self.accumulator):
            self.bad_object = name

    @property
    def takes_objects(self) -> bool:
        """Whether the accumulator reads parts of objects itself, and is given no lines."""
        return bool(getattr(self.accumulator, "takes_objects", False))

    def take_object(self, source: Any) -> None:
        """Take an object that is read in parts. JobError."""
        self.job.add_object(self.accumulator, source)
        self.size += source.size

    def _good(self) -> int:
        lines, errors, _ = self.job.counts(self.accumulator)
        return lines - errors

    def _bad(self, accumulator: Accumulator) -> int:
        return self.job.counts(accumulator)[1]

    def _hold_header(self, block: bytes, name: str) -> tuple[bytes, bytes]:
        """The block's first line, where it is bad, and the rest; else b"" and the whole block."""
        end = block.find(b"\n") + 1 or len(block)
        known = self.job.is_header(self.accumulator, block[:end], name)
        if known is not None:
            self.headers += known
            return b"", block[end:] if known else block
        before = self._bad(self._probe)
        self.job.add(self._probe, block[:end], name)
        return (block[:end], block[end:]) if self._bad(self._probe) > before else (b"", block)

    @functools.cached_property
    def _probe(self) -> Accumulator:
        """An accumulator that sees first lines only, to know whether they can be read."""
        return self.job.start()

    def _settle(self, line: bytes, name: str, is_header: bool) -> None:
        if is_header:
            self.headers += 1
        else:
            self.job.add(self.accumulator, line, name)
