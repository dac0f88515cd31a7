"""Pairs in order, however many there are: sorted runs in a temporary file, merged as they are read.

In: pairs, and what ranks them. Out: the same pairs, sorted. Memory is bounded by one run and by
READ_BYTES; what fits one run never touches the disk.
"""

from __future__ import annotations

import heapq
import itertools
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any

from errors import JobError
from views.jsonpairs import Pair, read_pairs

Rank = Callable[[Pair], Any]

RUN_WEIGHT = 8_000_000
"""Characters of the pairs of a run, PAIR_WEIGHT for a number: 30 MB of memory, sorted."""

PAIR_WEIGHT = 40
READ_BYTES = 16 << 20
"""Bytes of all runs that are in memory while they are merged."""

MOST_TOP = 50_000
"""Pairs that are held in a heap where only the first so many are asked for."""


def ordered(pairs: Iterable[Pair], rank: Rank, top: int | None = None) -> Iterator[Pair]:
    """The pairs from the lowest rank up, the first `top` of them.

    TypeError where ranks have no order; JobError where the temporary file cannot be written.
    """
    if top is not None and top <= MOST_TOP:
        return iter(heapq.nsmallest(top, pairs, key=rank))
    return itertools.islice(_sorted(pairs, rank), top)


def _sorted(pairs: Iterable[Pair], rank: Rank) -> Iterator[Pair]:
    source = iter(pairs)
    first, ended = _run(source, rank)
    if ended:
        yield from first
        return
    try:
        with tempfile.TemporaryFile() as file:
            yield from _by_file(file, first, source, rank)
    except OSError as error:
        raise JobError(
            f"the answer cannot be sorted in {tempfile.gettempdir()}: {error.strerror}: name a "
            "folder with room for all of it in TMPDIR, or leave it unsorted (--sort none)"
        ) from error


def _by_file(
    file: IO[bytes], run: list[Pair], source: Iterator[Pair], rank: Rank
) -> Iterator[Pair]:
    """The first run's pairs and the rest of the source's, merged. OSError."""
    spans, ended = [_write(file, run)], False
    while not ended:
        run.clear()
        run, ended = _run(source, rank)
        spans.append(_write(file, run))
    run.clear()
    size = max(1 << 12, READ_BYTES // len(spans))
    yield from heapq.merge(*(_read(file, span, size) for span in spans), key=rank)


def _run(source: Iterator[Pair], rank: Rank) -> tuple[list[Pair], bool]:
    """The next pairs, about RUN_WEIGHT of them, sorted; and whether they are the last."""
    run, weight = [], 0
    for pair in source:
        run.append(pair)
        weight += _weight(pair)
        if weight >= RUN_WEIGHT:
            break
    run.sort(key=rank)
    return run, weight < RUN_WEIGHT


def _weight(pair: Pair) -> int:
    value = pair[1]
    is_plain = isinstance(value, int | float)
    return PAIR_WEIGHT + len(pair[0]) + (0 if is_plain else len(str(value)))


def _write(file: IO[bytes], run: list[Pair]) -> tuple[int, int]:
    """Append a run as a JSON object; where it begins and ends. OSError."""
    start = file.seek(0, 2)
    file.write(json.dumps(dict(run)).encode())
    return start, file.tell()


def _read(file: IO[bytes], span: tuple[int, int], size: int) -> Iterator[Pair]:
    """The pairs of a run; 1e999 of an answer stands there as Infinity."""
    chunks = _chunks(file, *span, size)
    return read_pairs(chunks, "the temporary file", json.JSONDecoder().raw_decode)


def _chunks(file: IO[bytes], start: int, end: int, size: int) -> Iterator[bytes]:
    for position in range(start, end, size):
        file.seek(position)
        yield file.read(min(size, end - position))


class Falling:
    """A value that ranks the other way round: the largest first."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Falling) and bool(self.value == other.value)

    def __lt__(self, other: object) -> bool:
        return bool(other.value < self.value) if isinstance(other, Falling) else NotImplemented

    def __hash__(self) -> int:
        return hash(repr(self.value))
