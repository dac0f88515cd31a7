"""Numbers as a person reads them; pure."""

from __future__ import annotations

import math


def size(count: float) -> str:
    """Bytes for a person: 1.2 MB, of 10^6 bytes."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count:.0f} bytes"


def dollars(amount: float) -> str:
    """An amount with three digits that count: $0.0000123, $0.0412, $3.41."""
    if amount >= 1 or amount <= 0:
        return f"${amount:.2f}"
    return f"${amount:.{2 - math.floor(math.log10(amount))}f}"


def counted(count: int, noun: str) -> str:
    """A number of things, for a person: "1 step", "2 steps"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
