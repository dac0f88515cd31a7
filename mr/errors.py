"""What goes wrong, and the log: what every file here may say."""

from __future__ import annotations

import sys


class JobError(Exception):
    """A job cannot start or go on. The message holds the fact, the value and the remedy."""


class UsageError(JobError):
    """The request itself is wrong; nothing has been done."""


class BadRecord(JobError):
    """A record in S3 is not what this program writes."""


def log(line: str) -> None:
    """Write one line to the log: CloudWatch inside Lambda, standard error in a terminal."""
    print(line, file=sys.stderr, flush=True)


def counted(count: int, noun: str, plural: str = "") -> str:
    """A number of things, in words: "1 step", "2 steps", "1 try", "2 tries"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
