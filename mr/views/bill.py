"""A bill as it is shown: the lines of running/costs.py, for a person and for programs; pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from errors import counted
from running.costs import Item, total
from views.words import dollars


def bill_lines(items: Sequence[Item], prices_date: str) -> list[str]:
    """A bill, for a person."""
    return [
        f"estimated cost {dollars(total(items))} (prices of {prices_date})",
        *item_lines(items),
    ]


def item_lines(items: Sequence[Item]) -> list[str]:
    """The lines of a bill, for a person."""
    return [f"  {item.what}: {quantity(item)}, {dollars(item.dollars)}" for item in items]


def quantity(item: Item) -> str:
    """How much of something was used, for a person."""
    is_measured = isinstance(item.quantity, float)
    measured = f"{item.quantity:,.3f} {item.unit}"
    return measured if is_measured else counted(int(item.quantity), item.unit.removesuffix("s"))


def bill_json(items: Sequence[Item], prices_date: str) -> dict[str, Any]:
    """A bill, for programs."""
    return {
        "dollars": total(items),
        "prices": prices_date,
        "items": [dataclasses.asdict(item) for item in items],
    }
