"""Bad rows by kind of fault, in so few bytes that they fit into an output's metadata.

In: how many there are of each kind, and an example. Out: a JSON list of the most frequent kinds,
each [kind, count, example]; the same read back, put together, and in words.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from errors import brief, log
from state.fields import is_number

MAX_FAULTS = 280
"""Bytes of the packed form, in ASCII."""
SHOWN = 3
"""Kinds of fault that are told with an example."""
OTHER = "other faults"


@dataclasses.dataclass(frozen=True)
class BadRows:
    """Bad rows with one kind of fault: how many, and one of them."""

    kind: str
    count: int
    example: str = ""


def most_frequent(found: Iterable[BadRows]) -> list[BadRows]:
    """Those of the same kind put together, the most frequent first, and all beyond SHOWN as one;
    pure.
    """
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for one in found:
        counts[one.kind] += one.count
        examples[one.kind] = examples.get(one.kind) or one.example
    rest = counts.pop(OTHER, 0)
    ranked = counts.most_common()
    rest += sum(count for _, count in ranked[SHOWN:])
    shown = [BadRows(kind, count, examples[kind]) for kind, count in ranked[:SHOWN]]
    return [*shown, *([BadRows(OTHER, rest)] if rest else [])]


def pack(found: Iterable[BadRows]) -> str:
    """The most frequent ones in at most MAX_FAULTS bytes; texts are cut as short as need be."""
    chosen = most_frequent(found)
    for length in range(60, -1, -4):
        cut = [[one.kind[:48], one.count, one.example[:length]] for one in chosen]
        packed = json.dumps(cut, separators=(",", ":"))
        if len(packed) <= MAX_FAULTS:
            return packed
    return pack([BadRows(ascii(one.kind)[1:33], one.count) for one in chosen])


def unpack(text: str, where: str) -> tuple[BadRows, ...]:
    """What `pack` packed, of the object `where`. What is something else is said, and passed over:
    an output is whole without it.
    """
    try:
        return tuple(_bad_rows(*entry) for entry in json.loads(text))
    except (TypeError, ValueError, RecursionError):
        log(f"{where}: its faults are {brief(text)}, not a list of faults: ignored")
        return ()


def _bad_rows(kind: Any, count: Any, example: Any) -> BadRows:
    if not is_number(count):
        raise ValueError(f"{brief(count)} is no number of rows")
    return BadRows(str(kind), int(count), str(example))


def lines_of(found: Iterable[BadRows]) -> list[str]:
    """The bad rows by kind, for a person."""
    return [
        f"{one.count} bad: {one.kind}" + (f", such as {one.example}" if one.example else "")
        for one in found
    ]


def share_text(share: float) -> str:
    """A share for a person: 1 %, 0.5 %, 12.3 %."""
    return f"{100 * share:.3g} %"


def too_many(lines: int, errors: int, allowed: float) -> str:
    """What to say where more than the share `allowed` of all rows is bad; "" elsewhere; pure."""
    if errors <= allowed * lines:
        return ""
    share = share_text(errors / max(lines, errors))
    return (
        f"{errors} of {lines} rows are bad, {share}, and more than "
        f"{share_text(allowed)} (--max-bad, payload maxBad): look at them; the answer is kept"
    )
