"""The coordinator's decisions on tables, and what it makes of events and records it cannot use."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

import reducerCoordinator
from errors import JobError
from reducerCoordinator import jobs_of
from shuffle.steps import Claim, Finished, Restart, Wait, next_step
from state.grid import Grid
from state.records import JobInfo, StepRecord
from state.standing import Standing
from tests.model import BUCKET, S3, Event, Invocation, World, clients

EVENTS = Path(__file__).parent.parent / "events"
SMALL = 40_000


def job(map_count: int) -> JobInfo:
    return JobInfo("job1", "b", map_count, "reducerNS", reducer_timeout=60)


def record(groups: int, owner: str = "someone", expires: float = 2000.0) -> StepRecord:
    return StepRecord(Grid(groups), 9, owner, 1000.0, expires)


def standing(step: int, sizes: dict[int, int], missing: int | None, **more) -> Standing:
    return Standing(step, more.pop("record", None), sizes, missing, len(sizes), **more)


ALL = {1: SMALL, 2: SMALL, 3: SMALL}
NOW = 1500.0
TABLE = [
    ("no mapper is done", standing(0, {}, 1), Wait(0, 0, 3)),
    ("one mapper of three is done", standing(0, {1: SMALL}, 2), Wait(0, 1, 3)),
    ("all mappers are done", standing(0, ALL, None), Claim(1, Grid(3), Grid(), ALL)),
    (
        "reducers are at work",
        standing(1, {1: SMALL}, 2, record=record(2)),
        Wait(1, 1, 2),
    ),
    (
        "a step of reducers is done",
        standing(1, {1: SMALL, 2: SMALL}, None, record=record(2)),
        Claim(2, Grid(2), Grid(), {1: SMALL, 2: SMALL}),
    ),
    (
        "a claim is old and reducers are lost",
        standing(1, {}, 1, record=record(3, expires=1499.0)),
        Restart(1, record(3, expires=1499.0)),
    ),
    (
        "the same request comes again",
        standing(1, {}, 1, record=record(3, owner="me")),
        Restart(1, record(3, owner="me")),
    ),
    ("the result is there", standing(1, {}, 1, has_result=True), Finished()),
]


@pytest.mark.parametrize(
    ("found", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_the_next_step_follows_from_where_a_job_stands(found, expected) -> None:
    assert next_step(job(3), found, "me", NOW) == expected


def test_a_forced_fan_in_is_a_tree() -> None:
    forced = dataclasses.replace(job(3), fan_in=2)
    assert next_step(forced, standing(0, ALL, None), "me", NOW) == Claim(1, Grid(3), Grid(2), ALL)


def test_a_step_that_cannot_be_planned_is_an_error() -> None:
    huge = {1: 10**12, 2: 10**12, 3: 10**12}
    with pytest.raises(JobError, match="do not fit 256 reducers of 1536 MB: give the reducer more"):
        next_step(job(3), standing(0, huge, None), "me", NOW)


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
    """What the coordinator logged, but for the line with which it begins once it knows the run."""
    first, *lines = capfd.readouterr().err.splitlines(keepends=True)
    begins = re.fullmatch("run (run-0|none) of job job1: coordinator looks\n", first)
    return "".join(lines if begins else [first, *lines])


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
    world.bucket.delete("job1/jobinfo.json")
    wake(world)
    assert "there is no job job1 in s3://jobs/job1/" in capfd.readouterr().err
    assert not world.starts


def step_record(**changed: object) -> bytes:
    good = {"reducerCount": 1, "groups": 1, "ranges": 1, "totalS3Files": 2, "owner": "x"}
    return json.dumps({**good, "start_time": 1, "expires": 2, **changed}).encode()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"reducerCount"', "s3://jobs/job1/reducerstate.1 is not JSON"),
        (b'{"reducerCount": 1}', "groups is missing"),
        (step_record(reducerCount=2), "reducerCount is not groups x ranges, 1"),
        (step_record(ranges=257, reducerCount=257), "ranges is 257, not a number from 1 to 256"),
        (step_record(start_time=None), "start_time is missing"),
        (step_record(start_time="1"), "start_time is '1', not a number"),
        (step_record(owner=""), "owner is '', not a text"),
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


def test_a_reducer_that_the_deployment_does_not_name_is_not_started(capfd) -> None:
    world = complete_world()
    put(world, "job1/jobinfo.json", json.dumps({**GOOD_INFO, "reducerFunction": "other"}).encode())
    wake(world)
    assert "reducerFunction is 'other', but this coordinator was deployed for reducer" in said(
        capfd
    )
    assert not world.starts


def test_outputs_of_a_step_nobody_claimed_are_passed_over() -> None:
    world = complete_world()
    put(world, "job1/task/reducer/7/1", b"{}")
    wake(world)
    assert world.starts == {("run-0", 1, 1): 1}


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
    assert world.starts == {("run-0", 1, 1): 1}


def test_of_two_coordinators_one_alone_takes_over_an_old_claim() -> None:
    world = complete_world()
    wake(world)
    world.events.clear()  # the reducer is lost
    world.now += 1000
    in_step(two_coordinators(world))
    assert world.starts == {("run-0", 1, 1): 2}


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
    lossy = clients(world)
    lossy.s3 = LossyS3(world)
    coordinator = reducerCoordinator.Coordinator(lossy, "me", 30, ["reducer"], 1)
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
        "owner": "request-4",
        "groups": 1,
        "ranges": 1,
        "runId": "run-0",
    }


@pytest.mark.parametrize(
    ("event", "seconds"),
    [
        ({"Records": [{"eventTime": "2026-01-02T03:04:05.678Z"}]}, 1767323045.678),
        ({"Records": [{"eventTime": "soon"}]}, 0.0),
        ({"Records": [{}]}, 0.0),
        ({"Records": []}, 0.0),
        (None, 0.0),
    ],
)
def test_when_an_output_was_written(event, seconds: float) -> None:
    assert reducerCoordinator.event_time(event) == seconds
