"""A bucket that cannot be emptied, and one that is gone."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from deploy import contents
from deploy.clients import DeployError


@pytest.fixture
def s3() -> Any:
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    client = boto3.client("s3", region_name="us-west-2", **keys)
    with Stubber(client) as stub:
        client.stub = stub
        yield client


def test_an_object_that_cannot_be_deleted_is_named(s3) -> None:
    version = {"Key": "job1/result", "VersionId": "null"}
    s3.stub.add_response("list_object_versions", {"Versions": [version], "IsTruncated": False})
    error = {**version, "Code": "AccessDenied", "Message": "locked"}
    s3.stub.add_response("delete_objects", {"Errors": [error]})
    with pytest.raises(DeployError, match=r"s3://jobs/job1/result could not .* locked"):
        contents.delete(s3, "jobs")


@pytest.mark.parametrize("call", [contents.look, contents.delete])
def test_a_bucket_that_is_gone_has_no_contents(s3, call) -> None:
    s3.stub.add_client_error("list_object_versions", "NoSuchBucket")
    assert call(s3, "jobs") == "not there"


def test_what_would_be_deleted_counts_versions_and_delete_markers(s3) -> None:
    one = {"Key": "a", "VersionId": "1"}
    page = {"Versions": [one, one], "DeleteMarkers": [one], "IsTruncated": False}
    s3.stub.add_response("list_object_versions", page)
    assert contents.look(s3, "jobs") == "3 objects would be deleted"
