"""A Lambda function that measures S3 from inside, for measuring.py; deployed alone.

In: {"bucket", "rounds"} to time requests of each kind, {"bucket", "key"} to write down when it
began, or an S3 event, which is written down likewise. Out: operation -> seconds of each round.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import boto3

S3 = boto3.client("s3")
LISTED = 100
"""Keys of the listing that is timed."""


def handler(event: Any, context: Any) -> dict[str, list[float]]:
    """The function's entry."""
    begun = time.time()
    if "Records" in event:
        record = event["Records"][0]["s3"]
        note(record["bucket"]["name"], record["object"]["key"], begun)
    elif "key" in event:
        note(event["bucket"], event["key"], begun)
    elif "rounds" in event:
        return requests(event["bucket"], event["rounds"])
    return {}


def note(bucket: str, key: str, when: float) -> None:
    """Write down when a key was heard of."""
    S3.put_object(Bucket=bucket, Key=f"seen/{key}", Body=str(when).encode())


def requests(bucket: str, rounds: int) -> dict[str, list[float]]:
    """Seconds of each request of `rounds`, by operation."""
    where = {"Bucket": bucket, "Key": "probe/object"}
    source = {"CopySource": where, "MetadataDirective": "REPLACE"}
    for number in range(LISTED):
        S3.put_object(Bucket=bucket, Key=f"listed/{number}", Body=b"")
    calls: dict[str, Callable[[], Any]] = {
        "put": lambda: S3.put_object(**where, Body=b"{}"),
        "get": lambda: S3.get_object(**where)["Body"].read(),
        "head": lambda: S3.head_object(**where),
        "copy": lambda: S3.copy_object(**where, **source),
        "list": lambda: S3.list_objects_v2(Bucket=bucket, Prefix="listed/"),
        "delete": lambda: S3.delete_object(Bucket=bucket, Key="probe/missing"),
    }
    return {name: [timed(call) for _ in range(rounds)] for name, call in calls.items()}


def timed(call: Callable[[], Any]) -> float:
    """Seconds that a call takes."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin
