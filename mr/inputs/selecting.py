"""Which objects under a prefix are a job's input; pure.

What cannot be input is said all at once, before anything is started or deleted.
"""

from __future__ import annotations

from collections.abc import Iterable

from aws.s3objects import S3Object
from errors import UsageError
from inputs import packing
from state.keys import parse_key


def is_folder_marker(item: S3Object) -> bool:
    """Whether it is the empty object that some programs put where a folder begins."""
    return item.size == 0 and item.key.endswith("/")


def is_hidden(key: str, prefix: str) -> bool:
    """Whether a segment of the key, below the prefix, begins with "_" or ".".

    Hadoop, Spark and Hive leave such names out: markers, checksums, work of jobs under way.
    """
    below = key[len(prefix) :].split("/")
    if prefix and not prefix.endswith("/"):
        del below[0]  # the segment that the prefix itself begins
    return any(segment.startswith(("_", ".")) for segment in below)


def check_readable(
    files: Iterable[S3Object], bucket: str, own_job: str | None, tables: bool = False
) -> None:
    """UsageError where objects cannot be input: by kind, the first, how many, and what helps.

    `own_job` is the job's id where its outputs go to the same bucket, else None; `tables` is
    whether the input is to be Parquet, which is no text.
    """
    found: dict[str, list[str]] = {}
    for item in files:
        if what := _fault(item, own_job, tables):
            found.setdefault(what, []).append(item.key)
    if found:
        shown = (
            f"s3://{bucket}/{keys[0]}{f' and {len(keys) - 1} more' if keys[1:] else ''}: {what}"
            for what, keys in found.items()
        )
        raise UsageError(f"objects under the prefix cannot be input: {'; '.join(shown)}")


def _fault(item: S3Object, own_job: str | None, tables: bool) -> str:
    if own_job is not None and (key := parse_key(item.key)) and key.job_id == own_job:
        return "an output of this very job: give another prefix, or another job id"
    if item.archive:
        return f"archived, in the storage class {item.archive}: restore it first, or leave it out"
    if tables:
        is_table = item.key.lower().endswith(packing.TABLE)
        return "" if is_table else f"no Parquet, as others are: leave it out ({packing.TABLE})"
    return packing.unreadable(item.key)
