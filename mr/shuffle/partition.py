"""An output in the order of its hash buckets, and the index that says where each begins.

In: pairs. Out: one JSON object, key -> value, whose pairs stand bucket by bucket, and a text that
fits beside it into S3's metadata: the bytes of each bucket, each as the difference from the one
before, zigzag and base 128 varints as Protocol Buffers have them, in base64. A reducer finds its
buckets with it in one ranged read. All of it is pure.
"""

from __future__ import annotations

import base64
import contextlib
import gc
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from aws import s3json
from errors import BadRecord
from shuffle import fastjson
from state.grid import BUCKETS, bucket_of, buckets_of

INDEX = "index"
"""The entry of an output's metadata that holds its index."""

LAST_PAIR = "lastpair"
"""The entry that says at which byte an output's last pair begins."""

MAX_INDEX = 700
"""Characters of an index: S3 allows 2 KB of metadata in all. A longer one is made coarser."""

GUESS_BYTES = 512
"""Where a bucket begins is told by an output's size alone, but for so many bytes, ..."""

GUESS_ROOT = 6.0
"""... and so many times the root of the size: two standard deviations of a sum of random pairs of
30 bytes (half the root of their number, in the middle). A guess that fails costs one more read.
"""


class InBuckets(Mapping[str, Any]):
    """Pairs that stand in their buckets already, a dict for each of BUCKETS."""

    def __init__(self, buckets: Sequence[dict[str, Any]]) -> None:
        self.buckets = buckets

    def given_up(self) -> Iterator[dict[str, Any]]:
        """One bucket after the other, each emptied before the next: its place is needed."""
        for bucket in self.buckets:
            yield bucket
            bucket.clear()

    def __getitem__(self, key: str) -> Any:
        return self.buckets[bucket_of(key.encode())][key]

    def __iter__(self) -> Iterator[str]:
        return itertools.chain.from_iterable(self.buckets)

    def __len__(self) -> int:
        return sum(map(len, self.buckets))


def in_buckets(pairs: Mapping[Any, Any]) -> Iterator[dict[str, Any]]:
    """The pairs of each bucket. Keys are texts, or all of them UTF-8. UnicodeError."""
    if isinstance(pairs, InBuckets):
        yield from pairs.given_up()
        return
    buckets: list[list[Any]] = [[] for _ in range(BUCKETS)]
    as_bytes = isinstance(next(iter(pairs), None), bytes)
    keys = pairs if as_bytes else map(str.encode, pairs)
    for number, pair in zip(buckets_of(keys), pairs.items(), strict=True):
        buckets[number] += pair
    for bucket in buckets:
        texts = _texts(bucket[::2]) if as_bytes else bucket[::2]
        yield dict(zip(texts, bucket[1::2], strict=True))


def _texts(keys: Sequence[bytes]) -> Sequence[str]:
    """Keys in UTF-8 as texts: in one go where none of them has a line's end. UnicodeError."""
    texts = b"\n".join(keys).decode().split("\n")
    return texts if len(texts) == len(keys) else [key.decode() for key in keys]


def encode(pairs: Mapping[Any, Any]) -> tuple[bytes, dict[str, str]]:
    """The JSON object of an output, and the metadata that say where things are in it.

    ValueError or TypeError as json raises it. Bucket by bucket, since json makes a text of every
    key and value before it joins them.
    """
    portions, last = [], b""
    with _uncollected():
        for bucket in in_buckets(pairs):
            portions.append(_json(bucket)[1:-1])
            if bucket:
                key = next(reversed(bucket))
                last = _json({key: bucket[key]})[1:-1]
    return _output(portions, last)


def join(lines: Iterable[tuple[Iterable[bytes], Iterable[bytes]]]) -> tuple[bytes, dict[str, str]]:
    """The same of pairs whose JSON is there: chunks of keys, and of the object's members. Chunk by
    chunk, each of which a core's cache holds.
    """
    found: list[list[bytes]] = [[] for _ in range(BUCKETS)]
    ends = [b""] * BUCKETS
    for keys, members in lines:
        buckets: list[list[bytes]] = [[] for _ in range(BUCKETS)]
        for bucket, member in zip(buckets_of(keys), members, strict=True):
            buckets[bucket].append(member)
        for bucket, some in enumerate(buckets):
            if some:
                found[bucket].append(b",".join(some))
                ends[bucket] = some[-1]
    return _output(list(map(b",".join, found)), next(filter(None, reversed(ends)), b""))


def _output(portions: Sequence[bytes], last: bytes) -> tuple[bytes, dict[str, str]]:
    """The output whose buckets have these members, with its very last one."""
    # A portion's comma, or the object's last brace, is its own.
    index = pack([len(portion) + 1 if portion else 0 for portion in portions])
    body = b"{" + b",".join(filter(None, portions)) + b"}"
    return body, {INDEX: index, LAST_PAIR: str(len(body) - len(last) - 1 if last else 1)}


def _json(bucket: Mapping[str, Any]) -> bytes:
    return fastjson.encode(bucket) or s3json.json_bytes(bucket)


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without Python's search for circles: json makes a tuple of each pair, so that a search begins
    every few buckets, which goes through all of them. Of 4 million pairs that is 3/4 of the time.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def last_pair_of(metadata: Mapping[str, str], size: int) -> int:
    """Where the last pair of an object of `size` bytes begins; 1, all of it, where that is not
    told. BadRecord where it is told wrongly.
    """
    text = metadata.get(LAST_PAIR, "1")
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:20]) <= max(1, size - 1):
        raise BadRecord(f"{LAST_PAIR} is {text[:40]!r}, no place in an object of {size} bytes")
    return int(text)


def pack(sizes: Sequence[int]) -> str:
    """Sizes of the buckets as a text. One that would be too long is of half as many buckets."""
    differences = [size - before for before, size in itertools.pairwise([0, *sizes])]
    text = base64.b64encode(b"".join(map(_varint, differences))).decode()
    if len(text) <= MAX_INDEX or len(sizes) == 1:
        return text
    return pack([sum(pair) for pair in zip(sizes[::2], sizes[1::2], strict=True)])


def _varint(number: int) -> bytes:
    rest = number * 2 if number >= 0 else -number * 2 - 1
    digits = bytearray()
    while rest > 0x7F:
        digits.append(rest & 0x7F | 0x80)
        rest >>= 7
    digits.append(rest)
    return bytes(digits)


def unpack(text: str, size: int, where: str) -> list[int]:
    """Where each bucket of an object of `size` bytes begins, and where the last one ends.

    BadRecord where that is no index, or not of that object.
    """
    offsets, bucket, number, shift = [1], 0, 0, 0
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise BadRecord(f"{where}: its index is not base64: {error}") from error
    for byte in data:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte & 0x80:
            continue
        bucket += -(number + 1) // 2 if number & 1 else number // 2
        offsets.append(offsets[-1] + bucket)
        number = shift = 0
        if bucket < 0:
            break
    count = len(offsets) - 1
    # The object without pairs, "{}", is one byte longer than its buckets say.
    fits = offsets[-1] == size or (offsets[-1], size) == (1, 2)
    if not fits or bucket < 0 or shift or BUCKETS % count:
        raise BadRecord(f"{where}: its index, of {count} buckets, is not that of {size} bytes")
    return offsets


def guess(size: int, first: int, end: int) -> tuple[int, int]:
    """The bytes of an object of `size` that hold the buckets first..end-1, most likely."""
    slack = GUESS_BYTES + round(GUESS_ROOT * size**0.5)
    start = max(0, size * first // BUCKETS - slack)
    return start, max(start + 1, min(size, size * end // BUCKETS + slack))


def span(offsets: Sequence[int], first: int, end: int) -> tuple[int, int]:
    """The bytes that hold the buckets first..end-1; those of neighbours too, in a coarse index."""
    width = BUCKETS // (len(offsets) - 1)
    return offsets[first // width], offsets[-(-end // width)]


def is_exact(offsets: Sequence[int], first: int, end: int) -> bool:
    """Whether `span` holds no pairs of other buckets."""
    width = BUCKETS // (len(offsets) - 1)
    return first % width == 0 and end % width == 0


def places(
    metadata: Mapping[str, str], size: int, first: int, end: int, where: str
) -> list[int] | None:
    """Where in an object of the buckets first..end-1 alone each of them begins, and the last ends;
    None where the index of the output of `size` bytes that they are of does not say. BadRecord.
    """
    offsets = unpack(metadata[INDEX], size, where) if INDEX in metadata else []
    if len(offsets) <= BUCKETS:
        return None
    return [1 + offset - offsets[first] for offset in offsets[first : end + 1]]


def as_object(portion: bytes) -> bytes:
    """The bytes of a span as a JSON object."""
    return b"{%b}" % memoryview(portion)[:-1]


def only(pairs: Mapping[str, Any], first: int, end: int) -> dict[str, Any]:
    """The pairs of the buckets first..end-1."""
    return {key: value for key, value in pairs.items() if first <= bucket_of(key.encode()) < end}
