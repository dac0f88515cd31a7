"""How a job's input is cut into mappers; pure.

In: the objects under a prefix, as S3 lists them, and what the user asked for. Out: a `Plan`.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import lambdautils
from errors import UsageError
from inputs import packing
from running import splits
from running.request import JobRequest
from state.tasks import Range

MAX_SPLITS = 50_000
"""Mappers of a job that a split size may make; one more is a mistake in its unit."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """The mappers of a job: the keys and the bytes of each, and the objects and bytes in all."""

    batches: list[list[str]]
    batch_sizes: list[int]
    objects: int
    size: int
    ranges: list[list[Range | None]] | None = None
    """With splits: for each mapper, the range of each of its keys."""


def plan_batches(objects: list[dict[str, Any]], request: JobRequest) -> Plan:
    """Cut the input ({"Key", "Size"} in listed order) into batches; pure.

    Folder markers are left out. UsageError where nothing is left.
    """
    files = [item for item in objects if not (item["Key"].endswith("/") and item["Size"] == 0)]
    if not files:
        raise UsageError(
            f"there is no object under s3://{request.bucket}/{request.prefix}: check the bucket "
            "(--databkt, payload bucket) and the prefix (--prefix, payload prefix)"
        )
    check_readable(files, request.bucket)
    if request.split_size:
        return _plan_splits(files, request.split_size, request.endearly)
    batch_size = request.batch_size or lambdautils.compute_batch_size(files)
    batches = lambdautils.batch_creator(files, batch_size)[: request.endearly]
    sizes = iter([item["Size"] for item in files])
    batch_sizes = [sum(itertools.islice(sizes, len(batch))) for batch in batches]
    return Plan(batches, batch_sizes, sum(map(len, batches)), sum(batch_sizes))


def check_readable(files: list[dict[str, Any]], bucket: str) -> None:
    """UsageError, with the first of them and the remedy, where objects cannot be input."""
    found: dict[str, list[str]] = {}
    for item in files:
        if what := packing.unreadable(item["Key"]):
            found.setdefault(what, []).append(item["Key"])
    faults = [
        f"s3://{bucket}/{keys[0]}{f' and {len(keys) - 1} more' if keys[1:] else ''}: {what}"
        for what, keys in found.items()
    ]
    if faults:
        raise UsageError(
            "\n".join(["there are objects among the input that cannot be read:", *faults])
        )


def _plan_splits(files: list[dict[str, Any]], split_size: int, endearly: int | None) -> Plan:
    """Mappers of about `split_size` bytes each, of which the first `endearly` are taken."""
    planned = splits.plan_splits(files, split_size)
    if len(planned) > MAX_SPLITS:
        raise UsageError(
            f"a split size of {split_size} bytes makes {len(planned)} mappers, more than "
            f"{MAX_SPLITS}: give a larger one (--splitsize, payload splitSize), such as 64MB"
        )
    used = planned[:endearly]
    sizes = [split.size for split in used]
    keys = {key for split in used for key in split.keys}
    return Plan(
        [split.keys for split in used],
        sizes,
        len(keys),
        sum(sizes),
        [split.ranges for split in used],
    )
