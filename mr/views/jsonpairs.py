"""The pairs of a JSON object, one after another, while its text is still coming.

In: the chunks of a JSON object in UTF-8. Out: its pairs in their order there. What is kept is a
chunk and the pair at hand, so memory does not grow with the object.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

from aws import s3json
from errors import BadRecord

Pair = tuple[str, Any]

NEAR = 16
"""Characters before the end of a text where an error may mean that it only ends too early."""

SPACE = " \t\n\r"
_SPACE = re.compile(f"[{SPACE}]*")
_COMPACT = re.compile(f":(?=[^{SPACE}])").match
_strict = json.JSONDecoder(parse_constant=s3json.no_number).raw_decode
Decode = Callable[[str, int], tuple[Any, int]]
"""As `json.JSONDecoder.raw_decode`: the value at a place of a text, and where it ends."""


def read_pairs(chunks: Iterable[bytes], where: str, decode: Decode = _strict) -> Iterator[Pair]:
    """The pairs of the JSON object `where`. BadRecord where it is none, as `s3json.parse` has it.

    Before a pair that is longer than a chunk is tried anew, as much again as there is is read.
    """
    texts = _decoded(chunks)
    text, mark = "", "{"
    try:
        while mark != "}":
            more = _at_least(len(text) + 1, texts)
            text = (text + more) if text else more.lstrip(SPACE)
            position, mark, fault = yield from _whole_pairs(text, mark, decode)
            if fault and not (more and _is_open(fault)):
                raise fault
            text = text[position:]
        if text[1:].strip(SPACE) or any(more.strip(SPACE) for more in texts):
            raise ValueError("there is something behind its object")
    except (ValueError, RecursionError) as error:
        raise BadRecord(f"{where} is not JSON, or no object of it: {error}") from error


def first_pairs(text: str) -> list[Pair]:
    """The pairs of a JSON object that is cut off somewhere, as far as they are whole; pure."""
    pairs: list[Pair] = []
    try:
        pairs.extend(_whole_pairs(text, "{", _strict))
    except (ValueError, RecursionError):
        return pairs
    return pairs


def _whole_pairs(
    text: str, mark: str, decode: Decode
) -> Generator[Pair, None, tuple[int, str, json.JSONDecodeError | None]]:
    """The pairs that are whole in a text, which begins with the mark before a pair: { or a comma.

    Returns where the mark behind the last one stands, the mark, and what was met where no further
    pair is whole. ValueError, RecursionError as json raises them.
    """
    position = 0
    try:
        _at(text, position, mark)
        while mark != "}":
            start = position + 1
            if text[start : start + 1] != '"':
                start = _past(text, position)
            if mark == "{" and text[start : start + 1] == "}":
                return start, "}", None
            key, end = decode(text, start)
            if not isinstance(key, str):
                raise json.JSONDecodeError("Expecting a key in double quotes", text, start)
            end = end + 1 if _COMPACT(text, end) else _past(text, _at(text, end, ":"))
            value, end = decode(text, end)
            if text[end : end + 1] != ",":
                end = _at(text, end, ",}")
            position, mark = end, text[end]
            yield key, value
    except json.JSONDecodeError as error:
        return position, mark, error
    return position, mark, None


def _at(text: str, position: int, characters: str) -> int:
    """Where one of these characters stands, behind spaces. JSONDecodeError where none does."""
    position = _past(text, position - 1)
    if text[position : position + 1] and text[position] in characters:
        return position
    raise json.JSONDecodeError(f"Expecting one of {characters}", text, position)


def _past(text: str, position: int) -> int:
    """Where something stands behind a character and spaces."""
    found = _SPACE.match(text, position + 1)
    return found.end() if found else position + 1


def _is_open(fault: json.JSONDecodeError) -> bool:
    """Whether more of the text may mend it."""
    is_string = fault.msg.startswith("Unterminated string")
    return is_string or fault.pos >= len(fault.doc) - NEAR


def _decoded(chunks: Iterable[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("surrogatepass")
    for chunk in chunks:
        yield decoder.decode(chunk)
    yield decoder.decode(b"", final=True)


def _at_least(size: int, texts: Iterator[str]) -> str:
    """The next texts, of so many characters or more; fewer where there are no more."""
    found: list[str] = []
    for text in texts:
        found.append(text)
        size -= len(text)
        if size <= 0:
            break
    return "".join(found)
