"""One job's lines, picked out of log groups that all jobs share."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from errors import JobError, log
from state.opening import opening
from state.records import JobInfo
from views.logs import QUIET_SECONDS, JobFilter, LogLine, follow, job_lines


def event(stream: str, second: float, message: str, **more: Any) -> dict[str, Any]:
    return {
        "logStreamName": stream,
        "timestamp": int(second * 1000),
        "message": message + "\n",
        **more,
    }


def job(job_id: str = "job1", run_id: str = "run1") -> JobInfo:
    return JobInfo(job_id, "jobs", 3, "reducerNS", run_id=run_id)


def messages(job_id: str, *events: dict[str, Any]) -> list[tuple[str, str]]:
    picked = JobFilter("mapperNS", job(job_id))
    return [(line.task, line.message) for one in events for line in picked.lines(one)]


def test_a_request_of_the_job_is_shown_whole() -> None:
    found = messages(
        "job1",
        event("s", 1, "START RequestId: a"),
        event("s", 1, "run run1 of job job1: mapper 3 reads 2 objects"),
        event("s", 2, "mapper 3: 9 rows"),
        event("s", 2, "REPORT RequestId: a"),
    )
    assert found == [
        ("mapper 3", "START RequestId: a"),
        ("mapper 3", "run run1 of job job1: mapper 3 reads 2 objects"),
        ("mapper 3", "mapper 3: 9 rows"),
        ("mapper 3", "REPORT RequestId: a"),
    ]


def test_a_line_is_shown_with_escapes_and_forges_no_other() -> None:
    message = "[ERROR] x\x1b[2J\r\n1970-01-01T00:00:00.000Z  f  driver  all is well\rTraceback:\tz"
    assert LogLine(0, "f", "mapper 1", message).text() == (
        r"1970-01-01T00:00:00.000Z  f  mapper 1  [ERROR] x\x1b[2J"
        "\n    1970-01-01T00:00:00.000Z  f  driver  all is well\n    Traceback:\tz"
    )


def test_a_job_whose_name_must_be_escaped_is_found_as_it_is_logged(capfd) -> None:
    name = "job\u202e1"
    log(f"{opening('run1', name, 'mapper 3')} reads 2 objects")
    line = capfd.readouterr().err
    found = messages(name, event("s", 1, "START RequestId: a"), event("s", 1, line.rstrip()))
    assert [task for task, _ in found] == ["mapper 3"] * 2


def test_requests_of_other_jobs_in_the_same_stream_are_not_shown() -> None:
    found = messages(
        "job1",
        event("s", 1, "START RequestId: a"),
        event("s", 1, "run run9 of job job10: mapper 1 reads 1 objects"),
        event("s", 1, "mapper 1: 9 rows"),
        event("s", 2, "START RequestId: b"),
        event("s", 2, "run run1 of job job1: step 1 reducer 2 reads 4 outputs"),
        event("s", 3, "START RequestId: c"),
        event("s", 3, "an object of nobody: nothing to do"),
    )
    assert [task for task, _ in found] == ["step 1 reducer 2"] * 2


def test_streams_that_run_side_by_side_are_kept_apart() -> None:
    found = messages(
        "job1",
        event("s", 1, "START RequestId: a"),
        event("t", 1, "START RequestId: b"),
        event("t", 1, "run run2 of job job2: mapper 1 reads 1 objects"),
        event("s", 1, "run run1 of job job1: mapper 1 reads 1 objects"),
        event("t", 2, "theirs"),
        event("s", 2, "ours"),
    )
    assert [message for _, message in found][-1] == "ours"
    assert "theirs" not in str(found)


@pytest.mark.parametrize("job_id", ["a.b", "job (1)", "x: y", "é+"])
def test_a_job_id_means_itself(job_id: str) -> None:
    begin = event("s", 1, "START RequestId: a")
    own = event("s", 1, f"run run1 of job {job_id}: coordinator looks")
    other = event("s", 1, "run run1 of job aXb: coordinator looks")
    assert len(messages(job_id, begin, own)) == 2
    assert messages(job_id, begin, other) == []


@pytest.mark.parametrize(
    "line",
    [
        "run run2 of job job1: mapper 1 reads 1 object",
        "run run1x of job job1: mapper 1 reads 1 object",
        "run run2 of job x: mapper 1 run run1 of job job1: mapper 1 reads 1 object",
        "job job1: mapper 1 reads 1 object",
        "s3://b/run run1 of job job1: mapper 1 is not an output of a job: nothing to do",
    ],
    ids=["an earlier run", "a longer id", "a job's name", "no run", "a key"],
)
def test_a_line_makes_no_request_one_of_the_run_without_its_id_in_front(line: str) -> None:
    begin = event("s", 1, "START RequestId: a")
    report = event("s", 2, "REPORT RequestId: a\tBilled Duration: 900000 ms")
    assert messages("job1", begin, event("s", 1, line), report) == []


def test_a_job_without_a_run_id_has_lines_too() -> None:
    line = f"{opening('', 'job1', 'mapper 1')} reads 1 object"
    picked = JobFilter("mapperNS", job(run_id=""))
    events = [event("s", 1, "START RequestId: a"), event("s", 1, line)]
    assert [found.task for one in events for found in picked.lines(one)] == ["mapper 1"] * 2


def test_a_line_before_the_first_start_belongs_to_nobody() -> None:
    assert messages("job1", event("s", 1, "run run1 of job job1: mapper 1 reads 1 objects")) == []


def test_a_line_for_a_person() -> None:
    line = LogLine(0.5, "mapperNS", "mapper 3", "9 rows")
    assert line.text() == "1970-01-01T00:00:00.500Z  mapperNS  mapper 3  9 rows"


@pytest.fixture
def logs():
    client = boto3.client(
        "logs", region_name="us-west-2", aws_access_key_id="x", aws_secret_access_key="y"
    )
    with Stubber(client) as stub:
        yield client, stub


def answer(stub: Stubber, *events: dict[str, Any]) -> None:
    stub.add_response("filter_log_events", {"events": list(events)})


def test_all_functions_are_merged_by_time(logs) -> None:
    client, stub = logs
    answer(
        stub,
        event("s", 5, "START RequestId: a"),
        event("s", 5, "run run1 of job job1: mapper 1 reads 1 objects"),
    )
    answer(
        stub,
        event("t", 3, "START RequestId: b"),
        event("t", 6, "run run1 of job job1: coordinator looks"),
    )
    lines = job_lines(client, ["mapperNS", "coordinatorNS"], job(), 0)
    assert [(line.time, line.function) for line in lines] == [
        (3, "coordinatorNS"),
        (5, "mapperNS"),
        (5, "mapperNS"),
        (6, "coordinatorNS"),
    ]


def test_a_function_that_never_ran_has_no_log(logs) -> None:
    client, stub = logs
    stub.add_client_error("filter_log_events", "ResourceNotFoundException")
    assert job_lines(client, ["mapperNS"], job(), 0) == []


def test_logs_that_may_not_be_read_are_an_error_with_its_remedy(logs) -> None:
    client, stub = logs
    stub.add_client_error("filter_log_events", "AccessDeniedException", "no")
    with pytest.raises(JobError, match="must allow logs:FilterLogEvents"):
        job_lines(client, ["mapperNS"], job(), 0)


@pytest.mark.parametrize("ids", [True, False])
def test_following_shows_each_line_once_and_ends_with_the_job(logs, ids: bool) -> None:
    client, stub = logs
    begin = [
        event("s", 1, "START RequestId: a", **({"eventId": "1"} if ids else {})),
        event(
            "s",
            1,
            "run run1 of job job1: mapper 1 reads 1 objects",
            **({"eventId": "2"} if ids else {}),
        ),
    ]
    end = event("s", 2, "END RequestId: a", **({"eventId": "3"} if ids else {}))
    answer(stub, *begin)
    answer(stub, *begin, end)
    for _ in range(10):
        answer(stub, end)
    now = [100.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    lines = follow(client, ["mapperNS"], job(), 0, lambda: now[0] > 102, lambda: now[0], sleep)
    assert [line.message for line in lines] == [one["message"].rstrip() for one in (*begin, end)]
    assert now[0] > 100 + QUIET_SECONDS
