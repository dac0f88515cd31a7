"""A Lambda function that measures from inside, for measuring.py; it is deployed twice, alone.

One of the two is asked: {"ask": "requests", "calls", "sends" or "writes", "bucket", "job",
"function", "rounds", "listed"}. It answers with seconds: of requests of each kind to S3, of calls
of the other function, of asynchronous ones and of S3's events until that one began. The other one,
when it is given a name to note or woken by S3, writes down when it began, under JOB/seen/.

Both ends of a time are taken in AWS: the clock of whoever asks, and their network, are not in it.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import boto3

S3 = boto3.client("s3")
FUNCTIONS = boto3.client("lambda")
WAIT = 10.0
"""Seconds after which a begin is taken not to come."""
POLL = 0.02

Event = Mapping[str, Any]


def handler(event: Event, context: Any) -> Any:
    """The function's entry."""
    begun = time.time()
    if "Records" in event:
        record = event["Records"][0]["s3"]
        note(record["bucket"]["name"], record["object"]["key"], begun)
    elif "note" in event:
        note(event["bucket"], event["note"], begun)
    elif "ask" in event:
        return ASKED[event["ask"]](event)
    return None


def note(bucket: str, key: str, when: float) -> None:
    """Write down when JOB/task/NAME was heard of."""
    S3.put_object(Bucket=bucket, Key=key.replace("/task/", "/seen/", 1), Body=str(when).encode())


def requests(event: Event) -> dict[str, list[float]]:
    """Seconds of each request to S3, by operation."""
    bucket, job = event["bucket"], event["job"]
    where = {"Bucket": bucket, "Key": f"{job}/probe/object"}
    source = {"CopySource": where, "MetadataDirective": "REPLACE"}
    for number in range(event["listed"]):
        S3.put_object(Bucket=bucket, Key=f"{job}/listed/{number}", Body=b"")
    calls: dict[str, Callable[[], Any]] = {
        "put": lambda: S3.put_object(**where, Body=b"{}"),
        "get": lambda: S3.get_object(**where)["Body"].read(),
        "head": lambda: S3.head_object(**where),
        "copy": lambda: S3.copy_object(**where, **source),
        "list": lambda: S3.list_objects_v2(Bucket=bucket, Prefix=f"{job}/listed/"),
        "delete": lambda: S3.delete_object(Bucket=bucket, Key=f"{job}/probe/missing"),
    }
    return {name: [timed(call) for _ in range(event["rounds"])] for name, call in calls.items()}


def calls(event: Event) -> list[float]:
    """Seconds of each call of the other function, which does nothing."""
    return [timed(lambda: invoke(event, {}, "RequestResponse")) for _ in range(event["rounds"])]


def sends(event: Event) -> list[list[float] | None]:
    """Seconds until an asynchronous call was accepted, and from there to its begin."""
    return [sent(event) for _ in range(event["rounds"])]


def sent(event: Event) -> list[float] | None:
    key, begin = new_key(event), time.time()
    invoke(event, {"bucket": event["bucket"], "note": key}, "Event")
    accepted = time.time()
    begun = seen(event["bucket"], key)
    return None if begun is None else [accepted - begin, begun - accepted]


def writes(event: Event) -> list[float | None]:
    """Seconds from the answer to a write to the begin of the function that it wakes."""
    return [woken(event) for _ in range(event["rounds"])]


def woken(event: Event) -> float | None:
    key = new_key(event)
    S3.put_object(Bucket=event["bucket"], Key=key, Body=b"")
    answered = time.time()
    begun = seen(event["bucket"], key)
    return None if begun is None else begun - answered


ASKED: dict[str, Callable[[Event], Any]] = {
    "requests": requests,
    "calls": calls,
    "sends": sends,
    "writes": writes,
}


def new_key(event: Event) -> str:
    """A key of the job that was not there before."""
    return f"{event['job']}/task/{time.time_ns()}"


def invoke(event: Event, payload: Event, kind: str) -> None:
    """Call the other function. RuntimeError where it fails."""
    answer = FUNCTIONS.invoke(
        FunctionName=event["function"],
        InvocationType=kind,
        Payload=json.dumps(payload).encode(),
    )
    if "FunctionError" in answer:
        raise RuntimeError(answer["Payload"].read())


def seen(bucket: str, key: str) -> float | None:
    """When the other function wrote that it had heard of a key; None where it has not."""
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        with contextlib.suppress(S3.exceptions.NoSuchKey):
            there = key.replace("/task/", "/seen/", 1)
            return float(S3.get_object(Bucket=bucket, Key=there)["Body"].read())
        time.sleep(POLL)
    return None


def timed(call: Callable[[], Any]) -> float:
    """Seconds that a call takes."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin
