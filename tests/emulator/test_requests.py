"""How many requests a function makes to S3: counted at botocore, and bounded."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

import mapper
import reducer
import reducerCoordinator
from aws.client import Clients
from jobs import loading
from shuffle.pairs import write_pairs
from state.keys import JobKeys
from state.outputs import Counts
from state.records import JobInfo
from state.runs import Run

BUCKET = "counted"
PAGE = 1000
"""Keys that one answer of ListObjectsV2 has."""


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


def record(s3: Any, job_id: str, mappers: int) -> JobInfo:
    """The record of a job, in S3."""
    job = JobInfo(job_id, BUCKET, mappers, "reducer", reducer_timeout=60, run_id="run-1")
    put(s3, JobKeys(job_id).jobinfo, body=json.dumps(job.to_json()).encode())
    return job


@pytest.mark.parametrize("count", [1, 7])
def test_a_mapper_reads_each_object_once_and_writes_once(s3, requests, count: int) -> None:
    record(s3, f"m{count}", 1)
    keys = put(s3, *(f"in/{number}" for number in range(count)), body=b"1.1.1.1,u,d,2.5,a\n")
    requests.clear()
    event = {"bucket": BUCKET, "keys": keys, "jobBucket": BUCKET, "jobId": f"m{count}"}
    assert mapper.handle(s3, {**event, "mapperId": 1}, "request-1")[1] == count
    # It looks whose the job id is before it starts, and before it writes.
    assert requests == {"GetObject": count + 2, "PutObject": 1, "DeleteObject": 1}


@pytest.mark.parametrize("buckets", [None, [0, 64]])
@pytest.mark.parametrize("count", [2, 7])
def test_a_reducer_reads_each_output_once_and_writes_once(s3, requests, count, buckets) -> None:
    job = record(s3, f"r{count}", count)
    keys = [JobKeys(job.job_id).mapper_output(number) for number in range(1, count + 1)]
    run = Run(s3, BUCKET, job.job_id, job.run_id)
    groups = {f"10.{number % 256}.{number}": 2.5 for number in range(20_000)}
    for key in keys:
        write_pairs(run, loading.load(), key, groups, Counts(0.0, 0.0, 0))
    sizes = [s3.head_object(Bucket=BUCKET, Key=key)["ContentLength"] for key in keys]
    requests.clear()
    event = {"bucket": BUCKET, "keys": keys, "jobBucket": BUCKET, "jobId": job.job_id}
    event |= {"nReducers": 2, "stepId": 1, "reducerId": 1, "sizes": sizes, "buckets": buckets}
    assert reducer.handle(s3, event, "request-1")[0] == count
    writes = requests["PutObject"]
    assert requests["GetObject"] == count + 2
    assert (writes, requests["DeleteObject"], requests["HeadObject"]) in [(1, 1, 0), (1, 1, 1)]


@pytest.mark.parametrize("outputs", [10, PAGE + 100])
def test_an_event_that_finds_outputs_missing_reads_the_record_and_lists_a_little(
    s3, requests, outputs: int
) -> None:
    job = record(s3, f"c{outputs}", outputs + 1)
    keys = JobKeys(job.job_id)
    numbers = [number for number in range(1, outputs + 2) if number != 2]
    put(s3, *(keys.mapper_output(number) for number in numbers))
    clients = SimpleNamespace(s3=s3, functions=None, clock=time.time, sleep=time.sleep)
    coordinator = reducerCoordinator.Coordinator(clients, "request-1", 60, ["reducer"])
    requests.clear()
    coordinator.coordinate(BUCKET, job.job_id)
    # 2 stands behind 1 and 10 to 19, or behind some hundred keys: pages of 32, 64 and 128
    assert requests == {"GetObject": 1, "ListObjectsV2": 1 if outputs < PAGE else 3}
