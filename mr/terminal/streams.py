"""The standard streams of a command, fit for whatever they are joined to.

They may be closed, full, or of a character set that cannot show a text. Standard output is data:
what it does not take is an error. Standard error is for people: what it does not take is lost, and
the command goes on.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from typing import Any, NoReturn, TextIO, cast

from errors import JobError


class OutputLost(JobError):
    """Standard output does not take what is written to it."""


@contextlib.contextmanager
def guarded_messages() -> Iterator[None]:
    """Standard error may be closed, full or left by its reader until the block ends."""
    _open_closed_descriptors()
    before = sys.stderr
    sys.stderr = cast(TextIO, _Messages(before or _nowhere(os.O_WRONLY)))
    try:
        yield
    finally:
        sys.stderr = before


@contextlib.contextmanager
def guarded_output() -> Iterator[None]:
    """Standard output is written whole when the block ends.

    OutputLost where it is closed or full, BrokenPipeError where its reader has left.
    """
    before = sys.stdout
    # Open for reading alone: writing to a closed output must not seem to succeed.
    output = _Output(before or _nowhere(os.O_RDONLY))
    sys.stdout = cast(TextIO, output)
    try:
        yield
    finally:
        try:
            output.flush()
        finally:
            sys.stdout = before


def _open_closed_descriptors() -> None:
    """Let no file or socket that is opened from now on become a standard stream."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def _nowhere(flags: int) -> TextIO:
    return os.fdopen(os.open(os.devnull, flags), "w", encoding="utf-8")


class _Guarded:
    """A text stream that shows any text, and is left alone once it has failed."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        if hasattr(stream, "reconfigure"):  # what a test puts there may not have it
            stream.reconfigure(errors="backslashreplace")

    def write(self, text: str) -> int:
        try:
            return int(self._stream.write(text))
        except OSError as error:
            self._lost(error)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._lost(error)

    def _lost(self, error: OSError) -> None:
        """Send what is held back nowhere: Python tries to write it once more at its end."""
        with contextlib.suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Messages(_Guarded):
    """Standard error: what it does not take is lost."""


class _Output(_Guarded):
    """Standard output: what it does not take is an error, once."""

    def _lost(self, error: OSError) -> NoReturn:
        super()._lost(error)
        if isinstance(error, BrokenPipeError):
            raise error
        why = "is closed" if error.errno == errno.EBADF else f"cannot be written: {error.strerror}"
        raise OutputLost(f"standard output {why}") from error
