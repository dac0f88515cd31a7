"""Conditional writes of JSON, against a stub of S3; reads are in emulator/test_reads.py."""

from __future__ import annotations

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from aws import s3json


@pytest.fixture
def s3():
    return boto3.client(
        "s3", region_name="us-west-2", aws_access_key_id="x", aws_secret_access_key="y"
    )


def conflict(stub: Stubber, times: int) -> None:
    for _ in range(times):
        stub.add_client_error("put_object", "ConditionalRequestConflict", http_status_code=409)


def test_a_race_that_s3_leaves_undecided_is_tried_again(s3) -> None:
    waits: list[float] = []
    with Stubber(s3) as stub:
        conflict(stub, 2)
        stub.add_response("put_object", {})
        assert s3json.create_json(s3, "b", "k", {}, sleep=waits.append)
        stub.assert_no_pending_responses()
    assert len(waits) == 2


def test_a_race_that_never_ends_is_an_error(s3) -> None:
    with Stubber(s3) as stub:
        conflict(stub, s3json.CONFLICT_TRIES)
        with pytest.raises(ClientError, match="ConditionalRequestConflict"):
            s3json.create_json(s3, "b", "k", {}, sleep=lambda seconds: None)
        stub.assert_no_pending_responses()


def test_an_object_that_is_there_already_is_left_alone(s3) -> None:
    with Stubber(s3) as stub:
        stub.add_client_error("put_object", "PreconditionFailed", http_status_code=412)
        assert not s3json.create_json(s3, "b", "k", {})


def test_another_error_of_a_conditional_write_rises(s3) -> None:
    with Stubber(s3) as stub:
        stub.add_client_error("put_object", "AccessDenied", http_status_code=403)
        with pytest.raises(ClientError, match="AccessDenied"):
            s3json.create_json(s3, "b", "k", {})


def test_a_number_without_a_json_form_is_refused(s3) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        s3json.write_json(s3, "b", "k", {"a": float("inf")})
