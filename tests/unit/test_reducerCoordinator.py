"""The coordinator's decisions on tables, and what it makes of events and records it cannot use."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import reducerCoordinator
from errors import JobError
from reducerCoordinator import jobs_of
from shuffle.steps import Claim, Finished, Restart, Wait, next_step
from state.listing import JobListing
from state.records import JobInfo, StepRecord
from tests.model import BUCKET, S3, Event, Functions, Invocation, World

EVENTS = Path(__file__).parent.parent / "events"
BIG = 400_000_000


def job(map_count: int) -> JobInfo:
    return JobInfo("job1", "b", map_count, "reducerNS", reducer_timeout=60)


def listing(outputs: dict[int, list[int]], has_result: bool = False) -> JobListing:
    sizes = {step: dict.fromkeys(numbers, BIG) for step, numbers in outputs.items()}
    return JobListing(sizes, frozenset(), has_result=has_result)


def record(count: int, owner: str = "someone", expires: float = 2000.0) -> StepRecord:
    batches = tuple((f"in/{number}",) for number in range(1, count + 1))
    return StepRecord(batches, owner, 1000.0, expires)


NOW = 1500.0
TABLE = [
    ("no mapper is done", 3, {}, {}, Wait(0, 0, 3)),
    ("one mapper of three is done", 3, {0: [2]}, {}, Wait(0, 1, 3)),
    ("outputs of mappers nobody planned do not count", 3, {0: [2, 4, 5]}, {}, Wait(0, 1, 3)),
    (
        "all mappers are done",
        3,
        {0: [1, 2, 3]},
        {},
        Claim(
            1,
            (("job1/task/mapper/1", "job1/task/mapper/2"), ("job1/task/mapper/3",)),
        ),
    ),
    (
        "batches follow the numbers, not the listing",
        4,
        {0: [4, 2, 3, 1]},
        {},
        Claim(
            1,
            (
                ("job1/task/mapper/1", "job1/task/mapper/2"),
                ("job1/task/mapper/3", "job1/task/mapper/4"),
            ),
        ),
    ),
    (
        "a single mapper still needs a reducer",
        1,
        {0: [1]},
        {},
        Claim(1, (("job1/task/mapper/1",),)),
    ),
    ("reducers are at work", 3, {0: [1, 2, 3], 1: [2]}, {1: record(2)}, Wait(1, 1, 2)),
    ("the last reducer is at work", 1, {0: [1]}, {1: record(1)}, Wait(1, 0, 1)),
    (
        "a step of reducers is done",
        3,
        {0: [1, 2, 3], 1: [1, 2]},
        {1: record(2)},
        Claim(2, (("job1/task/reducer/1/1", "job1/task/reducer/1/2"),)),
    ),
    (
        "a claim is old and reducers are lost",
        6,
        {0: [1, 2, 3, 4, 5, 6], 1: [2]},
        {1: record(3, expires=1499.0)},
        Restart(1, record(3, expires=1499.0), (1, 3)),
    ),
    (
        "the same request comes again",
        6,
        {0: [1, 2, 3, 4, 5, 6]},
        {1: record(3, owner="me")},
        Restart(1, record(3, owner="me"), (1, 2, 3)),
    ),
    (
        "the last reducer is lost",
        1,
        {0: [1]},
        {1: record(1, expires=1499.0)},
        Restart(1, record(1, expires=1499.0), (1,)),
    ),
]


@pytest.mark.parametrize(
    ("map_count", "outputs", "records", "expected"),
    [row[1:] for row in TABLE],
    ids=[row[0] for row in TABLE],
)
def test_the_next_step_follows_from_the_listing(map_count, outputs, records, expected) -> None:
    assert next_step(job(map_count), listing(outputs), records, "me", NOW) == expected


def test_a_job_with_a_result_is_finished() -> None:
    done = listing({0: [1]}, has_result=True)
    assert next_step(job(1), done, {1: record(1, expires=0)}, "me", NOW) == Finished()


@given(
    map_count=st.integers(1, 40),
    present=st.sets(st.integers(1, 60)),
    seed=st.randoms(use_true_random=False),
)
def test_mappers_are_counted_whatever_the_order_of_the_listing(map_count, present, seed) -> None:
    numbers = list(present)
    seed.shuffle(numbers)
    action = next_step(job(map_count), listing({0: numbers}), {}, "me", NOW)
    planned = present & set(range(1, map_count + 1))
    if len(planned) < map_count:
        assert action == Wait(0, len(planned), map_count)
    else:
        assert isinstance(action, Claim)
        keys = [key for batch in action.batches for key in batch]
        assert keys == [f"job1/task/mapper/{number}" for number in range(1, map_count + 1)]


def test_a_job_whose_steps_are_used_up_is_an_error() -> None:
    outputs = {step: [1, 2] for step in range(15)}
    records = {step: record(2) for step in range(1, 15)}
    with pytest.raises(JobError, match="step 15 would be one more"):
        next_step(job(2), listing(outputs), records, "me", NOW)


# --------------------------------------------------------------------------- events


def s3_event(name: str) -> dict:
    return json.loads((EVENTS / name).read_text())


def test_a_key_in_an_event_is_url_encoded() -> None:
    event = s3_event("s3_put_encoded_key.json")
    assert jobs_of(event) == [("my-jobs", "prüfung 1+1")]


def test_one_event_may_tell_of_several_jobs() -> None:
    event = s3_event("s3_put.json")
    other = json.loads(json.dumps(event["Records"][0]).replace("job1000", "job2"))
    event["Records"] += [other, event["Records"][0]]
    assert jobs_of(event) == [("my-jobs", "job1000"), ("my-jobs", "job2")]


def test_a_foreign_key_is_one_log_line(capfd) -> None:
    event = s3_event("s3_put.json")
    event["Records"][0]["s3"]["object"]["key"] = "photos/cat.jpg"
    assert jobs_of(event) == []
    assert capfd.readouterr().err == (
        "s3://my-jobs/photos/cat.jpg is not an output of a job: nothing to do\n"
    )


def test_the_test_event_of_s3_is_nothing_to_do() -> None:
    assert jobs_of({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "my-jobs"}) == []


# --------------------------------------------------------------------------- refusals


def put(world: World, key: str, body: bytes) -> None:
    S3(world).put_object(Bucket=BUCKET, Key=key, Body=body)


def said(capfd) -> str:
    """What the coordinator logged, but for the line with which it begins."""
    first, *lines = capfd.readouterr().err.splitlines(keepends=True)
    assert first == "job job1: coordinator looks\n"
    return "".join(lines)


def complete_world() -> World:
    world = World(2)
    world.mapper_writes(1)
    world.mapper_writes(2)
    world.events.clear()
    return world


def wake(world: World) -> None:
    world.deliver(Event(world.new_id(), key="job1/task/mapper/1")).finish()


GOOD_INFO = {"jobId": "job1", "jobBucket": BUCKET, "mapCount": 2, "reducerFunction": "reducer"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"jobId": "jo', "s3://jobs/job1/jobinfo.json is not JSON"),
        (b"[1]", "not a JSON object but list"),
        (b"{}", "jobId is missing"),
        (json.dumps({**GOOD_INFO, "jobId": "job2"}).encode(), "jobId is 'job2', not 'job1'"),
        (json.dumps({**GOOD_INFO, "jobBucket": "x"}).encode(), "jobBucket is 'x', not 'jobs'"),
        (json.dumps({**GOOD_INFO, "mapCount": -1}).encode(), "mapCount is -1, not a number from 1"),
        (json.dumps({**GOOD_INFO, "mapCount": "2"}).encode(), "mapCount is '2'"),
        (json.dumps({**GOOD_INFO, "reducerFunction": None}).encode(), "reducerFunction is missing"),
        (b"\xff\xfe", "is not JSON"),
    ],
)
def test_a_job_record_that_is_wrong_stops_the_coordinator_in_one_line(body, message, capfd) -> None:
    world = complete_world()
    put(world, "job1/jobinfo.json", body)
    before = dict(world.objects)
    wake(world)
    line = said(capfd)
    assert message in line
    assert line.endswith(": nothing was started\n")
    assert line.count("\n") == 1
    assert not world.starts
    assert world.objects == before


def test_a_job_without_a_record_is_one_line(capfd) -> None:
    world = complete_world()
    del world.objects["job1/jobinfo.json"]
    wake(world)
    assert "jobinfo.json is missing: no driver started this job" in capfd.readouterr().err
    assert not world.starts


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"reducerCount"', "s3://jobs/job1/reducerstate.1 is not JSON"),
        (b'{"reducerCount": 1}', "batches is not a list of lists of keys"),
        (b'{"reducerCount": 2, "batches": [["a"]]}', "does not match its 1 batches"),
        (b'{"reducerCount": 1, "batches": [["a"]], "owner": "x"}', "start_time is missing"),
        (
            b'{"reducerCount": 1, "batches": [["a"]], "owner": "x", "start_time": "1"}',
            "start_time is '1', not a number",
        ),
        (
            b'{"reducerCount": 1, "batches": [["a", 1]], "owner": "x", "start_time": 1}',
            "batches is not a list of lists of keys",
        ),
    ],
)
def test_a_step_record_that_is_wrong_stops_the_coordinator_in_one_line(body, message, capfd):
    world = complete_world()
    put(world, "job1/reducerstate.1", body)
    before = dict(world.objects)
    wake(world)
    line = said(capfd)
    assert message in line
    assert line.count("\n") == 1
    assert not world.starts
    assert world.objects == before


def test_outputs_of_a_step_nobody_claimed_are_named_and_passed_over(capfd) -> None:
    world = complete_world()
    put(world, "job1/task/reducer/7/1", b"{}")
    wake(world)
    assert "outputs of step 7, which nobody claimed, are passed over" in capfd.readouterr().err
    assert world.starts == {(1, 1): 1}


# --------------------------------------------------------------------------- claims


def two_coordinators(world: World) -> list[Invocation]:
    return [
        world.deliver(Event(world.new_id(), key="job1/task/mapper/1")),
        world.deliver(Event(world.new_id(), key="job1/task/mapper/2")),
    ]


def in_step(invocations: list[Invocation]) -> None:
    while any(invocation.alive for invocation in invocations):
        for invocation in invocations:
            if invocation.alive:
                invocation.move()


def test_of_two_coordinators_in_step_one_alone_starts_the_reducers() -> None:
    world = complete_world()
    in_step(two_coordinators(world))
    assert world.starts == {(1, 1): 1}


def test_of_two_coordinators_one_alone_takes_over_an_old_claim() -> None:
    world = complete_world()
    wake(world)
    world.events.clear()  # the reducer is lost
    world.now += 1000
    in_step(two_coordinators(world))
    assert world.starts == {(1, 1): 2}


class LossyS3(S3):
    """Writes are repeated by botocore when the answer is lost: here every claim's answer is."""

    def put_object(self, **arguments) -> dict:
        if "IfNoneMatch" in arguments or "IfMatch" in arguments:
            super().put_object(**arguments)
        return super().put_object(**arguments)


@pytest.mark.parametrize("old_claim", [False, True])
def test_a_claim_whose_answer_was_lost_is_still_ours(old_claim: bool) -> None:
    world = complete_world()
    if old_claim:
        wake(world)
        world.now += 1000
    starts = world.starts.total()
    coordinator = reducerCoordinator.Coordinator(
        SimpleNamespace(s3=LossyS3(world), functions=Functions(world)),
        "me",
        30,
        clock=lambda: world.now,
        threads=1,
    )
    coordinator.coordinate(BUCKET, "job1")
    assert world.starts.total() == starts + 1


def test_the_claim_says_who_holds_it_and_until_when() -> None:
    world = complete_world()
    wake(world)
    found = json.loads(world.objects["job1/reducerstate.1"].body)
    assert found == {
        "reducerCount": 1,
        "totalS3Files": 2,
        "start_time": world.now,
        "expires": world.now + 30 + world.reducer_timeout,
        "owner": "request-5",
        "batches": [["job1/task/mapper/1", "job1/task/mapper/2"]],
    }
