"""What is said of a finished job."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from running import costs
from running.costs import FunctionUsage, Prices, S3Usage
from state.grid import Grid
from state.jobcode import JobCode
from state.records import JobData, JobInfo, StepRecord
from views import summary, usage, words
from views.calls import Billed
from views.finished import FinishedJob, Task
from views.functions import settings_of


def task(step: int, number: int, key: str, seconds: float, **more: Any) -> Task:
    numbers = {"start": 100.0, "lines": 10, "groups": 3, "memory": 1, "input_bytes": 5}
    place = {"step": step, "number": number, "key": key, "output_bytes": 7}
    return Task(seconds=seconds, **{**place, **numbers, **more})


def finished() -> FinishedJob:
    keys = [f"job1/task/mapper/{number}" for number in range(1, 4)]
    tasks = (
        task(0, 1, keys[0], 1.0),
        task(0, 2, keys[1], 2.0, errors=2, example="a,<b>", bad_object="in/2"),
        task(0, 3, keys[2], 9.0),
        task(1, 1, "job1/result", 1.0, start=110.0, groups=6),
    )
    data = JobData(3, 3, 99.0, mapper_function="mapperNS")
    info = JobInfo("job1", "jobs", 3, "reducerNS")
    return FinishedJob(info, data, {1: StepRecord(Grid(), 3, "o", 0, 0)}, tasks)


def summed_up() -> summary.Summary:
    used = (
        FunctionUsage("mapper", "mapperNS", 3, 12.0, 1024, "x86_64", "as billed", 2, 0.7),
        FunctionUsage("reducer", "reducerNS", 1, 1.0, 1024, note="1024 MB assumed"),
    )
    s3 = S3Usage(1000, 1000)
    items = tuple(costs.bill(used, s3, Prices()))
    return summary.Summary(
        finished(), used, s3, items, "2026-01", (("a", 1.5), ("b", 2)), 1_795_168_800
    )


def test_a_job_in_words() -> None:
    assert summed_up().lines() == [
        "30 rows, 2 bad, 6 groups",
        "a bad row, in object in/2: a,<b>",
        "12.0 s from start to result: 3 mappers, 1 reducer in 1 step",
        "mappers: median 2.00 s, slowest 9.00 s (mapper 3)",
        "stragglers: mapper 3 9.00 s",
        "cost $0.00562 as of 2026-11-20 10:00:00 UTC (prices of 2026-01); estimated: reducer, "
        "S3 requests",
        "  mapper mapperNS: 3 calls, 12.0 s x 1024 MB = 12.00 GB-s, $0.000200 (as billed, 2 cold, "
        "0.7 s)",
        "  reducer reducerNS: 1 call, 1.0 s x 1024 MB = 1.00 GB-s, $0.0000167 (1024 MB assumed)",
        "  Lambda calls: 4 calls, $0.000000800",
        "  S3 writes and lists: 1,000 requests, $0.00500",
        "  S3 reads: 1,000 requests, $0.000400",
        "the result is s3://jobs/job1/result, its first groups:",
        "  a  1.5",
        "  b  2",
    ]


CODES = (JobCode("fast", "a" * 64, "_operator.add"), JobCode("plain", "b" * 64, "_operator.add"))


def test_a_job_says_what_ran_and_shows_nothing_that_a_terminal_obeys() -> None:
    made = summed_up()
    tasks = [
        dataclasses.replace(task, code=CODES[task.step > 0], bad_object="in\n2\x1b[2J")
        for task in made.job.tasks
    ]
    job = dataclasses.replace(made.job, tasks=tuple(tasks))
    made = dataclasses.replace(made, job=job, groups=(("\x1b]0;t\x07", "x" * 999),))
    lines = made.lines()
    assert lines[:2] == [f"ran job fast (sha256 {'a' * 12})", f"ran job plain (sha256 {'b' * 12})"]
    assert lines[3] == r"a bad row, in object in\n2\x1b[2J: a,<b>"
    assert lines[-1] == rf"  \x1b]0;t\x07  {'x' * 197}..."
    value = made.to_json()
    assert value["jobs"] == [code.to_json() for code in CODES]
    assert value["tasks"][0]["code"]["jobdigest"] == "a" * 64


def test_a_job_for_programs_is_json_with_every_task() -> None:
    value = json.loads(json.dumps(summed_up().to_json()))
    assert (value["lines"], value["groups"], value["bad_rows"], value["seconds"]) == (30, 6, 2, 12)
    assert value["bad_row"] == {"object": "in/2", "row": "a,<b>"}
    assert [one["name"] for one in value["tasks"]][-2:] == ["mapper 3", "reducer 1/1"]
    assert value["stragglers"] == ["mapper 3"]
    assert value["functions"][0]["gb_seconds"] == 12
    assert value["cost"]["dollars"] == pytest.approx(0.0056175, rel=1e-3)
    assert value["first_groups"] == [["a", 1.5], ["b", 2]]


@pytest.fixture
def functions():
    client = boto3.client(
        "lambda", region_name="us-west-2", aws_access_key_id="x", aws_secret_access_key="y"
    )
    with Stubber(client) as stub:
        yield client, stub


def test_a_function_tells_its_memory_and_architecture(functions) -> None:
    client, stub = functions
    configuration = {"MemorySize": 3008, "Architectures": ["arm64"]}
    stub.add_response("get_function_configuration", configuration)
    found = settings_of(client, "mapperNS", "mapper")
    assert (found.memory, found.architecture, found.assumed) == (3008, "arm64", False)


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException"])
@pytest.mark.parametrize(("role", "memory"), [("mapper", 1536), ("coordinator", 1024)])
def test_what_a_function_does_not_tell_is_assumed(functions, code, role, memory) -> None:
    client, stub = functions
    stub.add_client_error("get_function_configuration", code)
    found = settings_of(client, "f", role)
    assert (found.memory, found.assumed) == (memory, True)


def mappers(calls: int, seconds: float, memory: int = 512) -> Billed:
    return Billed("mapperNS", memory, calls, seconds)


@pytest.mark.parametrize(
    ("billed", "expected"),
    [
        ([], [(3, 12.0, 1536, "measured by itself, 1536 MB assumed")]),
        ([mappers(2, 99.0)], [(3, 12.0, 1536, "measured by itself, 1536 MB assumed")]),
        ([mappers(3, 20.0)], [(3, 20.0, 512, "as billed, x86_64 assumed")]),
        ([mappers(5, 30.0)], [(5, 30.0, 512, "as billed, x86_64 assumed")]),  # two tries failed
        (
            [mappers(1, 5.0), mappers(2, 9.0, 3008)],
            [
                (1, 5.0, 512, "as billed, x86_64 assumed"),
                (2, 9.0, 3008, "as billed, x86_64 assumed"),
            ],
        ),
    ],
)
def test_what_was_billed_counts_more_than_what_was_measured(billed, expected) -> None:
    used = usage.usages(denied("s3"), denied("lambda"), finished(), billed)
    found = [one for one in used if one.role == "mapper"]
    assert [(one.calls, one.seconds, one.memory, one.note) for one in found] == expected
    assert {one.role for one in used} == {"mapper", "coordinator", "reducer"}


def test_a_mapper_function_that_went_on_is_counted_beside_the_first() -> None:
    job = finished()
    data = dataclasses.replace(job.data, mapper_function="large", earlier_mappers=("mapperNS",))
    billed = [mappers(2, 4.0), Billed("large", 3008, 1, 9.0)]
    used = usage.usages(denied("s3"), denied("lambda"), dataclasses.replace(job, data=data), billed)
    found = [(one.name, one.calls, one.memory) for one in used if one.role == "mapper"]
    assert found == [("mapperNS", 2, 512), ("large", 1, 3008)]


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        (4, (4, 2.0, "as billed, x86_64 assumed")),
        (2, (4, 4.0, "2 of 4 calls as billed, x86_64 assumed")),
    ],
)
def test_coordinators_that_have_not_been_billed_yet_are_taken_to_be_alike(calls, expected) -> None:
    own, rows = Billed(calls=4, seconds=1.0), [Billed("c", 128, calls, 2.0)]
    (found,) = usage.of_role(denied("lambda"), "coordinator", "c", own, rows)
    assert (found.calls, found.seconds, found.note) == expected


def denied(service: str) -> Any:
    """A client that may do nothing."""
    client = boto3.client(
        service, region_name="us-west-2", aws_access_key_id="x", aws_secret_access_key="y"
    )
    stub = Stubber(client)
    operation = {
        "s3": "get_bucket_notification_configuration",
        "lambda": "get_function_configuration",
    }
    for _ in range(3):
        stub.add_client_error(operation[service], "AccessDenied")
    stub.activate()
    return client


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.8517482999999999, "0.851748"),
        (1234567.891, "1,234,567.89"),
        (3, "3"),
        ("a", "a"),
        ([1.5], "[1.5]"),
        (1e-9, "1e-09"),
    ],
)
def test_a_number_for_a_person(value: Any, shown: str) -> None:
    assert words.number(value) == shown


def test_the_largest_groups_are_shown_where_they_are_known() -> None:
    made = dataclasses.replace(summed_up(), largest=(("z", 99.123456789),))
    assert made.lines()[-2:] == [
        "the result is s3://jobs/job1/result, its largest groups:",
        "  z  99.1235",
    ]
