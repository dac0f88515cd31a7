"""What is told from a finished job's outputs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from state.grid import Grid
from state.keys import JobKeys
from state.records import JobData, JobInfo, StepRecord
from views import finished
from views.finished import FinishedJob, Task

KEYS = JobKeys("job1")


def task(step: int, number: int, start: float, seconds: float, key: str = "", **more) -> Task:
    numbers = {"lines": 10, "groups": 3, "memory": 1, "input_bytes": 0, "output_bytes": 7}
    place = {"step": step, "number": number, "key": key or KEYS.output(step, number)}
    return Task(start=start, seconds=seconds, **{**place, **numbers, **more})


def two_steps() -> FinishedJob:
    """4 mappers, 2 reducers, 1 reducer; mapper 3 comes last, but reducer 1/1 ends last."""
    records = {1: StepRecord(Grid(2), 4, "o", 0, 0), 2: StepRecord(Grid(), 2, "o", 0, 0)}
    tasks = (
        task(0, 1, 100, 2), task(0, 2, 100, 3), task(0, 3, 100, 9), task(0, 4, 100, 2),
        task(1, 1, 110, 5), task(1, 2, 110, 1), task(2, 1, 116, 1, KEYS.result),
    )  # fmt: skip
    data = JobData(4, 4, 99.5)
    return FinishedJob(JobInfo("job1", "jobs", 4, "reducerNS"), data, records, tasks)


def test_the_critical_path_goes_from_the_result_to_the_input_that_came_last() -> None:
    path = finished.critical_path(two_steps())
    assert [one.name for one in path] == ["mapper 2", "reducer 1/1", "reducer 2/1"]


def test_mappers_reducers_and_times_of_a_job() -> None:
    job = two_steps()
    assert (len(job.mappers), len(job.reducers), job.last.key) == (4, 3, "job1/result")
    assert job.seconds == 17.5


@pytest.mark.parametrize(
    ("seconds", "names"),
    [
        ([1, 1, 1, 1], []),
        ([1, 1, 1, 3], ["mapper 4"]),
        ([1, 5, 1, 3], ["mapper 2"]),
        ([0.1, 0.1, 0.1, 0.9], []),  # nobody waits for less than a second
        ([10, 10, 10, 19], []),
        ([10, 10, 10, 21], ["mapper 4"]),
        ([5], []),
    ],
)
def test_stragglers_take_much_longer_than_the_others(seconds, names) -> None:
    tasks = [task(0, number, 0, value) for number, value in enumerate(seconds, 1)]
    assert [one.name for one in finished.stragglers(tasks)] == names


def test_stragglers_are_looked_for_step_by_step() -> None:
    tasks = [task(0, 1, 0, 1), task(0, 2, 0, 1), task(1, 1, 0, 50)]
    assert finished.stragglers(tasks) == []


def head(**metadata: str) -> dict:
    written = datetime(2026, 1, 1, tzinfo=UTC)
    return {"LastModified": written, "ContentLength": 12, "Metadata": metadata}


def test_an_output_tells_of_its_task() -> None:
    found = finished.task_of(
        0, 3, "job1/task/mapper/3",
        head(
            linecount="7", processingtime="1.5", memoryusage="2048", errcount="1",
            errexample="a%2Cb%C3%A9", errobject="in/x%20y", starttime="100.25", groupcount="4",
            inputbytes="99",
        ),
    )  # fmt: skip
    assert (found.name, found.start, found.end) == ("mapper 3", 100.25, 101.75)
    assert (found.lines, found.groups, found.memory) == (7, 4, 2048)
    assert (found.input_bytes, found.output_bytes) == (99, 12)
    assert (found.errors, found.example, found.bad_object) == (1, "a,bé", "in/x y")


def test_an_output_without_metadata_is_dated_by_s3() -> None:
    found = finished.task_of(1, 2, "k", head())
    assert found.start == datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    assert (found.name, found.seconds, found.groups) == ("reducer 1/2", 0.0, None)


def test_the_first_bad_row_is_that_of_the_first_mapper_with_one() -> None:
    tasks = [task(0, 1, 0, 1), task(0, 2, 0, 1, errors=2), task(0, 3, 0, 1, errors=1)]
    found = finished.first_bad_row(tasks)
    assert found is not None and found.number == 2
    assert finished.first_bad_row(tasks[:1]) is None
