"""Where a job is, when it needs a nudge, and how long it is waited for."""

from __future__ import annotations

import pytest

from aws import s3json
from errors import JobError
from running import watching
from running.watching import needs_nudge
from state.failures import Failure
from state.grid import Grid
from state.listing import JobListing
from state.progress import Progress, progress_of
from state.records import JobInfo, StepRecord
from tests.model import BUCKET, S3, World

JOB = JobInfo("job1", "b", 3, "reducerNS")


def listing(outputs: dict[int, list[int]], has_result: bool = False) -> JobListing:
    sizes = {step: dict.fromkeys(numbers, 1) for step, numbers in outputs.items()}
    return JobListing(sizes, frozenset(), has_result=has_result)


def record(count: int) -> StepRecord:
    return StepRecord(Grid(count), 9, "me", 1.0, 99.0)


@pytest.mark.parametrize(
    ("found", "records", "expected"),
    [
        (listing({}), {}, Progress(0, 0, 3, (1, 2, 3))),
        (listing({0: [3, 9]}), {}, Progress(0, 1, 3, (1, 2))),
        (listing({0: [1, 2, 3]}), {}, Progress(0, 3, 3, ())),
        (listing({0: [1, 2, 3]}), {1: record(2)}, Progress(1, 0, 2, (1, 2), 99.0, began=1.0)),
        (
            listing({0: [1, 2, 3], 1: [1, 2]}),
            {1: record(2), 2: record(1)},
            Progress(2, 0, 1, (1,), 99.0, began=1.0),
        ),
        (
            listing({0: [1, 2, 3]}, has_result=True),
            {1: record(1)},
            Progress(1, 1, 1, (), 99.0, True, began=1.0),
        ),
    ],
)
def test_progress_is_that_of_the_last_step_claimed(found, records, expected) -> None:
    assert progress_of(JOB, found, records) == expected


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (Progress(0, 1, 3, (1, 2)), "1 of 3 mappers are done, missing: 1, 2"),
        (Progress(2, 0, 1, (1,)), "0 of 1 reducers of step 2 are done, missing: 1"),
        (Progress(0, 3, 3, ()), "step 0 is complete and the next one has not been started"),
        (Progress(1, 1, 1, (), finished=True), "the result is there"),
        (Progress(0, 0, 30, tuple(range(1, 31))), "19, 20, ..."),
    ],
)
def test_progress_says_what_is_missing(progress: Progress, text: str) -> None:
    assert text in str(progress)


@pytest.mark.parametrize(
    ("progress", "quiet", "needed"),
    [
        (Progress(0, 3, 3, ()), 10, False),
        (Progress(0, 3, 3, ()), 31, True),
        (Progress(1, 0, 2, (1, 2), expires=5000.0), 100, False),
        (Progress(1, 0, 2, (1, 2), expires=900.0), 100, True),
        (Progress(1, 0, 2, (1, 2), expires=900.0), 10, False),
        (Progress(0, 1, 3, (1, 2)), 1000, False),
    ],
)
def test_a_job_is_nudged_only_where_nobody_is_at_work(progress, quiet, needed) -> None:
    assert needs_nudge(progress, 1000.0, 1000.0 - quiet) is needed


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self, world: World) -> None:
        self.world = world

    def __call__(self) -> float:
        return self.world.now

    def sleep(self, seconds: float) -> None:
        self.world.now += seconds


def test_waiting_ends_at_its_deadline_and_says_what_is_missing() -> None:
    world = World(3)
    world.mapper_writes(2)
    world.events.clear()
    clock = Clock(world)
    start = world.now
    with pytest.raises(JobError, match=r"no result after 50 s: 1 of 3 mappers.* missing: 1, 3"):
        watching.wait_for_result(S3(world), world.job, 50, clock=clock, sleep=clock.sleep)
    assert 50 <= world.now - start < 60


def test_a_lost_event_is_brought_back_by_a_nudge() -> None:
    world = World(3)
    for mapper_id in (1, 2, 3):
        world.mapper_writes(mapper_id)
    world.events.clear()
    clock = Clock(world)

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        world.settle()

    watching.wait_for_result(S3(world), world.job, 900, clock=clock, sleep=sleep)
    assert world.result == world.expected(0)
    assert set(world.starts.values()) == {1}


def test_a_job_that_waits_for_an_event_is_woken() -> None:
    world = World(2)
    for mapper_id in (1, 2):
        world.mapper_writes(mapper_id)
    world.events.clear()
    said = watching.wake(S3(world), BUCKET, "job1")
    assert said == "job job1 is woken: look at its status in some seconds"
    assert [event.key for event in world.events] == ["job1/task/mapper/2"]
    world.settle()
    assert "there is nothing to wake" in watching.wake(S3(world), BUCKET, "job1")


def test_a_job_that_waits_for_its_mappers_is_not_woken() -> None:
    world = World(2)
    world.mapper_writes(1)
    with pytest.raises(JobError, match="waits for its mappers, not for an event: 1 of 2 mappers"):
        watching.wake(S3(world), BUCKET, "job1")


def test_a_nudge_keeps_the_output_as_it_was() -> None:
    world = World(1)
    world.mapper_writes(1)
    key = "job1/task/mapper/1"
    world.bucket.write(key, b"{}", {"linecount": "7"})
    before = world.objects[key]
    watching.nudge(S3(world), world.job, Progress(0, 1, 1, ()))
    after = world.objects[key]
    assert (after.body, after.metadata) == (before.body, {"linecount": "7"})


@pytest.mark.parametrize("name", ["reducer/1/1", "mapper/2"])
def test_a_jobs_own_error_ends_the_waiting_at_once(name: str) -> None:
    world = World(3)
    failure = Failure(name, "errors.JobError: job x: no value\x1b[2J", "request-9", is_final=True)
    s3json.write_json(S3(world), BUCKET, f"job1/error/{name}", failure.to_json())
    with pytest.raises(JobError, match="job job1 has failed, no result will come") as caught:
        watching.wait_for_result(S3(world), world.job, 900, sleep=no_sleep)
    assert rf"{name} failed: errors.JobError: job x: no value\x1b[2J" in str(caught.value)


@pytest.mark.parametrize(
    "body", [b'{"error": "ValueError: x", "requestId": "r"}', b"{", b"[" * 100_000, b"\xff"]
)
def test_a_failure_that_may_pass_is_waited_for(body: bytes) -> None:
    world = World(3)
    S3(world).put_object(Bucket=BUCKET, Key="job1/error/reducer/1/1", Body=body)
    times = iter(range(100))
    with pytest.raises(watching.JobTimedOut):
        watching.wait_for_result(
            S3(world), world.job, 3, clock=lambda: next(times), sleep=lambda seconds: None
        )


def no_sleep(seconds: float) -> None:
    pytest.fail("it waits")
