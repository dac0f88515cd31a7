"""The deployment that a role is for, as scns.json describes it: its region and its functions.

In: the file, which is found as setupApps.py finds it. Out: a `Deployment`, or ConfigError with
every fault in one go. What the role does not need is not looked at: it may be made before the
trigger's bucket is filled in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deploy import config

LOOKED_AT = ("name", "handler", "s3bucket")


@dataclass(frozen=True)
class Deployment:
    """Names of one deployment.

    `workers` are the functions that its driver and its coordinator start: mappers and reducers.
    `code_buckets` are where bundles and SpotWrap's library go.
    """

    region: str
    functions: tuple[str, ...]
    workers: tuple[str, ...]
    code_buckets: tuple[str, ...]


def read(name: str) -> Deployment:
    """The deployment in a configuration file. ConfigError."""
    path = config.find(name)
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise config.ConfigError(f"{path}: {error}") from error
    if faults := list(_faults(value)):
        raise config.ConfigError(*(f"{path}: {fault}" for fault in faults))
    return of(value)


def of(value: Mapping[str, Any]) -> Deployment:
    """The deployment in the JSON of a configuration file that has no faults; pure."""
    entries = value["functions"]
    buckets = {entry["s3bucket"] for entry in entries if "s3bucket" in entry}
    return Deployment(
        region=value["region"],
        functions=tuple(entry["name"] for entry in entries),
        workers=tuple(
            entry["name"] for entry in entries if config.is_worker(str(entry["handler"]))
        ),
        code_buckets=tuple(sorted(buckets)),
    )


def _faults(value: Any) -> Iterator[str]:
    """What is wrong with the fields that a role needs."""
    entries = value.get("functions") if isinstance(value, dict) else None
    if not isinstance(entries, list) or not entries:
        yield "there must be a JSON object with a region and a list of at least one function"
        return
    if fault := config.region_fault(value.get("region")):
        yield f"region: {fault}"
    for number, entry in enumerate(entries, 1):
        yield from (f"function {number}: {fault}" for fault in _entry_faults(entry))


def _entry_faults(entry: Any) -> Iterator[str]:
    if not isinstance(entry, dict):
        yield f"not a JSON object but {type(entry).__name__}"
        return
    for field in LOOKED_AT:
        needed = field in entry or field != "s3bucket"
        if needed and (fault := config.FIELDS[field](entry.get(field))):
            yield f"{field}: {fault}"
