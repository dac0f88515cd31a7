"""How a job's input is cut into mappers: batches of objects, or splits of them; pure."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable

import lambdautils
from aws.s3objects import S3Object
from errors import UsageError
from inputs.selecting import check_readable, is_folder_marker, is_hidden
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
    etags: list[list[str]] = dataclasses.field(default_factory=list)
    """For each mapper, the version of each of its keys."""
    hidden: int = 0
    """Objects under the prefix that are no input, by their names."""


def plan_batches(listed: Iterable[S3Object], request: JobRequest) -> Plan:
    """Cut the objects under a prefix, in listed order, into batches; pure.

    Folder markers and hidden names are left out. UsageError where nothing is left, or where
    something is that cannot be read.
    """
    found = [item for item in listed if not is_folder_marker(item)]
    files = [item for item in found if not is_hidden(item.key, request.prefix)]
    hidden = len(found) - len(files)
    if not files:
        raise UsageError(nothing_there(request, hidden))
    own_job = request.job_id if request.bucket == request.job_bucket else None
    check_readable(files, request.bucket, own_job, request.tables)
    cut = _plan_splits if request.split_size else _plan_whole_objects
    return dataclasses.replace(cut(files, request), hidden=hidden)


def nothing_there(request: JobRequest, hidden: int) -> str:
    """What is wrong with a prefix without input."""
    but = f", but for {hidden} whose names begin with _ or ." if hidden else ""
    return (
        f"there is no object under s3://{request.bucket}/{request.prefix}{but}: check the bucket "
        "(--databkt, payload bucket) and the prefix (--prefix, payload prefix)"
    )


def _plan_whole_objects(files: list[S3Object], request: JobRequest) -> Plan:
    batch_size = request.batch_size or lambdautils.compute_batch_size(files)
    batches = lambdautils.batch_creator(files, batch_size)[: request.endearly]
    items = iter(files)
    chosen = [list(itertools.islice(items, len(batch))) for batch in batches]
    batch_sizes = [sum(item.size for item in batch) for batch in chosen]
    etags = [[item.etag for item in batch] for batch in chosen]
    return Plan(batches, batch_sizes, sum(map(len, batches)), sum(batch_sizes), etags=etags)


def _plan_splits(files: list[S3Object], request: JobRequest) -> Plan:
    """Mappers of about `split_size` bytes each, of which the first `endearly` are taken."""
    split_size = request.split_size or 0
    planned = splits.plan_splits(files, split_size)
    if len(planned) > MAX_SPLITS:
        raise UsageError(
            f"a split size of {split_size} bytes makes {len(planned)} mappers, more than "
            f"{MAX_SPLITS}: give a larger one (--splitsize, payload splitSize), such as 64MB"
        )
    used = planned[: request.endearly]
    sizes = [split.size for split in used]
    keys = {key for split in used for key in split.keys}
    return Plan(
        [split.keys for split in used],
        sizes,
        len(keys),
        sum(sizes),
        [split.ranges for split in used],
        [split.etags for split in used],
    )
