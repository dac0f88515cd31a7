"""Reduce steps of every shape, in real functions: the answer is exact, each reducer starts once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from aws.client import Clients
from jobs import loading
from local import uservisits
from local.simulated import joins
from local.simulated.cloud import Cloud as SimulatedCloud
from local.simulated.cloud import SimulatedClients
from local.simulated.groups import alike
from local.simulated.rates import Rates
from local.simulated.work import Pairs, Query, Worker
from shuffle import joining, pairs
from shuffle.pairs import NotThereYet, read_part, write_pairs
from state.keys import JobKeys
from state.outputs import Counts
from state.records import JobInfo
from state.runs import OtherRun, Run
from state.tasks import ReducerEvent
from tests.cloud import Cloud

PREFIX = "steps/"


@pytest.fixture(scope="module")
def bodies(cloud: Cloud) -> list[bytes]:
    made = (b"".join(uservisits.generate(7, index, 200_000)) for index in range(5))
    return cloud.put_input(PREFIX, made)


@pytest.mark.parametrize(
    ("name", "options", "steps"),
    [
        ("tree", ["--fanin", "2"], [3, 2, 1]),
        ("partitioned", ["--reducers", "3"], [3, 1]),
        ("two-level", ["--reducers", "2", "--fanin", "3"], [4, 2, 1]),
    ],
)
def test_a_shape_gives_the_exact_answer_with_the_reducers_that_were_planned(
    cloud: Cloud, bodies, name: str, options: list[str], steps: list[int]
) -> None:
    before = cloud.settled_invocations("reducerNS")
    options = [*options, "--wait4reducers", "--batchsize", "1"]
    done = cloud.driver(name, *options, prefix=PREFIX)
    assert done.returncode == 0, done.stderr
    cloud.assert_result(name, bodies)
    records = [cloud.read(f"{name}/reducerstate.{step}") for step in range(1, len(steps) + 1)]
    assert [record["reducerCount"] for record in records] == steps
    assert cloud.settled_invocations("reducerNS") - before == sum(steps)


def test_a_goal_is_shown_beside_other_ways_and_gives_the_exact_answer(cloud: Cloud, bodies) -> None:
    shown = cloud.driver("goal", "--goal", "cheapest", "--dryrun", "--json", prefix=PREFIX)
    choice = json.loads(shown.stdout)["plan"]["goal"]
    assert choice["name"] == "cheapest"
    assert choice["split_size"] in [one["split_size"] for one in choice["alternatives"]]
    assert f"with at most {choice['functions_at_once']:,} functions at once" in shown.stderr
    done = cloud.driver("goal", "--goal", "cheapest", "--wait4reducers", prefix=PREFIX)
    assert done.returncode == 0, done.stderr
    cloud.assert_result("goal", bodies)
    record = cloud.read("goal/jobinfo.json")
    assert record["goal"] == "cheapest"
    assert record["atOnce"] > 0
    assert record["mapCount"] == 1  # 1 MB is not worth a second mapper


def test_a_shape_that_cannot_end_is_refused_before_anything_is_written(
    cloud: Cloud, bodies
) -> None:
    done = cloud.driver("wide", "--reducers", "999", "--batchsize", "1", prefix=PREFIX)
    assert done.returncode == 2
    assert "999 reducers are more than the 256 there may be" in done.stderr
    assert cloud.keys("wide/") == []


# --------------------------------------------------------------------------- parts of an answer


@pytest.fixture(scope="module")
def clients(cloud: Cloud):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cloud.environment.items():
            if name.startswith("AWS"):
                patch.setenv(name, value)
        made = Clients()
        assert made.s3
        yield made


def new_run(clients: Clients, cloud: Cloud, job_id: str) -> Run:
    """A run of a job that only has its record."""
    job = JobInfo(job_id, cloud.bucket, 3, "reducerNS", run_id="run-1")
    body = json.dumps(job.to_json())
    clients.s3.put_object(Bucket=cloud.bucket, Key=JobKeys(job_id).jobinfo, Body=body)
    return Run(clients.s3, cloud.bucket, job_id, "run-1")


def put(run: Run, number: int, groups: dict[str, float]) -> str:
    key = JobKeys(run.job_id).reducer_output(1, number)
    write_pairs(run, loading.load(), key, groups, Counts(0.0, 0.0, 0, groups=len(groups)))
    return key


def joined(run: Run, keys: list[str]) -> joining.Joined:
    def check(key: str, head) -> None:
        pairs.checked_for(loading.load(), run, key)(head)

    return joining.join(run, keys, check, lambda done: {"groupcount": str(done.groups)})


def joined_in_the_simulator(run: Run, keys: list[str]) -> Counter[str]:
    """The requests of the simulator's join of outputs as large as these, by operation."""
    cloud = SimulatedCloud(Rates(), 1)
    for name in (run.bucket, "data"):
        cloud.make_bucket(name)
    info = run.s3.get_object(Bucket=run.bucket, Key=JobKeys(run.job_id).jobinfo)["Body"].read()
    cloud.buckets[run.bucket].write(JobKeys(run.job_id).jobinfo, info, {})
    for key in keys:
        head = run.s3.head_object(Bucket=run.bucket, Key=key)
        count = int(head["Metadata"]["groupcount"])
        pairs = Pairs(head["ContentLength"], count, count)
        cloud.buckets[run.bucket].write(key, pairs, head["Metadata"])
    me = cloud.computer()

    def work() -> None:
        own = SimulatedClients(cloud, me)
        there = Run(own.s3, run.bucket, run.job_id, run.run_id)
        worker = Worker(cloud, Query(alike(9), 164, 28), me, own, there, 0.0)
        event = ReducerEvent(run.bucket, keys, run.bucket, run.job_id, 1, 2, 1, join=True)
        joins.join(worker, event)

    cloud.clock.start(work, me)
    cloud.clock.run()
    return Counter({operation: count for (_, operation), count in cloud.requests.items()})


@contextmanager
def counted(s3: Any) -> Iterator[Counter[str]]:
    """The requests that a client sends meanwhile, by operation."""
    found: Counter[str] = Counter()

    def count(model: Any, **_: Any) -> None:
        found[model.name] += 1

    s3.meta.events.register("before-call.s3", count)
    try:
        yield found
    finally:
        s3.meta.events.unregister("before-call.s3", count)


def read(run: Run) -> dict:
    found = run.s3.get_object(Bucket=run.bucket, Key=JobKeys(run.job_id).result)
    return json.loads(found["Body"].read())


def many(first: int, count: int) -> dict[str, float]:
    return {f"10.{number % 256}.{number}": number / 7 for number in range(first, first + count)}


@pytest.mark.parametrize(
    ("name", "pieces"),
    [
        ("small", [many(0, 3), {}, many(9, 1)]),
        ("empty", [{}, {}]),
        ("copied", [many(0, 200_000), many(300_000, 5), many(10**6, 210_000), {}]),
        ("tail", [many(number * 10**6, 60_000) for number in range(6)]),
    ],
)
def test_outputs_are_joined_byte_by_byte(clients, cloud: Cloud, name: str, pieces) -> None:
    run = new_run(clients, cloud, f"join-{name}")
    keys = [put(run, number, piece) for number, piece in enumerate(pieces, 1)]
    with counted(clients.s3) as requests:
        done = joined(run, keys)
    assert requests == joined_in_the_simulator(run, keys)
    sizes = [clients.s3.head_object(Bucket=cloud.bucket, Key=key)["ContentLength"] for key in keys]
    parts = joining.parts_of(size for size, piece in zip(sizes, pieces, strict=True) if piece)
    assert requests["UploadPart"] + requests["UploadPartCopy"] == parts
    expected = {key: value for piece in pieces for key, value in piece.items()}
    assert read(run) == expected
    assert done.groups == len(expected)
    uploads = clients.s3.list_multipart_uploads(Bucket=cloud.bucket)
    assert "Uploads" not in uploads
    before = clients.s3.head_object(Bucket=cloud.bucket, Key=f"join-{name}/result")["ETag"]
    joined(run, keys)  # once more: the first counts, and no upload is left
    assert clients.s3.head_object(Bucket=cloud.bucket, Key=f"join-{name}/result")["ETag"] == before
    assert "Uploads" not in clients.s3.list_multipart_uploads(Bucket=cloud.bucket)


def test_an_answer_that_is_too_large_stays_in_its_parts(clients, cloud: Cloud) -> None:
    run = new_run(clients, cloud, "join-huge")
    keys = [put(run, 1, many(0, 100)), put(run, 2, many(1000, 100))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joining, "MOST_JOINED", 1000)
        done = joined(run, keys)
    assert read(run) == {"parts": keys, "groups": 200, "bytes": done.size}


def test_an_output_without_an_index_is_read_whole(clients, cloud: Cloud) -> None:
    run = new_run(clients, cloud, "own-mapper")
    groups = many(0, 5000)
    key = JobKeys("own-mapper").mapper_output(1)
    body = json.dumps(groups).encode()
    clients.s3.put_object(Bucket=cloud.bucket, Key=key, Body=body)
    found: dict[str, float] = {}
    for buckets in ((0, 100), (100, 256)):
        part = read_part(clients.s3, cloud.bucket, key, buckets, len(body), lambda head: None)
        found |= json.loads(b"".join(part))
    assert found == groups
    assert run.run_id == "run-1"


def test_what_another_run_left_is_as_if_missing(clients, cloud: Cloud) -> None:
    run = new_run(clients, cloud, "taken-over")
    stale = Run(clients.s3, cloud.bucket, "taken-over", "run-0")
    key = JobKeys("taken-over").reducer_output(1, 1)
    clients.s3.put_object(Bucket=cloud.bucket, Key=key, Body=b"{}", Metadata={"runid": "run-0"})
    with pytest.raises(NotThereYet, match="is of run run-0, not of this one, run-1"):
        joined(run, [key])
    with pytest.raises(OtherRun, match="belongs to run run-1 now, not to run run-0"):
        put(stale, 1, {"stale": 1.0})
    put(run, 1, {"own": 1.0})  # takes the place of what the other run left
    joined(run, [key])
    assert read(run) == {"own": 1.0}
