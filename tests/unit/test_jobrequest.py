"""What is asked of the driver: payloads and command lines, good and bad."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from errors import UsageError
from running.request import JobRequest, whole_number
from terminal import driving

EVENTS = Path(__file__).parent.parent / "events"
REAL = {"job_id": "job1", "jobBucket": "b", "mapper": "mapperNS", "reducer": "reducerNS"}


def from_command_line(*words: str) -> JobRequest:
    return JobRequest.from_options(driving.make_parser().parse_args(words))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "driver_short_async.json",
            JobRequest(
                job_bucket="MY-BUCKET-NAME",
                job_id="JOBID",
                mapper="mapperNS",
                reducer="reducerNS",
                endearly=2,
                full_async=True,
                event_source="ext:invokeCLI",
            ),
        ),
        (
            "driver_dryrun.json",
            JobRequest(
                mapper="mapperNS", reducer="reducerNS", dryrun=True, event_source="ext:invokeCLI"
            ),
        ),
        (
            "driver_sync.json",
            JobRequest(
                job_bucket="MY-BUCKET-NAME",
                job_id="JOBID",
                mapper="mapperNS",
                reducer="reducerNS",
                event_source="ext:invokeCLI",
            ),
        ),
        (
            "driver_async.json",
            JobRequest(
                job_bucket="MY-BUCKET-NAME",
                job_id="JOBID",
                mapper="mapperNS",
                reducer="reducerNS",
                full_async=True,
                event_source="ext:invokeCLI",
            ),
        ),
    ],
)
def test_every_payload_of_the_original_is_understood(name: str, expected: JobRequest) -> None:
    payload = json.loads((EVENTS / name).read_text())
    assert JobRequest.from_payload(payload, "us-west-2") == expected


@pytest.mark.parametrize("value", ["yes", "no", "", 0, False, None])
def test_flags_count_by_being_present(value) -> None:
    payload = {**REAL, "full_async": value, "overwrite": value}
    request = JobRequest.from_payload(payload, None)
    assert request.full_async
    assert request.overwrite
    assert not request.dryrun


def test_bad_rows_and_who_pays_are_asked_for_in_both_forms() -> None:
    payload = JobRequest.from_payload({**REAL, "maxBad": "2.5%", "requestPayer": "requester"}, None)
    words = ("b", "job1", "m", "r", "--max-bad", "2.5", "--request-payer")
    for request in (payload, from_command_line(*words)):
        assert request.max_bad == pytest.approx(0.025)
        assert request.requester_pays
    assert JobRequest.from_payload(REAL, None).max_bad == 0.01
    with pytest.raises(UsageError, match="payload maxBad: '200' is no share of 0 to 100 %"):
        JobRequest.from_payload({**REAL, "maxBad": 200}, None)


def test_a_dry_run_needs_no_job() -> None:
    assert JobRequest.from_payload({"dryrun": "yes"}, None).dryrun


def test_the_region_of_the_payload_goes_before_that_of_the_function() -> None:
    assert JobRequest.from_payload({"dryrun": 1, "region": "eu-west-1"}, "x").region == "eu-west-1"
    assert JobRequest.from_payload({"dryrun": 1}, "us-east-2").region == "us-east-2"


def test_numbers_of_a_payload_may_be_texts() -> None:
    payload = {**REAL, "endearly": "2", "batchSize": 3, "concurrency": "4", "timeout": 5}
    request = JobRequest.from_payload(payload, None)
    assert (request.endearly, request.batch_size) == (2, 3)
    assert (request.concurrency, request.timeout) == (4, 5)


@pytest.mark.parametrize(
    ("payload", "messages"),
    [
        ([], ["the payload must be a JSON object, not list"]),
        (
            {},
            [
                "the job bucket (jobbkt, payload jobBucket) is missing",
                "the job id (jobid, payload job_id) is missing",
                "the mapper function",
                "the reducer function",
            ],
        ),
        ({**REAL, "job_id": "a/b"}, ["the job id 'a/b' cannot be used"]),
        ({**REAL, "job_id": ".."}, ["the job id '..' cannot be used"]),
        ({**REAL, "job_id": "a\n"}, ["the job id 'a\\n' cannot be used"]),
        (
            {**REAL, "endearly": 0, "batchSize": "x", "concurrency": -1, "timeout": 1.5},
            [
                "payload endearly: '0' is not a whole number from 1",
                "payload batchSize: 'x' is not",
                "payload concurrency: '-1' is not",
                "payload timeout: '1.5' is not",
            ],
        ),
        ({**REAL, "mapper": 3}, ["payload mapper is 3: it must be a text"]),
        ({**REAL, "bucket": ""}, ["the input data bucket is empty"]),
    ],
)
def test_every_fault_of_a_payload_is_told_in_one_go(payload, messages) -> None:
    with pytest.raises(UsageError) as caught:
        JobRequest.from_payload(payload, None)
    assert all(message in str(caught.value) for message in messages)


def test_a_payload_field_that_means_nothing_is_logged(capfd) -> None:
    JobRequest.from_payload({**REAL, "endEarly": 2}, None)
    assert "ignored: endEarly" in capfd.readouterr().err


def test_the_command_line_has_the_defaults_of_the_original() -> None:
    request = from_command_line("b", "job1", "mapperNS", "reducerNS")
    assert request == JobRequest(
        bucket="big-data-benchmark",
        prefix="pavlo/text/1node/uservisits/",
        region="us-west-2",
        job_bucket="b",
        job_id="job1",
        mapper="mapperNS",
        reducer="reducerNS",
        full_async=True,
        concurrency=100,
        timeout=900,
    )


def test_waiting_is_the_opposite_of_asynchronous() -> None:
    assert not from_command_line("b", "j", "m", "r", "--wait4reducers").full_async


def test_the_two_function_names_may_be_left_out_of_a_dry_run_only() -> None:
    assert from_command_line("b", "j", "--dryrun").dryrun
    with pytest.raises(UsageError, match=r"mapper function.*; .*reducer function"):
        from_command_line("b", "j")


@pytest.mark.parametrize("text", ["", "x", "1.0", "-1", "\uff11", " 1", "9999999999"])
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a whole number from 0"):
        whole_number(text, 0)


@pytest.mark.parametrize("goal", ["fastest", "cheapest"])
def test_a_goal_comes_by_either_way(goal: str) -> None:
    payload = JobRequest.from_payload({**REAL, "goal": goal}, "us-west-2")
    words = ("b", "job1", "mapperNS", "reducerNS", "--goal", goal)
    assert payload.goal == from_command_line(*words).goal == goal


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"goal": "quick"}, "the goal is 'quick': it is one of fastest, cheapest"),
        ({"goal": 1}, "payload goal is 1: it must be a text"),
        ({"goal": "fastest", "splitSize": "64MB"}, "without batch or split size"),
        ({"goal": "fastest", "batchSize": 4}, "without batch or split size"),
    ],
)
def test_a_goal_that_is_none_or_has_nothing_to_choose_is_refused(fields, fault: str) -> None:
    with pytest.raises(UsageError, match=fault):
        JobRequest.from_payload({**REAL, **fields}, "us-west-2")
