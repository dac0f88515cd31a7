r"""What goes wrong, the log, and how text from outside is shown: what every file here may say.

What stands in S3, in an event or in a log may be anyone's text. Where it is shown or logged,
`visible` makes an escape of every character that a terminal obeys, that ends a line, or that turns
or hides text: "\x1b[2J" cannot clear a screen, and no name can forge a line of the log.
"""

from __future__ import annotations

import re
import reprlib
import sys
from typing import Any

# Control characters (C0, DEL, C1); bidi controls and line separators (Unicode UAX #9 and #14,
# and "Trojan Source", CVE-2021-42574); what has no width; halves of surrogate pairs; tags.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
MAX_SHOWN = 200
"""Characters of a value that an error shows."""


def visible(text: Any, keep: str = "\t") -> str:
    r"""A text with escapes, as in Python's literals, for what cannot be seen: one line.

    The characters in `keep` stay. Done twice, nothing more changes.
    """
    return _HIDDEN.sub(lambda found: _escape(found[0], keep), str(text))


def _escape(character: str, keep: str) -> str:
    return character if character in keep else repr(character)[1:-1]


def brief(value: Any) -> str:
    """A value as an error shows it: as `repr` has it, visible, and not too long of it."""
    short = reprlib.Repr()
    short.maxlevel = 3
    short.maxstring = short.maxother = short.maxlong = MAX_SHOWN
    try:
        shown = short.repr(value)
    except Exception:  # noqa: BLE001 - a number of too many digits, or whatever a class may raise
        shown = f"<{type(value).__name__} that cannot be printed>"
    return clipped(visible(shown), MAX_SHOWN)


def clipped(text: str, most: int) -> str:
    """A text of at most `most` characters; one that was longer ends in three dots."""
    return text if len(text) <= most else text[: most - 3] + "..."


class JobError(Exception):
    """A job cannot start or go on. The message, one line, holds fact, value and remedy.

    Where several things are wrong at once, each has a line of its own.
    """

    def __init__(self, message: str, *more: str) -> None:
        super().__init__("\n".join(map(visible, (message, *more))))


class UsageError(JobError):
    """The request itself is wrong; nothing has been done."""


class BadRecord(JobError):
    """A record in S3 is not what this program writes."""


def is_final(error: BaseException) -> bool:
    """Whether another try would end in the same error; one of a class of its own may pass."""
    return type(error) in (JobError, UsageError, BadRecord)


def log(line: str) -> None:
    """Write one line to the log: CloudWatch inside Lambda, standard error in a terminal.

    Whatever the text holds, it stays one line: a name with a line end in it forges no other, and
    what another thread logs does not come between a line and its end.
    """
    print(f"{visible(line)}\n", end="", file=sys.stderr, flush=True)


def counted(count: int, noun: str, plural: str = "") -> str:
    """A number of things, in words: "1 step", "2 steps", "1 try", "2 tries"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
