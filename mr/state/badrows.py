"""Bad rows as a mapper tells of them, in so few bytes that they fit into an output's metadata.

S3 allows 2 KB of metadata, in ASCII. All texts about bad rows take at most 600 bytes of it:
`errexample` and `errobject` are the first bad row and its object, percent-encoded; `faults` is a
JSON list of the kinds of fault, the most frequent first, each [kind, count, an example].
"""

from __future__ import annotations

import dataclasses
import json
import urllib.parse
from collections import Counter
from collections.abc import Iterable

from errors import BadRecord

MAX_EXAMPLE = 120
MAX_OBJECT = 200
MAX_FAULTS = 280
"""Bytes of each of the three texts."""
SHOWN = 3
"""Kinds of fault that are told with an example."""
OTHER = "other faults"
CUT = "..."


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


def unpack(text: str) -> tuple[BadRows, ...]:
    """What `pack` packed. BadRecord where it is something else."""
    try:
        return tuple(BadRows(str(kind), int(n), str(one)) for kind, n, one in json.loads(text))
    except (TypeError, ValueError) as error:
        raise BadRecord(f"the metadata faults is {text[:80]!r}, not a list of faults") from error


def quote(text: str, most: int = MAX_EXAMPLE) -> str:
    """The beginning of a text in ASCII, percent-encoded, of at most `most` bytes."""
    return "".join(_quoted(text, most))


def quote_key(key: str) -> str:
    """A key, percent-encoded; of one that is too long, "..." and its end, which tells more."""
    end = "".join(_quoted(key[::-1], MAX_OBJECT - len(CUT))[::-1])
    return end if urllib.parse.unquote(end) == key else CUT + end


def _quoted(characters: str, most: int) -> list[str]:
    """Each character, percent-encoded, as far as `most` bytes go."""
    quoted, length = [], 0
    for character in characters:
        quoted.append(urllib.parse.quote(character, safe=" ,./:;()-"))
        length += len(quoted[-1])
        if length > most:
            return quoted[:-1]
    return quoted


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
    return (
        f"{errors} of {lines} rows are bad, {share_text(errors / lines)}, and more than "
        f"{share_text(allowed)} (--max-bad, payload maxBad): look at them; the answer is kept"
    )
