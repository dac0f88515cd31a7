"""Exactly once on the embedded AWS, with faults between everything and it: throttling, server
errors, broken downloads, slow calls, killed workers, every event twice.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from local import uservisits
from local.emulator import Emulator
from tests import oracle
from tests.cloud import Cloud, cloud_on
from tests.faults import (
    SHAPES,
    FaultProxy,
    broken_downloads,
    in_turns,
    kill_as_jobs_go_on,
    slow,
    throttling,
)

PREFIX = "uservisits/"
MAPPERS = 12


@pytest.fixture(scope="module")
def own_emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture(scope="module")
def faulty(own_emulator, tmp_path_factory) -> Iterator[tuple[Cloud, FaultProxy]]:
    """An emulator of its own, with microburst before it, for commands and functions alike."""
    folder = tmp_path_factory.mktemp("faults")
    with FaultProxy(own_emulator.endpoint, folder / "proxy.log") as proxy:
        functions = {"timeout": 20, "environment": {"AWS_ENDPOINT_URL": proxy.endpoint}}
        direct = cloud_on(own_emulator, folder, "jobs-bucket", "data-bucket", **functions)
        direct.deploy()
        through = {**direct.environment, "AWS_ENDPOINT_URL": proxy.endpoint}
        yield replace(direct, environment=through), proxy


@pytest.fixture(scope="module")
def bodies(faulty) -> list[bytes]:
    cloud, _ = faulty
    made = (b"".join(uservisits.generate(1, index, 20_000)) for index in range(MAPPERS))
    return cloud.put_input(PREFIX, made)


@pytest.fixture
def proxy(faulty) -> Iterator[FaultProxy]:
    """The proxy; it lets everything pass again after the test."""
    yield faulty[1]
    faulty[1].rules()
    faulty[1].control("DELETE", "fired")


def run_jobs(cloud: Cloud, job_ids: list[str], *options: str, at_once: int = 2) -> None:
    """Run jobs of all shapes, some at once, and expect each to end well."""
    options = ("--wait4reducers", "--batchsize", "1", "--concurrency", "6", *options)
    shapes = in_turns(job_ids)

    def drive(job: str) -> subprocess.CompletedProcess[str]:
        return cloud.driver(job, *options, *shapes[job], prefix=PREFIX)

    with ThreadPoolExecutor(at_once) as threads:
        ended = list(threads.map(drive, job_ids))
    for job_id, done in zip(job_ids, ended, strict=True):
        assert done.returncode == 0, f"{job_id}: {done.stderr[-2000:]}"


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [4])
def test_jobs_of_12_mappers_are_exact_while_a_tenth_of_all_calls_fails(
    faulty, proxy, bodies, at_once
) -> None:
    cloud, _ = faulty
    proxy.rules(*throttling(0.10), *broken_downloads(0.05), *slow(500))
    jobs = [f"throttled-{number}" for number in range(len(SHAPES))]
    run_jobs(cloud, jobs, at_once=at_once)
    expected = oracle.answer(bodies).groups
    for job_id in jobs:
        oracle.assert_same_groups(cloud.read(f"{job_id}/result"), expected)
    actions = {event["action"].split(":")[1] for event in proxy.fired()}
    assert {"SlowDown", "InternalError", "TooManyRequestsException", "abort"} <= actions


@pytest.mark.slow
def test_every_event_twice_starts_every_reducer_once(faulty, bodies) -> None:
    cloud, _ = faulty
    trigger = cloud.s3.get_bucket_notification_configuration(Bucket=cloud.bucket)
    trigger.pop("ResponseMetadata")
    entry = trigger["LambdaFunctionConfigurations"][0]
    twice = [entry, {**entry, "Id": f"{entry['Id']}-again"}]
    before = cloud.settled_invocations("reducerNS")
    jobs = [f"twice-{number}" for number in range(3)]
    cloud.s3.put_bucket_notification_configuration(
        Bucket=cloud.bucket, NotificationConfiguration={"LambdaFunctionConfigurations": twice}
    )
    try:
        run_jobs(cloud, jobs)
    finally:
        cloud.s3.put_bucket_notification_configuration(
            Bucket=cloud.bucket, NotificationConfiguration=trigger
        )
    for job_id in jobs:
        cloud.assert_result(job_id, bodies)
    assert {cloud.planned_reducers(job_id) for job_id in jobs} == {3, 4, 7}
    started = cloud.settled_invocations("reducerNS") - before
    assert started == sum(cloud.planned_reducers(job_id) for job_id in jobs)


def test_a_lost_event_is_brought_back_by_the_waiting_driver(faulty, bodies) -> None:
    """The coordinator is away while the mappers end, so no event of theirs leads to anything."""
    cloud, _ = faulty
    functions = cloud.make_client("lambda")
    functions.put_function_concurrency(
        FunctionName="reducerCoordinatorNS", ReservedConcurrentExecutions=0
    )
    back = threading.Timer(
        15,
        functions.delete_function_concurrency,
        kwargs={"FunctionName": "reducerCoordinatorNS"},
    )
    back.start()
    try:
        run_jobs(cloud, ["lost-event"], "--endearly", "3")
    finally:
        back.join()
    cloud.assert_result("lost-event", bodies[:3])


@pytest.mark.slow
def test_jobs_are_exact_while_workers_are_killed(faulty, own_emulator, bodies) -> None:
    cloud, proxy = faulty
    stop = threading.Event()
    killed: list[int] = []
    proxy.rules(*slow(60))
    folder = own_emulator.log.parent
    killer = threading.Thread(
        target=kill_as_jobs_go_on, args=(cloud, folder, "killed-", stop, killed)
    )
    killer.start()
    jobs = [f"killed-{number}" for number in range(2)]
    try:
        run_jobs(cloud, jobs, "--retries", "10", at_once=1)
    finally:
        stop.set()
        killer.join()
        proxy.rules()
    assert len(killed) >= len(jobs)
    expected = oracle.answer(bodies).groups
    for job_id in jobs:
        oracle.assert_same_groups(cloud.read(f"{job_id}/result"), expected)
