"""What is said of a job that did not end."""

from __future__ import annotations

import boto3
import pytest
from botocore.stub import Stubber

from aws import s3json
from running import diagnosis
from state.failures import Failure, failures
from state.progress import Progress
from state.records import JobInfo
from tests.model import BUCKET, S3, World

JOB = JobInfo("job1", BUCKET, 3, "reducerNS")


def test_a_missing_mapper_is_named_with_what_it_was_to_read() -> None:
    batches = [["a"], ["b", "c", "d"], ["e"]]
    lines = diagnosis.missing_batches(JOB, Progress(0, 1, 3, (2, 3)), batches)
    assert list(lines) == [
        "mapper 2 of 3 was to read b to d",
        "mapper 3 of 3 was to read e to e",
    ]


def test_mappers_are_not_blamed_for_a_missing_reducer() -> None:
    assert list(diagnosis.missing_batches(JOB, Progress(1, 0, 1, (1,)), [["a"]] * 3)) == []


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (
            b'{"error": "ValueError: boom", "requestId": "r-1"}',
            "reducer/1/2 failed: ValueError: boom (request r-1)",
        ),
        (b"{", "s3://jobs/job1/error/reducer/1/2 cannot be read"),
        (b"[]", "s3://jobs/job1/error/reducer/1/2 cannot be read"),
        (b"{}", "s3://jobs/job1/error/reducer/1/2 cannot be read"),
    ],
)
def test_what_a_function_left_when_it_failed_is_shown(body: bytes, line: str) -> None:
    world = World(3)
    s3 = S3(world)
    s3.put_object(Bucket=BUCKET, Key="job1/error/reducer/1/2", Body=body)
    (shown,) = failures(s3, JOB)
    assert line in shown


def test_what_many_say_is_said_once_and_by_number() -> None:
    world = World(30)
    s3 = S3(world)
    for number in (10, 9, 2, 1, 3, 4, 5):
        failure = Failure(f"mapper/{number}", "ValueError: boom", f"r-{number}")
        s3json.write_json(s3, BUCKET, f"job1/error/mapper/{number}", failure.to_json())
    other = Failure("reducer/1/2", "KeyError: 'a'", "r-0")
    s3json.write_json(s3, BUCKET, "job1/error/reducer/1/2", other.to_json())
    assert failures(s3, JOB) == [
        "mapper/1, mapper/2, mapper/3, mapper/4, mapper/5 and 2 more failed: ValueError: boom "
        "(request r-1 and others)",
        "reducer/1/2 failed: KeyError: 'a' (request r-0)",
    ]


def test_of_very_many_failures_some_are_read() -> None:
    world = World(30)
    for number in range(1, 31):
        failure = Failure(f"mapper/{number}", "ValueError: boom", "r")
        s3json.write_json(S3(world), BUCKET, f"job1/error/mapper/{number}", failure.to_json())
    said = failures(S3(world), JOB)
    assert said[0].startswith("mapper/1, mapper/2, mapper/3, mapper/4, mapper/5 and 15 more failed")
    assert said[1:] == ["and 10 more failed"]


@pytest.fixture
def logs():
    client = boto3.client(
        "logs", region_name="us-west-2", aws_access_key_id="x", aws_secret_access_key="y"
    )
    with Stubber(client) as stub:
        client.stub = stub
        yield client


def test_the_last_error_lines_of_a_log_are_shown(logs) -> None:
    messages = [
        "[ERROR] ValueError: too early to be shown",
        "START RequestId: 1 Version: $LATEST\n",
        "mapper 3: 100 rows, 0 bad, 0.1 s",
        "[ERROR] ValueError: boom\nTraceback (most recent call last):",
        "2026-11-20T10:00:00Z 1 Task timed out after 3.00 seconds",
        "RequestId: 1 Error: Runtime exited with error: signal: killed",
        "    raise BadRecord('x')",
        "lambdautils.BadRecord: mapper event: bucket is missing",
        "KeyError: 'a'",
    ]
    events = [{"message": message} for message in messages]
    expected = {"logGroupName": "/aws/lambda/f", "startTime": 5000}
    logs.stub.add_response("filter_log_events", {"events": events}, expected)
    shown = diagnosis.error_lines(logs, "f", JOB, 5.0)
    assert shown == [f"/aws/lambda/f: {messages[number]}" for number in (3, 4, 5, 7, 8)]


def test_errors_of_other_runs_are_not_shown_and_those_of_nobody_are(logs) -> None:
    messages = [
        ("s", "START RequestId: 1"),
        ("t", "START RequestId: 2"),
        ("s", "run theirs of job job1: mapper 3 reads 1 object"),
        ("s", "[ERROR] ValueError: theirs"),
        ("t", "run none of job job1: mapper 3 reads 1 object"),
        ("t", "[ERROR] ValueError: ours"),
        ("s", "START RequestId: 3"),
        ("s", "[ERROR] Runtime.ImportModuleError: anyone's"),
    ]
    events = [{"logStreamName": stream, "message": message} for stream, message in messages]
    logs.stub.add_response("filter_log_events", {"events": events})
    assert diagnosis.error_lines(logs, "f", JOB, 5.0) == [
        "/aws/lambda/f: [ERROR] ValueError: ours",
        "/aws/lambda/f: [ERROR] Runtime.ImportModuleError: anyone's",
    ]


def test_a_log_that_may_not_be_read_is_said(logs) -> None:
    logs.stub.add_client_error("filter_log_events", "AccessDeniedException", "not you")
    (line,) = diagnosis.error_lines(logs, "f", JOB, 5.0)
    assert line.startswith("log group /aws/lambda/f cannot be read: ")
    assert "not you" in line
