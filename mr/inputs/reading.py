r"""A mapper's input: objects of S3, or byte ranges of them, as blocks of whole lines.

In: bucket, key and, where an object is split, a `tasks.Range`. Out: blocks that each end with \n
(an object's last may not), which is their only line end. A range owns the lines that begin in it:
it reads on past its end for its last line, and leaves the line that it begins in the middle of to
the range before. For a range, lines end with \n or \r\n: an object whose lines end with a bare \r
has one such line, and the first range reads all of it. Compressed objects are unpacked on the way
and are never split.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any

from aws import fetchahead, s3stream
from errors import JobError
from inputs import packing, text
from state.tasks import Range

SOURCES_AHEAD = 4
"""Objects of a batch that are open at once."""
BLOCKS_AHEAD = 16
"""Blocks of each that wait to be computed; s3stream.CHUNK_BYTES each, so 16 MiB in all."""
TAIL_BYTES = 1 << 16
"""What a range asks for past its end, for the rest of its last line; more only if that is long."""


def read_ahead(
    s3: Any, bucket: str, keys: Sequence[str], ranges: Sequence[Range | None]
) -> Generator[Iterator[bytes], None, None]:
    """For each key in turn, its blocks; those to come are downloaded meanwhile."""
    opens = [
        functools.partial(read_lines, s3, bucket, key, part)
        for key, part in zip(keys, ranges, strict=True)
    ]
    return fetchahead.in_order(opens, SOURCES_AHEAD, BLOCKS_AHEAD)


def read_lines(s3: Any, bucket: str, key: str, part: Range | None = None) -> Iterator[bytes]:
    """The blocks of an object, or the lines that a range of it owns. JobError, ClientError."""
    if part is None:
        chunks = _read_object(s3, bucket, key)
    else:
        chunks = owned(read_range(s3, bucket, key, part), part.start, part.end)
    if part is None or part.start == 0:
        chunks = text.without_mark(chunks, f"s3://{bucket}/{key}")
    return s3stream.whole_lines(text.newlines(chunks))


def _read_object(s3: Any, bucket: str, key: str) -> Iterator[bytes]:
    encodings: list[str | None] = []
    chunks = s3stream.read_chunks(
        s3, bucket, key, lambda response: encodings.append(response.get("ContentEncoding"))
    )
    first = next(chunks, b"")  # only now is the encoding known
    everything = itertools.chain([first], chunks)
    how = packing.packing(key, encodings[0])
    return packing.unpack(everything, how, key) if how else everything


def read_range(s3: Any, bucket: str, key: str, part: Range) -> Iterator[bytes]:
    """The object's bytes from the one before the range, to the object's end if asked for so much.

    One request covers the range and TAIL_BYTES more; further ones, each twice as long, follow.
    """
    sizes: list[int] = []

    def on_open(response: dict[str, Any]) -> None:
        if packing.packing(key, response.get("ContentEncoding")):
            raise JobError(
                f"s3://{bucket}/{key} is compressed and cannot be split: give its name the suffix "
                f"of its packing ({', '.join(packing.SUFFIXES)}), or leave out --splitsize"
            )
        sizes.append(int(response["ContentRange"].rpartition("/")[2]))

    start, more = max(0, part.start - 1), TAIL_BYTES
    end = part.end + more
    while True:
        yield from s3stream.read_chunks(s3, bucket, key, on_open, start, end, part.etag)
        if end >= sizes[-1]:
            return
        more *= 2
        start, end = end, end + more


def owned(chunks: Iterable[bytes], start: int, end: int) -> Iterator[bytes]:
    """The lines that begin at bytes start..end-1.

    `chunks` are the object's bytes from start-1 on (from 0 where start is 0), of which no more
    is taken than needed: a line begins at byte 0, and behind each line end.
    """
    position = max(0, start - 1)
    line_begins = start == 0
    for chunk in chunks:
        rest = chunk
        if not line_begins:
            cut = chunk.find(b"\n") + 1 or len(chunk)
            line_begins = chunk[cut - 1 : cut] == b"\n"
            rest = chunk[cut:]
            position += cut
            if position >= end:
                return
        stop = rest.find(b"\n", max(0, end - 1 - position)) + 1
        if stop:
            yield rest[:stop]
            return
        if rest:
            yield rest
        position += len(rest)
