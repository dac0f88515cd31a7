"""How input objects are cut into batches, as the original has it; pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

LAMBDA_MEMORY_MB = 1536
"""Memory of a mapper or reducer, for which batches are sized."""
DATA_SHARE = 0.6
"""Share of that memory which a batch of input objects may fill, as the original has it."""
MAX_KEYS_BYTES = 900_000
"""Room for the keys of one batch: an asynchronous invocation's payload is 1 MB at most."""

ETAG_BYTES = 64
"""Room for the version of each key; S3's ETags take 40 bytes of JSON, or a few more."""


def _key_and_size(item: Any) -> tuple[str, int]:
    """Key and bytes of a boto3 object summary or of a {"Key":, "Size":} dict."""
    if isinstance(item, Mapping):
        return item["Key"], item["Size"]
    return item.key, item.size


def compute_batch_size(keys: Sequence[Any], lambda_memory: int = LAMBDA_MEMORY_MB) -> int:
    """How many objects go to one function: round(0.6 x memory / mean object size), at least 1.

    `keys` are boto3 objects or {"Key":, "Size":} dicts; `lambda_memory` is in MB of 10^6 bytes,
    as in the original. ValueError where there are no objects.
    """
    if not keys:
        raise ValueError("compute_batch_size needs at least one object")
    mean_size = sum(_key_and_size(item)[1] for item in keys) / len(keys)
    if mean_size == 0:
        return len(keys)
    return max(1, round(DATA_SHARE * lambda_memory * 1000 * 1000 / mean_size))


def batch_creator(keys: Sequence[Any], batch_size: int) -> list[list[str]]:
    """Cut objects, in the order given, into batches of `batch_size` keys; the last may be smaller.

    A batch whose keys, with their versions, would not fit into an invocation's payload is cut
    further.
    """
    if batch_size < 1:
        raise ValueError(f"a batch holds at least 1 object, not {batch_size}")
    names = [_key_and_size(item)[0] for item in keys]
    longest = max((len(json.dumps(name)) + 2 + ETAG_BYTES for name in names), default=1)
    size = max(1, min(batch_size, MAX_KEYS_BYTES // longest))
    return [names[start : start + size] for start in range(0, len(names), size)]
