"""Compressed input as a stream: gzip, bzip2 and zstd; and which names cannot be read at all.

In: an object's chunks, its key and its `Content-Encoding`. Out: chunks of what is in it, none
larger than OUT_BYTES, however well it was packed. A stream that ends too early is an error.
"""

from __future__ import annotations

import bz2
import importlib
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from errors import JobError

OUT_BYTES = 1 << 18
SUFFIXES = {".gz": "gzip", ".gzip": "gzip", ".bz2": "bzip2", ".zst": "zstd", ".zstd": "zstd"}
"""Suffix of a key, in small letters -> packing."""
ENCODINGS = {"gzip": "gzip", "x-gzip": "gzip", "bzip2": "bzip2", "x-bzip2": "bzip2", "zstd": "zstd"}
NOT_A_PACKING = {"", "identity", "aws-chunked", "none", "binary", "7bit", "8bit"}
TABLE = ".parquet"
"""What the job `sql` alone can read."""
UNREADABLE = {
    "an archive: unpack it, and upload the files in it": (
        *(".zip", ".tar", ".7z", ".rar", ".tgz", ".tbz", ".tbz2", ".txz", ".tzst", ".jar"),
    ),
    "no text: ask about it with --sql, or export it as CSV": (TABLE,),
    "no text: export it as CSV": (".orc", ".avro", ".xlsx", ".xls"),
    "packed in a way that is not known here: pack it as .gz, .bz2 or .zst": (
        *(".xz", ".lzma", ".lz4", ".lzo", ".snappy", ".z", ".deflate", ".zlib"),
    ),
}
"""What an object is, with the remedy -> the suffixes that say so."""
ZSTD_MODULES = ("compression.zstd", "backports.zstd")
"""Python 3.14's own, and the package with the same interface for older ones."""
ZSTD_WINDOW = "128 MiB"
"""What zstd takes unless told otherwise; a mapper has four objects open at once."""


def packing(key: str, content_encoding: str | None = None) -> str:
    """ "gzip", "bzip2", "zstd" or "" for an object: by its Content-Encoding, or its key's suffix.

    A charset where the packing should stand, such as "utf-8", says nothing about the packing.
    JobError for an encoding that is neither.
    """
    words = re.split(r"[,;]", (content_encoding or "").lower())
    named = {word.strip() for word in words if not _is_charset(word.strip())} - NOT_A_PACKING
    if unknown := named - ENCODINGS.keys():
        raise JobError(
            f"{key} has the Content-Encoding {', '.join(sorted(unknown))}, which cannot be read: "
            f"store it plain, or as one of {', '.join(sorted(set(SUFFIXES.values())))}"
        )
    if len(named) > 1:
        raise JobError(f"{key} is packed more than once ({content_encoding}): pack it once")
    if named:
        return ENCODINGS[named.pop()]
    return SUFFIXES.get(_suffix(key), "")


def unreadable(key: str) -> str:
    """What is wrong with an object of such a name, and the remedy; "" where nothing is known."""
    suffix = _suffix(key)
    if suffix in SUFFIXES:
        suffix = _suffix(key[: -len(suffix)])
    return next((what for what, names in UNREADABLE.items() if suffix in names), "")


def _suffix(key: str) -> str:
    """What a key ends with from its last segment's last dot on, in small letters."""
    _, dot, suffix = key.rpartition("/")[2].rpartition(".")
    return (dot + suffix).lower()


def _is_charset(word: str) -> bool:
    """Whether it names how characters are encoded: "utf-8", "charset=latin1", "text/csv"."""
    if word.startswith("text/"):
        return True
    try:
        "".encode(word.removeprefix("charset="))
    except LookupError:
        return False
    except UnicodeError:  # "undefined", which some uploaders write, is an encoding of Python's
        return True
    return True


def unpack(chunks: Iterable[bytes], how: str, key: str) -> Iterator[bytes]:
    """The contents of a packed stream, which may be several streams one after another.

    JobError where it is cut short or is no such stream.
    """
    make, errors = _decoder(how)
    decoder: Any = None
    try:
        for chunk in chunks:
            rest = chunk
            while rest or (decoder and not decoder.needs_input):
                if decoder is None:
                    rest = rest.lstrip(b"\0")  # what pads an archive to a block's size
                    if not rest:
                        break
                    decoder = make()
                piece = decoder.decompress(rest, OUT_BYTES)
                rest = b""
                if piece:
                    yield piece
                if decoder.eof:
                    rest, decoder = decoder.unused_data, None
    except errors as error:
        if "memory" in str(error):
            raise JobError(
                f"{key} needs a zstd window of more than {ZSTD_WINDOW}, which a function has no "
                "memory for: pack it without --ultra and --long"
            ) from error
        raise JobError(f"{key} is no {how} stream: {error}: pack it anew") from error
    if decoder is not None:
        raise JobError(f"{key} is cut short, its {how} stream has no end: upload it again")


def _decoder(how: str) -> tuple[Callable[[], Any], tuple[type[Exception], ...]]:
    """What makes a decoder, and the errors it raises on bytes that are not its own."""
    if how == "gzip":
        return _Gunzip, (zlib.error,)
    if how == "bzip2":
        return bz2.BZ2Decompressor, (OSError, ValueError)
    zstd = _zstd()
    return zstd.ZstdDecompressor, (zstd.ZstdError,)


def _zstd() -> Any:
    for name in ZSTD_MODULES:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError:
            continue
    raise JobError(
        "zstd input needs Python 3.14 or the package backports.zstd: set the mapper's runtime to "
        'python3.14, or its packages to ["backports.zstd==1.8.0"], in scns.json'
    )


class _Gunzip:
    """zlib with the interface of the other two decoders."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail

    def decompress(self, data: bytes, most: int) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, most)
