"""The simulator against the embedded AWS: the same job, the same requests, about the same time."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local import uservisits
from local.emulator import Emulator
from local.simulated.groups import addresses
from local.simulated.job import Layout, request_for, simulate
from local.simulated.measuring import PLENTY, Probes, mapper_speed, measure, seconds_of
from local.simulated.rates import Rates, Spread
from local.simulated.work import Query
from tests.cloud import ROOT, SECONDS, Cloud, cloud_on
from tests.faults import FaultProxy

pytestmark = pytest.mark.slow

ROLES = {
    "mapperNS": "mapper",
    "reducerNS": "reducer",
    "reducerCoordinatorNS": "coordinator",
    "driverNS": "driver",
    "caller": "driver",
    "called": "driver",
}
OBJECTS, SIZE = 6, 8_000_000
PREFIX = "in/"
JOB = "job"
PROBED = "probed"
ROUNDS = 6
"""Jobs and measurements in turns, at most: the machine is shared, and some meet a bad moment."""
COUNTED = {"service": "*", "latency": {"min": 0, "max": 0}}
"""A fault that harms nothing: microburst writes down every request that it meets."""


@dataclasses.dataclass
class Watched:
    """An emulator with a proxy for each role before it, which counts the requests."""

    cloud: Cloud
    proxies: dict[str, FaultProxy]
    endpoint: str

    def requests(self) -> Counter[tuple[str, str]]:
        """(role, operation) -> number, since the last `forget`."""
        return Counter(
            (role, event["operation"])
            for role, proxy in self.proxies.items()
            for event in proxy.fired()
        )

    def forget(self) -> None:
        for proxy in self.proxies.values():
            proxy.control("DELETE", "fired")


@pytest.fixture(scope="module")
def watched(tmp_path_factory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("simulator")
    with ExitStack() as stack:
        emulator = stack.enter_context(Emulator())
        proxies = {}
        for role in ROLES.values():
            log = folder / f"{role}.log"
            proxies[role] = stack.enter_context(FaultProxy(emulator.endpoint, log))
            proxies[role].rules(COUNTED)
        direct = cloud_on(emulator, folder, "jobs-bucket", "data-bucket", job_id=JOB)
        config = json.loads(direct.config.read_text())
        config["functions"] += probes()
        for function in config["functions"]:
            endpoint = proxies[ROLES[function["name"]]].endpoint
            function["environment"] = {"AWS_ENDPOINT_URL": endpoint}
        direct.config.write_text(json.dumps(config))
        direct.deploy()
        through = {**direct.environment, "AWS_ENDPOINT_URL": proxies["driver"].endpoint}
        watched = dataclasses.replace(direct, environment=through)
        yield Watched(watched, proxies, emulator.endpoint)


def probes() -> list[dict[str, Any]]:
    """The two functions that measure, of which the bucket wakes the second."""
    probe = {
        "lambdaMemory": 1769, "handler": "probe.handler", "zip": "probe.zip",
        "files_and_dirs": [str(ROOT / "local/simulated/probe.py")],
    }  # fmt: skip
    trigger = {"permission": "jobs-bucket", "job_id": PROBED}
    return [{**probe, "name": "caller"}, {**probe, **trigger, "name": "called"}]


def run_job(watched: Watched) -> tuple[float, Counter[tuple[str, str]]]:
    """A job of one mapper after the other, by the driver function; its seconds and requests."""
    cloud = watched.cloud
    for key in cloud.keys(f"{JOB}/"):
        cloud.s3.delete_object(Bucket=cloud.bucket, Key=key)
    watched.forget()
    payload = {
        "bucket": cloud.databkt, "prefix": PREFIX, "jobBucket": cloud.bucket, "job_id": JOB,
        "mapper": "mapperNS", "reducer": "reducerNS", "batchSize": 1, "concurrency": 1,
    }  # fmt: skip
    functions = patient(cloud, watched.endpoint)
    answer = functions.invoke(FunctionName="driverNS", Payload=json.dumps(payload).encode())
    assert "FunctionError" not in answer, answer["Payload"].read()
    cloud.settled_invocations("reducerCoordinatorNS")
    result = cloud.s3.head_object(Bucket=cloud.bucket, Key=f"{JOB}/result")["Metadata"]
    start = cloud.read(f"{JOB}/jobdata")["startTime"]
    return end_of_merge(result) - start, comparable(watched.requests())


def patient(cloud: Cloud, endpoint: str) -> Any:
    """A Lambda client that waits for a whole job, and asks once."""
    own = cloud.environment
    session = boto3.Session(
        own["AWS_ACCESS_KEY_ID"], own["AWS_SECRET_ACCESS_KEY"], None, own["AWS_DEFAULT_REGION"]
    )
    once = Config(read_timeout=SECONDS, retries={"total_max_attempts": 1})
    return session.client("lambda", endpoint_url=endpoint, config=once)


def end_of_merge(metadata: Mapping[str, str]) -> float:
    """When the last reducer had merged, by its output's metadata; seconds since the epoch."""
    return float(metadata["starttime"]) + float(metadata["processingtime"])


def comparable(requests: Mapping[tuple[str, str], int]) -> Counter[tuple[str, str]]:
    """Requests without those that a driver makes while it waits, by one name each."""
    names = {"GetBucketNotification": "GetBucketNotificationConfiguration"}
    return Counter(
        {
            (role, names.get(operation, operation)): count
            for (role, operation), count in requests.items()
            if role != "driver" or operation not in ("ListObjectsV2", "GetObject")
        }
    )


def computing(watched: Watched, functions: Any) -> dict[str, float]:
    """Bytes a second of a mapper, and pairs a second of a reducer: from calls of two sizes each."""
    cloud = watched.cloud
    own = {"jobBucket": cloud.bucket, "jobId": "measured"}
    inputs = [f"{PREFIX}part-{number:05}" for number in range(OBJECTS)]
    mapping = {**own, "bucket": cloud.databkt, "mapperId": 1, "keys": inputs}
    kernel = mapper_speed(functions, "mapperNS", mapping, (OBJECTS - 1) * SIZE)
    merging = {
        "bucket": cloud.bucket, "jobBucket": cloud.bucket, "jobId": JOB, "nReducers": 2,
        "stepId": 9, "reducerId": 1,
    }  # fmt: skip
    outputs = [f"{JOB}/task/mapper/{number}" for number in range(1, 7)]
    single = seconds_of(functions, "reducerNS", {**merging, "keys": outputs[:1]})
    whole = seconds_of(functions, "reducerNS", {**merging, "keys": outputs})
    pairs = sum(len(cloud.read(key)) for key in outputs[1:])
    return {"kernel": kernel, "merge": pairs / (whole - single)}


def measured(watched: Watched) -> Rates:
    """The emulator's own rates, through a proxy as the functions meet it. It has no limits, and the
    computing for a request is in the request's time.
    """
    functions = patient(watched.cloud, watched.endpoint)
    found = measure(Probes(functions, "caller", "called", watched.cloud.bucket, PROBED), 10)
    return dataclasses.replace(
        Rates(),
        **found,
        gets=PLENTY, puts=PLENTY, burst_bytes=PLENTY, burst_rate=PLENTY,
        straggler_share=0.0, speed=0.0, twice=0.0,
        client=0.0, next_client=0.0, request=0.0, listed=0.0, receive=PLENTY,
        encode=PLENTY, whole_core=1.0,
        **computing(watched, functions),
    )  # fmt: skip


def simulated(rates: Rates) -> tuple[float, Counter[tuple[str, str]]]:
    """The same job in the simulator: its seconds and requests."""
    layout = Layout(OBJECTS * SIZE, OBJECTS, Query(addresses(8), 164, 22))
    report = simulate(request_for(batch_size=1, concurrency=1), layout, rates, 1)
    assert report.failure == ""
    return report.merged, comparable(report.requests)


def warm(measurements: list[Rates]) -> Rates:
    """The medians of all rates, without cold starts and without tails: a job of so few requests
    meets none.
    """
    middle: dict[str, Any] = {}
    for field in dataclasses.fields(Rates):
        found = [getattr(rates, field.name) for rates in measurements]
        if isinstance(found[0], Spread):
            median = statistics.median(spread.median for spread in found)
            middle[field.name] = Spread(median, median)
        else:
            middle[field.name] = statistics.median(found)
    return Rates(**{**middle, "cold": middle["warm"]})


def test_a_job_has_the_same_requests_and_about_the_same_time(watched) -> None:
    cloud = watched.cloud
    cloud.put_input(PREFIX, (b"".join(uservisits.generate(1, n, SIZE)) for n in range(OBJECTS)))
    run_job(watched)  # so that all functions are warm
    jobs, rates = [], []
    for _ in range(ROUNDS):
        seconds, requests = run_job(watched)
        jobs.append(seconds)
        rates.append(measured(watched))
        expected, planned = simulated(warm(rates))
        assert planned == requests
        if len(jobs) > 1 and abs(expected / statistics.median(jobs) - 1) <= 0.25:
            return
    pytest.fail(f"{expected} s expected, but the jobs took {jobs}")
