"""What every command has in common: arguments in, an exit status out, and never a traceback for
what a user can cause.

The status is 0 where all is done, 1 where it failed, 2 for wrong usage, and 128 + N after signal N,
as a shell counts it: 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

from errors import JobError, UsageError, log, visible
from terminal.streams import guarded_messages, guarded_output

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What asks a command to end: Ctrl-C, `kill`, and a terminal that is closed."""


class Interrupted(KeyboardInterrupt):
    """A signal asks the command to end; `number` is which."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def run(
    parser: argparse.ArgumentParser,
    command: Callable[[argparse.Namespace], int | None],
    argv: Sequence[str] | None = None,
    interrupted: Callable[[argparse.Namespace], str] = lambda options: "interrupted",
) -> int:
    """Read the arguments and carry out a command, which may give an exit status of its own.

    `interrupted` says what a user who ends it early must know. SystemExit on --help, and where
    the parser finds the usage wrong.
    """
    complete(parser)
    with guarded_messages():
        try:
            with guarded_output():
                options = parser.parse_args(checked(sys.argv[1:] if argv is None else argv))
                try:
                    with interrupts():
                        return command(options) or 0
                except Interrupted as error:
                    log(f"{parser.prog}: {interrupted(options)}")
                    return 128 + error.number
        except BrokenPipeError:  # whoever read our output has enough
            return 1
        except Exception as error:
            if (line := explain(error)) is None:
                raise
            for each in line.split("\n"):
                log(f"{parser.prog}: {each}")
            return 2 if isinstance(error, UsageError) else 1


def complete(parser: argparse.ArgumentParser) -> None:
    """Let the shell complete options, where `argcomplete` is installed."""
    try:
        import argcomplete
    except ImportError:
        return
    argcomplete.autocomplete(parser)


def checked(words: Sequence[str]) -> Sequence[str]:
    """The arguments, all of them texts. UsageError where one is bytes that are no UTF-8."""
    for number, word in enumerate(words, 1):
        try:
            word.encode()
        except UnicodeEncodeError:
            shown = os.fsencode(word).decode(errors="backslashreplace")
            raise UsageError(
                f"argument {number}, {shown}, is not UTF-8, as every name in AWS is: correct it"
            ) from None
    return words


@contextlib.contextmanager
def interrupts() -> Iterator[None]:
    """Raise Interrupted in the block when a signal comes that is not ignored, as nohup has it."""
    caught = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.getsignal(number) for number in SIGNALS}
        caught = {n: was for n, was in before.items() if was not in (signal.SIG_IGN, None)}
    try:
        for number in caught:
            signal.signal(number, _interrupt)
        yield
    finally:
        for number, was in caught.items():
            signal.signal(number, was)


def _interrupt(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)  # who asks once more need not wait
    raise Interrupted(number)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Hold signals back until the block ends, lest it be left half way."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def explain(error: Exception) -> str | None:
    """An error in one line, or a line for each thing that is wrong; None where it is a fault of
    the program's own.
    """
    if isinstance(error, JobError):
        return str(error)
    if "botocore.exceptions" in sys.modules:  # nothing else can raise an error of AWS
        from terminal import awserrors

        if line := awserrors.explain(error):
            return line
    if isinstance(error, OSError):
        told = (error.filename, error.strerror or error)
        return ": ".join(visible(part) for part in told if part)
    return None
