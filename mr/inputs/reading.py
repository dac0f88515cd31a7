r"""A mapper's input: objects of S3, or byte ranges of them, as blocks of whole lines.

In: a `tasks.Input`: an object, or a range of one that is split. Out: blocks that each end with \n
(an object's last may not), which is their only line end. A range owns the lines that begin in it:
it reads on past its end for its last line, and leaves the line that it begins in the middle of to
the range before. For a range, lines end with \n or \r\n: an object whose lines end with a bare \r
has one such line, and the first range reads all of it. Compressed objects are unpacked on the way
and are never split.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from aws import fetchahead, s3objects, s3stream
from aws.client import error_code
from errors import JobError
from inputs import packing, text
from state.tasks import Input, Range

SOURCES_AHEAD = 4
"""Objects of a batch that are open at once."""
BLOCKS_AHEAD = 16
"""Blocks of each that wait to be computed; s3stream.CHUNK_BYTES each, so 16 MiB in all."""
TAIL_BYTES = 1 << 16
"""What a range asks for past its end, for the rest of its last line; more only if that is long."""


WHAT_HELPS = {
    "AccessDenied": ": the mapper's role must be allowed to read it: s3:GetObject, which "
    "create-role.py --databkt gives, and kms:Decrypt where it is encrypted with a key of your own; "
    "where the bucket's owner lets its readers pay, --request-payer",
    "NoSuchKey": ": it was deleted after the job began: start the job again",
    "InvalidObjectState": ": it is archived: restore it first, or leave it out",
}
"""Code of an error of S3 -> what its reader can do about it."""
FOR_GOOD = ("NoSuchKey", "InvalidObjectState")
"""Those that another try will end in as well; a right that was just given may take some time."""


class NotRead(JobError):
    """An input could not be read now: another try may help."""


def read_ahead(s3: Any, inputs: Sequence[Input]) -> Generator[Iterator[bytes], None, None]:
    """For each input in turn, its blocks; those to come are downloaded meanwhile."""
    opens = [functools.partial(read_lines, s3, source) for source in inputs]
    return fetchahead.in_order(opens, SOURCES_AHEAD, BLOCKS_AHEAD)


def read_lines(s3: Any, source: Input) -> Iterator[bytes]:
    """The blocks of an object, or the lines that a range of it owns. JobError, with its name."""
    part = source.part
    if part is None:
        chunks = _read_object(s3, source)
    else:
        chunks = owned(read_range(s3, source, part), part.start, part.end)
    if source.from_start:
        chunks = text.without_mark(chunks, source.where)
    try:
        yield from s3stream.whole_lines(text.newlines(chunks))
    except (ClientError, BotoCoreError) as error:
        raise unreadable(source, error) from error


def unreadable(source: Input, error: ClientError | BotoCoreError) -> JobError:
    """The error of an input that S3 does not give; of its own class where another try may help."""
    code = error_code(error) if isinstance(error, ClientError) else ""
    kind = JobError if code in FOR_GOOD else NotRead
    return kind(f"{source.where} cannot be read: {error}{WHAT_HELPS.get(code, '')}")


def _read_object(s3: Any, source: Input) -> Iterator[bytes]:
    encodings: list[str | None] = []
    chunks = _chunks(s3, source, lambda response: encodings.append(response.get("ContentEncoding")))
    first = next(chunks, b"")  # only now is the encoding known
    everything = itertools.chain([first], chunks)
    how = packing.packing(source.where, encodings[0])
    yield from packing.unpack(everything, how, source.where) if how else everything


def read_range(s3: Any, source: Input, part: Range) -> Iterator[bytes]:
    """The object's bytes from the one before the range, to the object's end if asked for so much.

    One request covers the range and TAIL_BYTES more; further ones, each twice as long, follow.
    """
    sizes: list[int] = []

    def on_open(response: dict[str, Any]) -> None:
        if packing.packing(source.where, response.get("ContentEncoding")):
            raise JobError(
                f"{source.where} is compressed and cannot be split: give its name the suffix "
                f"of its packing ({', '.join(packing.SUFFIXES)}), or leave out --splitsize"
            )
        sizes.append(int(response["ContentRange"].rpartition("/")[2]))

    start, more = max(0, part.start - 1), TAIL_BYTES
    end = part.end + more
    while True:
        yield from _chunks(s3, source, on_open, start, end)
        if end >= sizes[-1]:
            return
        more *= 2
        start, end = end, end + more


def _chunks(
    s3: Any,
    source: Input,
    on_open: Callable[[dict[str, Any]], None],
    start: int = 0,
    end: int | None = None,
) -> Iterator[bytes]:
    more = s3objects.payer(source.requester_pays)
    return s3stream.read_chunks(
        s3, source.bucket, source.key, on_open, start, end, source.etag, more
    )


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
