"""A failure leaves a trace before it goes on; success removes it."""

from __future__ import annotations

import json

import boto3
import pytest
from botocore.stub import ANY, Stubber

from errors import JobError
from state.failures import failure_record
from state.runs import Run

KEY = "job1/error/mapper/3"


@pytest.fixture
def s3():
    client = boto3.client(
        "s3", region_name="us-west-2", aws_access_key_id="x", aws_secret_access_key="y"
    )
    with Stubber(client) as stub:
        client.stub = stub
        yield client
        stub.assert_no_pending_responses()


def fail(s3) -> None:
    with failure_record(Run(s3, "jobs", "job1", "run-1"), "mapper/3", "request-1"):
        raise ValueError("two\nlines")


def test_a_failure_is_recorded_and_goes_on(s3) -> None:
    written = {}
    s3.meta.events.register(
        "before-parameter-build.s3.PutObject", lambda params, **_: written.update(params)
    )
    expected = {"Bucket": "jobs", "Key": KEY, "Body": ANY, "ContentType": ANY, "Metadata": ANY}
    s3.stub.add_response("put_object", {}, expected)
    with pytest.raises(ValueError, match="two\nlines"):
        fail(s3)
    record = json.loads(written["Body"])
    assert record["what"] == "mapper/3"
    assert record["error"] == r"ValueError: two\nlines"
    assert record["final"] is False
    assert record["requestId"] == "request-1"
    assert record["runId"] == "run-1"
    assert record["time"] > 1.7e9


def test_a_record_that_cannot_be_written_hides_no_failure(s3, capfd) -> None:
    s3.stub.add_client_error("put_object", "AccessDenied")
    with pytest.raises(ValueError, match="two\nlines"):
        fail(s3)
    assert f"s3://jobs/{KEY} could not be written" in capfd.readouterr().err


def end(s3, error: Exception, is_async: bool) -> None:
    with failure_record(Run(s3, "jobs", "job1", "run-1"), "mapper/3", "request-1", is_async):
        raise error


def test_a_jobs_own_error_is_not_given_to_lambda_to_try_again(s3, capfd) -> None:
    bodies = []
    s3.meta.events.register(
        "before-parameter-build.s3.PutObject", lambda params, **_: bodies.append(params["Body"])
    )
    s3.stub.add_response("put_object", {})
    end(s3, JobError("job x: the key 3 is int"), is_async=True)
    assert json.loads(bodies[0])["final"] is True
    assert capfd.readouterr().err == "errors.JobError: job x: the key 3 is int\n"


@pytest.mark.parametrize(
    ("error", "is_async"), [(JobError("boom"), False), (ValueError("boom"), True)]
)
def test_an_error_goes_on_where_someone_waits_or_another_try_may_help(s3, error, is_async) -> None:
    s3.stub.add_response("put_object", {})
    with pytest.raises(type(error), match="boom"):
        end(s3, error, is_async)


def test_an_error_that_left_no_record_goes_on(s3) -> None:
    s3.stub.add_client_error("put_object", "AccessDenied")
    with pytest.raises(JobError, match="boom"):
        end(s3, JobError("boom"), is_async=True)


def test_success_removes_the_record(s3) -> None:
    s3.stub.add_response("delete_object", {}, {"Bucket": "jobs", "Key": KEY})
    with failure_record(Run(s3, "jobs", "job1", "run-1"), "mapper/3", "request-2"):
        pass
