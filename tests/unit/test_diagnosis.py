"""What is said of a job that did not end."""

from __future__ import annotations

import boto3
import pytest
from botocore.stub import Stubber

import diagnosis
from jobstate import JobInfo
from jobwatch import Progress
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
    (shown,) = diagnosis.failures(s3, JOB)
    assert line in shown


@pytest.fixture
def logs():
    client = boto3.client(
        "logs", region_name="us-west-2", aws_access_key_id="x", aws_secret_access_key="y"
    )
    with Stubber(client) as stub:
        client.stub = stub
        yield client


def test_the_last_error_lines_of_a_log_are_shown(logs) -> None:
    events = [{"message": f"Error {number}\n"} for number in range(9)]
    expected = {
        "logGroupName": "/aws/lambda/f",
        "startTime": 5000,
        "filterPattern": diagnosis.ERROR_LINES,
    }
    logs.stub.add_response("filter_log_events", {"events": events}, expected)
    assert diagnosis.error_lines(logs, "f", 5.0) == [
        f"/aws/lambda/f: Error {number}" for number in range(4, 9)
    ]


def test_a_log_that_may_not_be_read_is_said(logs) -> None:
    logs.stub.add_client_error("filter_log_events", "AccessDeniedException", "not you")
    (line,) = diagnosis.error_lines(logs, "f", 5.0)
    assert line.startswith("log group /aws/lambda/f cannot be read: ")
    assert "not you" in line
