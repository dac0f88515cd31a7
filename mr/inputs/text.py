r"""An object's bytes as text: without its byte-order mark, each line ended by \n.

Whatever the writer's system was, \n is the only line end that a job sees: not \r\n of Windows, nor
\r of old Macs.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator

from errors import JobError

LONGEST_MARK = 4
WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
"""How UTF-16 and UTF-32 begin; UTF-32's little-endian mark begins as UTF-16's does."""


def without_mark(chunks: Iterable[bytes], where: str) -> Iterator[bytes]:
    """An object from its first byte on, without UTF-8's byte-order mark.

    JobError where it is UTF-16 or UTF-32: its mark, and zero bytes, which no text of UTF-8 has.
    """
    head, rest = b"", iter(chunks)
    while len(head) < LONGEST_MARK and (chunk := next(rest, b"")):
        head += chunk
    if head.startswith(WIDE_MARKS) and 0 in head:
        raise JobError(
            f"{where} is UTF-16 or UTF-32, as its byte-order mark says: store it as UTF-8, for "
            "example with `iconv -f UTF-16 -t UTF-8`"
        )
    yield head.removeprefix(codecs.BOM_UTF8)
    yield from rest


def newlines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    r"""Every line end as \n: [b"a\r", b"\nb\rc"] -> [b"a", b"\nb\nc"]."""
    held = b""
    for chunk in chunks:
        if held or 13 in chunk:
            text = held + chunk
            held = b"\r" if text.endswith(b"\r") else b""
            text = text[: len(text) - len(held)]
            yield text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        else:
            yield chunk
    if held:
        yield b"\n"
