"""Numbers as a person reads them; pure."""

from __future__ import annotations

import math

from errors import counted


def size(count: float) -> str:
    """Bytes for a person: 1.2 MB, of 10^6 bytes."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return counted(round(count), "byte")


def dollars(amount: float) -> str:
    """An amount with three digits that count: $0.0000123, $0.0412, $3.41."""
    if amount >= 1 or amount <= 0:
        return f"${amount:.2f}"
    return f"${amount:.{2 - math.floor(math.log10(amount))}f}"
