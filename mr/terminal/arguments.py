"""Arguments that several commands take: kinds of values, and options."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable
from typing import TypeVar

from running import request

T = TypeVar("T")
Add = Callable[..., argparse.Action]
"""`add_argument` of a parser or of a group."""


def number_from(least: int) -> Callable[[str], int]:
    """A type for argparse: a whole number of at least `least`."""
    return checked(lambda text: request.whole_number(text, least))


def checked(read: Callable[[str], T]) -> Callable[[str], T]:
    """A type for argparse: what `read` makes of a text, and its ValueError as wrong usage."""

    def value(text: str) -> T:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return value


byte_size = checked(request.byte_size)
"""A type for argparse: a size such as 64MB, in bytes."""
assignment = checked(request.assignment)
"""A type for argparse: a job's setting, NAME=VALUE."""
percentage = checked(request.percentage)
"""A type for argparse: a share such as 1% or 0.5."""


def amount(text: str) -> float:
    """A type for argparse: dollars, more than none."""
    try:
        value = float(text.removeprefix("$"))
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no amount: write 0.50, in dollars")
    return value


def add_settings(add: Add) -> None:
    add(
        "--set",
        type=assignment,
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a setting of the job, may be repeated",
    )


def add_json(add: Add) -> None:
    add("--json", action="store_true", help="print everything as one JSON object")


def add_timeout(add: Add) -> None:
    add(
        "--timeout",
        type=number_from(1),
        metavar="S",
        default=request.TIMEOUT,
        help="seconds to wait for the reducers (%(default)s)",
    )


def add_display(add: Add) -> None:
    add("--quiet", action="store_true", help="plain lines instead of the live display")
    add("--events", action="store_true", help="a line for each thing that happens, instead")


def add_prices(add: Add) -> None:
    add("--prices", metavar="FILE", help="prices for the cost, JSON: see mr/running/costs.py")


def add_aws(add: Add) -> None:
    add("--profile", metavar="NAME", help="AWS profile (default: as boto3 finds it)")
    add(
        "--region",
        metavar="NAME",
        default=request.REGION,
        help="region of the functions and the bucket (%(default)s)",
    )


def job_command(name: str, options: argparse.Namespace) -> str:
    """The command `job.py NAME` for the job that options are about, as a shell takes it."""
    words = ["python", "job.py", name, options.jobbkt, options.jobid]
    if options.region != request.REGION:
        words += ["--region", options.region]
    if options.profile:
        words += ["--profile", options.profile]
    return shlex.join(words)
