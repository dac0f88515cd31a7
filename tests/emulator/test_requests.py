"""How many requests a function makes to S3: counted at botocore, and bounded."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

import mapper
import reducer
import reducerCoordinator
from aws.client import Clients
from state.keys import JobKeys
from state.records import JobInfo

BUCKET = "counted"
PAGE = 1000
"""Keys that one answer of ListObjectsV2 has."""


@dataclasses.dataclass
class Context:
    """What Lambda tells a function of its invocation."""

    aws_request_id: str = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@pytest.fixture(scope="module")
def s3(emulator, aws_environment) -> Iterator[Any]:
    """The client that the functions use, in a bucket of their own; its requests are counted."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in aws_environment.items():
            if name.startswith("AWS"):
                patch.setenv(name, value)
        client = Clients().s3
        region = {"LocationConstraint": client.meta.region_name}
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=region)
        yield client


@pytest.fixture
def requests(s3) -> Iterator[Counter[str]]:
    """Operation -> how often it was sent, tries again included."""
    counted: Counter[str] = Counter()

    def count(event_name: str, **_: Any) -> None:
        counted[event_name.rpartition(".")[2]] += 1

    s3.meta.events.register("before-send.s3", count)
    yield counted
    s3.meta.events.unregister("before-send.s3", count)


def put(s3: Any, *keys: str, body: bytes = b'{"1.1.1.1": 2.5}') -> list[str]:
    for key in keys:
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    return list(keys)


@pytest.mark.parametrize("count", [1, 7])
def test_a_mapper_reads_each_object_once_and_writes_once(s3, requests, count: int) -> None:
    keys = put(s3, *(f"in/{number}" for number in range(count)), body=b"1.1.1.1,u,d,2.5,a\n")
    requests.clear()
    event = {"bucket": BUCKET, "keys": keys, "jobBucket": BUCKET, "jobId": "m", "mapperId": 1}
    assert mapper.handler(event, Context())[1] == count
    assert requests == {"GetObject": count, "PutObject": 1, "DeleteObject": 1}


@pytest.mark.parametrize("count", [2, 7])
def test_a_reducer_reads_each_output_once_and_writes_once(s3, requests, count: int) -> None:
    keys = put(s3, *(JobKeys("r").mapper_output(number) for number in range(1, count + 1)))
    requests.clear()
    event = {"bucket": BUCKET, "keys": keys, "jobBucket": BUCKET, "jobId": "r"}
    assert reducer.handler({**event, "nReducers": 2, "stepId": 1, "reducerId": 1}, Context())
    assert requests == {"GetObject": count, "PutObject": 1, "DeleteObject": 1}


@pytest.mark.parametrize("outputs", [10, PAGE + 100])
def test_an_event_that_finds_outputs_missing_reads_the_record_and_lists(
    s3, requests, outputs: int
) -> None:
    job = JobInfo(f"c{outputs}", BUCKET, outputs + 1, "reducer", reducer_timeout=60)
    keys = JobKeys(job.job_id)
    put(s3, keys.jobinfo, body=json.dumps(job.to_json()).encode())
    key, *_ = put(s3, *(keys.mapper_output(number) for number in range(1, outputs + 1)))
    requests.clear()
    record = {"s3": {"bucket": {"name": BUCKET}, "object": {"key": key}}}
    reducerCoordinator.handler({"Records": [record]}, Context())
    assert requests == {"GetObject": 1, "ListObjectsV2": 1 + outputs // PAGE}
