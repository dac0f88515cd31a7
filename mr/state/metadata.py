"""An object's metadata: short texts in ASCII, 2 KB in all, that anyone may have written."""

from __future__ import annotations

import dataclasses
import math
import urllib.parse
from collections.abc import Mapping

from errors import brief, log
from state.fields import MOST, is_number


def quoted(text: str, most: int) -> str:
    """A text in ASCII, percent-encoded, of at most `most` bytes; what UTF-8 cannot hold stands as
    an escape.
    """
    return "".join(_encoded(text[:most], most))


def quoted_end(text: str, most: int) -> str:
    """As `quoted`; but of a text that is too long, three dots and its end."""
    kept = _encoded(text[: -most - 1 : -1], most - 3)
    return ("..." if len(kept) < len(text) else "") + "".join(reversed(kept))


def _encoded(characters: str, most: int) -> list[str]:
    """Each character in ASCII, as far as `most` bytes go."""
    made: list[str] = []
    length = 0
    for character in characters:
        more = urllib.parse.quote(character, safe=" ,./:;()-<>", errors="backslashreplace")
        length += len(more)
        if length > most:
            break
        made.append(more)
    return made


def unquoted(text: str) -> str:
    """The text that `quoted` was given, as far as it was kept."""
    return urllib.parse.unquote(text)


@dataclasses.dataclass(frozen=True)
class Numbers:
    """The numbers in the metadata of the object `where`. One that is none is said, and passed
    over: an output is whole without them.
    """

    metadata: Mapping[str, str]
    where: str

    def number(self, name: str, default: float = 0.0) -> float:
        """A number from 0 to MOST; the default where there is none."""
        text = self.metadata.get(name)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if is_number(value):
            return value
        log(f"{self.where}: its {name} is {brief(text)}, not a number from 0 to {MOST}: ignored")
        return default

    def count(self, name: str) -> int:
        """A whole number from 0 to MOST; 0 where there is none."""
        return int(self.number(name))
