"""How a job's input is cut into mappers; pure.

In: the objects under a prefix, as S3 lists them, and what the user asked for. Out: a `Plan`.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import lambdautils
from jobrequest import JobRequest, UsageError


@dataclasses.dataclass(frozen=True)
class Plan:
    """The mappers of a job: the keys of each, and the objects and bytes they read."""

    batches: list[list[str]]
    objects: int
    size: int


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
    batch_size = request.batch_size or lambdautils.compute_batch_size(files)
    batches = lambdautils.batch_creator(files, batch_size)[: request.endearly]
    used = files[: sum(map(len, batches))]
    return Plan(batches, len(used), sum(item["Size"] for item in used))
