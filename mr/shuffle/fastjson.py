"""JSON of pairs by orjson, an option of the deployment, where it does what json does.

In: pairs, or their bytes. Out: the other; None for what json reads, refuses or writes in another
way, and where there is no orjson: then it is json's turn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Loads = Callable[[bytes], Any]
Dumps = Callable[[Any], bytes]

LOADS: Loads | None
DUMPS: Dumps | None
try:
    import orjson
except ImportError:
    LOADS = DUMPS = None
else:
    LOADS, DUMPS = orjson.loads, orjson.dumps

_MANY_DIGITS = re.compile(rb"[0-9]{19}")


def parse(body: bytes, loads: Loads | None = LOADS) -> dict[str, Any] | None:
    """The pairs of an object; None where json reads more than orjson does, or more exactly."""
    if loads is None:
        return None
    try:
        output = loads(body)
    except (ValueError, RecursionError):
        return None
    return output if isinstance(output, dict) and _is_exact(output, body) else None


def _is_exact(output: dict[str, Any], body: bytes) -> bool:
    """Whether orjson cannot have rounded a number: a whole one of more than 64 bits becomes a
    float of at least 2^64, or of -2^63 and below.
    """
    kinds = set(map(type, output.values()))
    if kinds <= {float, int}:
        values = output.values()
        return max(values, default=0) < 2**64 and min(values, default=0) > -(2**63)
    return kinds.isdisjoint({float, dict, list}) or not _MANY_DIGITS.search(body)


def encode(pairs: Mapping[str, Any], dumps: Dumps | None = DUMPS) -> bytes | None:
    """The object of pairs whose values are numbers, or texts; None for others, and for numbers
    that JSON has no form for, where orjson writes null.
    """
    kinds = set(map(type, pairs.values()))
    if dumps is None or not (kinds <= {float, int} or kinds == {str}):
        return None
    try:
        if float in kinds and not _is_finite(sum(pairs.values())):
            return None
        return dumps(pairs)
    except (TypeError, ValueError, OverflowError):
        return None


def _is_finite(total: float) -> bool:
    return total - total == 0
