"""A driver that is killed at any moment: `resume` brings the job to its exact answer, and starts
nothing that has an output.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aws import s3json
from errors import JobError
from running.cancelling import cancel
from running.resuming import replaced
from running.watching import JobTimedOut
from state.failures import Failure
from state.records import Cancelled, JobData
from state.runs import NoSuchJob, RunCancelled
from tests.driven import MODES, DrivenWorld
from tests.model import BUCKET, S3, Event

SHAPES = [(0, 0), (0, 2), (2, 0), (2, 2)]


def killed_driver(made: DrivenWorld, mode: str, calls: int, deliver: list[bool]) -> None:
    """A driver makes so many calls and is killed; between them, what it started may go on."""
    driver = made.drive(**MODES[mode])
    for number in range(calls):
        if not driver.alive:
            return
        made.now += 0.01
        driver.move()
        if deliver[number % len(deliver)] and made.events:
            made.deliver(made.events.pop(0)).finish()
            made.running.clear()
    if driver.alive:
        driver.move(kill="before")


@given(
    mode=st.sampled_from(sorted(MODES)),
    map_count=st.integers(1, 5),
    shape=st.sampled_from(SHAPES),
    calls=st.integers(0, 60),
    deliver=st.lists(st.booleans(), min_size=1, max_size=12),
    lost=st.booleans(),
)
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_job_whose_driver_was_killed_is_brought_to_its_exact_answer(
    mode: str,
    map_count: int,
    shape: tuple[int, int],
    calls: int,
    deliver: list[bool],
    lost: bool,
) -> None:
    made = DrivenWorld(map_count, reducers=shape[0], fan_in=shape[1])
    killed_driver(made, mode, calls, deliver)
    if lost:
        made.events.clear()
    made.again.clear()
    if made.keys.jobdata not in made.objects:
        assert made.started == [], "nothing starts before all records are there"
        with pytest.raises(NoSuchJob):
            made.resume()
        return
    outcome = made.resume()
    assert made.result == made.expected(0)
    assert made.again == []
    assert outcome.fault == ""
    made.resume()
    assert made.again == []


def halted(map_count: int, done: int) -> DrivenWorld:
    """A job whose driver is gone, and so are the events of those mappers that are not done."""
    made = DrivenWorld(map_count)
    driver = made.drive(full_async=True)
    driver.finish()
    for event in made.events[:done]:
        made.deliver(event).finish()
    made.events.clear()
    made.running.clear()
    made.started.clear()
    return made


def test_exactly_the_mappers_without_an_output_are_started() -> None:
    made = halted(5, 2)
    made.resume()
    assert sorted(made.started) == [1, 2, 3]
    assert made.result == made.expected(0)


def claimed(made: DrivenWorld) -> list[Event]:
    """All mappers are done, and a coordinator has claimed the step: the events of its reducers."""
    made.drive(full_async=True).finish()
    while made.current_step() < 1:
        made.deliver(made.events.pop(0)).finish()
    reducers = [event for event in made.events if event.kind == "reducer"]
    made.events.clear()
    made.running.clear()
    return reducers


def test_exactly_the_reducers_without_an_output_are_started() -> None:
    made = DrivenWorld(4, reducers=3, fan_in=0)
    first, *lost = claimed(made)
    made.deliver(first).finish()
    made.events.clear()
    made.starts.clear()
    made.resume()
    assert made.result == made.expected(0)
    started = sorted(number for _, step, number in made.starts if step == 1)
    assert started == sorted(event.payload["reducerId"] for event in lost)


def test_a_claim_whose_coordinator_died_goes_on() -> None:
    made = DrivenWorld(4, reducers=3, fan_in=0)
    assert len(claimed(made)) == 3
    made.starts.clear()
    made.resume()
    assert made.result == made.expected(0)
    assert set(made.starts.values()) == {1}


def test_another_mapper_function_goes_on_and_is_remembered() -> None:
    made = halted(3, 1)
    made.resume("mapper-large")
    data = json.loads(made.objects[made.keys.jobdata].body)
    assert (data["mapperFunction"], data["earlierMappers"]) == ("mapper-large", ["mapper"])


def test_input_that_was_replaced_is_refused_before_anything_is_started() -> None:
    made = halted(3, 1)
    made.data.write("in/part-0", b"other", {})
    with pytest.raises(JobError, match="s3://data/in/part-0 was replaced or deleted since"):
        made.resume()
    assert made.started == []


def test_input_that_has_been_read_may_be_replaced() -> None:
    made = halted(3, 1)
    made.data.write("in/part-2", b"other", {})
    made.resume()
    assert made.result == made.expected(0)


@pytest.mark.parametrize(
    ("record", "field", "name"),
    [("jobdata", "mapperFunction", "mapper"), ("jobinfo.json", "reducerFunction", "reducer")],
)
def test_a_function_that_only_a_record_names_is_not_started(record, field, name) -> None:
    made = halted(3, 1)
    put_field(made, record, field, f"other-{name}")
    with pytest.raises(JobError, match=f"starts no other-{name} but mapper, reducer"):
        made.resume()
    assert made.started == []


def put_field(made: DrivenWorld, record: str, field: str, value: str) -> None:
    """Someone who may write to the job bucket changes a record."""
    key = f"job1/{record}"
    changed = {**json.loads(made.objects[key].body), field: value}
    made.bucket.write(key, json.dumps(changed).encode(), made.objects[key].metadata)


def test_a_task_that_failed_for_good_gets_another_try() -> None:
    made = halted(3, 1)
    failure = Failure("mapper/1", "JobError: boom", "r", True, made.current.run_id)
    s3json.write_json(S3(made), BUCKET, "job1/error/mapper/1", failure.to_json())
    made.resume()
    assert made.result == made.expected(0)


# ------------------------------------------------------------------- tasks that take long


def one_takes_long(**more: Any) -> DrivenWorld:
    """An asynchronous job of 12 mappers, of which one runs on a machine that hardly goes on."""
    made = DrivenWorld(12)
    made.drive(**{"full_async": True, **more}).finish()
    slow = next(event for event in made.events if event.payload["mapperId"] == 3)
    made.events.remove(slow)
    made.settle()
    made.started.clear()
    made.now += 5.0
    return made


def test_who_looks_on_starts_what_takes_long_once_more() -> None:
    made = one_takes_long()
    made.watch()
    assert made.started == [3]
    assert made.result == made.expected(0)


def test_a_reducer_that_takes_long_is_started_once_more_too() -> None:
    made = DrivenWorld(12, reducers=12, fan_in=0)
    _, *others = claimed(made)
    made.events += others
    made.settle()
    made.starts.clear()
    made.watch()
    assert made.starts[made.current.run_id, 1, 1] == 1
    assert made.result == made.expected(0)


def test_who_goes_on_does_not_take_what_it_started_for_late() -> None:
    made = one_takes_long()
    made.now += 3600.0
    resumed_at = made.now
    made.resume()
    assert made.started == [3]
    key = made.keys.jobdata
    data = JobData.from_json(json.loads(made.objects[key].body), key)
    assert data.began == data.resumed == resumed_at, "who looks on then knows it too"


def test_no_copies_are_made_where_the_run_was_to_have_none() -> None:
    made = one_takes_long(no_backups=True)
    with pytest.raises(JobTimedOut):
        made.watch()
    assert made.started == []


def test_a_cancelled_run_gets_no_copies() -> None:
    made = one_takes_long()
    cancel(S3(made), BUCKET, "job1", Cancelled("me", made.now))
    with pytest.raises(RunCancelled):
        made.watch()
    assert made.started == []


def test_a_function_that_only_a_record_names_gets_no_copies_which_is_said_once(capsys) -> None:
    made = one_takes_long()
    put_field(made, "jobdata", "mapperFunction", "other-mapper")
    with pytest.raises(JobTimedOut):
        made.watch()
    assert made.started == []
    said = capsys.readouterr().err
    assert said.count("going on without copies of tasks that take long: ") == 1
    assert "starts no other-mapper but mapper, reducer" in said


def test_the_mappers_that_a_driver_calls_are_its_own() -> None:
    made = DrivenWorld(12)
    driver = made.drive()
    while len(made.started) < 11:
        driver.move()
    driver.move(kill="before")
    made.settle()
    made.started.clear()
    with pytest.raises(JobTimedOut):
        made.watch()
    assert made.started == []


@pytest.mark.parametrize(
    ("planned", "there", "expected"),
    [
        ({"a": "1", "b": "2"}, {"a": "1", "b": "2"}, []),
        ({"a": "1", "b": "2"}, {"a": "1", "b": "3"}, ["b"]),
        ({"a": "1", "b": "2"}, {"b": "2"}, ["a"]),
        ({"a": ""}, {"a": "9"}, []),
        ({"a": ""}, {}, ["a"]),
    ],
)
def test_what_was_replaced(planned, there, expected) -> None:
    assert list(replaced(planned, there)) == expected
