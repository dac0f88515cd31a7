"""Numbers as a person reads them; pure."""

from __future__ import annotations

import datetime
import math
from typing import Any

from errors import counted


def size(count: float) -> str:
    """Bytes for a person: 1.2 MB, of 10^6 bytes."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return counted(round(count), "byte")


def number(value: Any) -> str:
    """A value for a person: six digits of a float, two behind the point of a large one."""
    if not isinstance(value, float) or not math.isfinite(value):
        return str(value)
    return f"{value:,.2f}" if abs(value) >= 1e4 else f"{value:.6g}"


def dollars(amount: float) -> str:
    """An amount with three digits that count: $0.0000123, $0.0412, $3.41."""
    if amount >= 1 or amount <= 0:
        return f"${amount:.2f}"
    return f"${amount:.{2 - math.floor(math.log10(amount))}f}"


def utc(time: float) -> str:
    """A moment, from seconds since the epoch: 2026-11-20 10:00:00 UTC."""
    return f"{datetime.datetime.fromtimestamp(time, datetime.UTC):%Y-%m-%d %H:%M:%S} UTC"


def duration(seconds: float) -> str:
    """A time with one unit: 59 s, 12 min, 5 h, 3 days."""
    for unit, factor in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * factor:
            return f"{seconds / factor:.0f} {unit}"
    return f"{seconds:.0f} s"
