"""A job tried on a sample, without AWS: its answer, and whether `combine` keeps its contract.

In: a job, and blocks of whole lines. Out: what mapping and combining give, and, for keys whose
values give another answer when they are grouped in another way, both answers. Values pass through
JSON on the way, as they do between functions.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from jobs.base import Job
from jobs.faults import Fault
from jobs.feeding import Feeder
from shuffle import pairs

PIECES = 40
"""A sample is cut into so many pieces at most, each mapped by itself."""
KEYS = 200
"""Keys whose values are regrouped."""
REGROUPINGS = 20
"""How often each."""
SEED = 17
"""The same sample is regrouped in the same ways each time."""


@dataclasses.dataclass(frozen=True)
class Wrong:
    """A key whose values give two answers: combined in order, and otherwise."""

    key: str
    in_order: Any
    otherwise: Any


@dataclasses.dataclass(frozen=True)
class Trial:
    """What a job made of a sample. `first` are pairs of its first piece, `ungrouped` and
    `unordered` the first key for which the grouping, or the order, of values makes a difference.
    """

    lines: int
    headers: int
    faults: Mapping[str, Fault]
    first: Mapping[str, Any]
    answer: Mapping[str, Any]
    ungrouped: Wrong | None = None
    unordered: Wrong | None = None


def try_job(job: Job, samples: Sequence[tuple[str, bytes]]) -> Trial:
    """Try a job on samples: the name and the lines of each. JobError where the job fails."""
    feeder = Feeder(job)
    outputs: list[dict[str, Any]] = []
    for name, body in samples:
        headers = feeder.headers
        feeder.take([body] if body else [], name, from_start=True)
        has_header = feeder.headers > headers
        outputs += (mapped(job, name, piece) for piece in cut(body, has_header))
    answer: dict[str, Any] = {}
    for output in outputs:
        job.merge(answer, output)
    lines, _, _ = job.counts(feeder.accumulator)
    faults = job.faults(feeder.accumulator)
    trial = Trial(lines, feeder.headers, faults, outputs[0] if outputs else {}, answer)
    chance = random.Random(SEED)  # noqa: S311 - which groupings are tried is no secret
    return dataclasses.replace(
        trial,
        ungrouped=next(regrouped(job, outputs, chance, shuffle=False), None),
        unordered=next(regrouped(job, outputs, chance, shuffle=True), None),
    )


def cut(body: bytes, has_header: bool) -> Iterator[bytes]:
    """A sample's lines in pieces, without its header; at least one."""
    lines = body.splitlines(keepends=True)[has_header:]
    size = -(-len(lines) // PIECES) or 1
    for start in range(0, len(lines) or 1, size):
        yield b"".join(lines[start : start + size])


def mapped(job: Job, name: str, piece: bytes) -> dict[str, Any]:
    """The output of a mapper of these lines alone, as it comes back from S3. JobError."""
    accumulator = job.start()
    if piece:
        job.add(accumulator, piece, name)
    return pairs.parse_output(pairs.as_output(job, job.pairs(accumulator))[0], name)


def regrouped(
    job: Job, outputs: Sequence[Mapping[str, Any]], chance: random.Random, shuffle: bool
) -> Iterator[Wrong]:
    """Keys whose values give another answer in another grouping, and order if these `shuffle`."""
    values: dict[str, list[Any]] = {}
    for output in outputs:
        for key, value in output.items():
            values.setdefault(key, []).append(value)
    several = [key for key, found in values.items() if len(found) > 1]
    for key in chance.sample(several, min(KEYS, len(several))):
        in_order = functools.reduce(functools.partial(combined, job, key), copies(values[key]))
        for _ in range(REGROUPINGS):
            otherwise = by_chance(job, key, copies(values[key]), chance, shuffle)
            if not alike(in_order, otherwise):
                yield Wrong(key, in_order, otherwise)
                break


def by_chance(job: Job, key: str, values: list[Any], chance: random.Random, shuffle: bool) -> Any:
    """One of the ways to combine values: neighbours, taken by chance, become one."""
    if shuffle:
        chance.shuffle(values)
    while len(values) > 1:
        at = chance.randrange(len(values) - 1)
        values[at : at + 2] = [combined(job, key, *values[at : at + 2])]
    return values[0]


def combined(job: Job, key: str, a: Any, b: Any) -> Any:
    """Two values as one, through JSON. JobError."""
    merged = {key: a}
    job.merge(merged, {key: b})
    try:
        return json.loads(json.dumps(merged[key], allow_nan=False))
    except (TypeError, ValueError):
        pairs.as_output(job, merged)  # names what is wrong with it
        raise


def copies(values: Iterable[Any]) -> list[Any]:
    """The values anew: `combine` may change what it is given."""
    return [json.loads(json.dumps(value)) for value in values]


def alike(a: Any, b: Any) -> bool:
    """Whether two values are the same, numbers to 1e-9 of themselves; pure."""
    if isinstance(a, float) or isinstance(b, float):
        both = isinstance(a, int | float) and isinstance(b, int | float)
        return both and math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(alike(a[key], b[key]) for key in a)
    return bool(a == b)
