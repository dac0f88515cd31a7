"""Arguments that several commands take: kinds of values, and options."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from running import request

Add = Callable[..., argparse.Action]
"""`add_argument` of a parser or of a group."""


def number_from(least: int) -> Callable[[str], int]:
    """A type for argparse: a whole number of at least `least`."""

    def number(text: str) -> int:
        try:
            return request.whole_number(text, least)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return number


def byte_size(text: str) -> int:
    """A type for argparse: a size such as 64MB, in bytes."""
    try:
        return request.byte_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_json(add: Add) -> None:
    add("--json", action="store_true", help="print everything as one JSON object")


def add_prices(add: Add) -> None:
    add("--prices", metavar="FILE", help="prices for the cost, JSON: see mr/views/costs.py")


def add_aws(add: Add) -> None:
    add("--profile", metavar="NAME", help="AWS profile (default: as boto3 finds it)")
    add(
        "--region",
        metavar="NAME",
        default=request.REGION,
        help="region of the functions and the bucket (%(default)s)",
    )
