"""What an AWS error means to the user of the driver."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
)

from terminal import arguments, commandline

OPTIONS = arguments.make_parser().parse_args(["jobs", "job1", "--databkt", "data"])
LOOKING = arguments.make_parser().parse_args(["--status", "jobs", "job1"])


def client_error(code: str, **more: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "said so", **more}}, "ListObjectsV2")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (NoCredentialsError(), "run `aws configure`, or set AWS_PROFILE, or pass --profile"),
        (ProfileNotFound(profile="me"), "`aws configure list-profiles` shows those there are"),
        (EndpointConnectionError(endpoint_url="http://x"), "check the network, --region"),
        (client_error("NoSuchBucket", BucketName="mine"), "there is no bucket mine: make it with"),
        (client_error("NoSuchBucket"), "there is no bucket data or jobs"),
        (client_error("AccessDenied"), "Your credentials must allow ListObjectsV2 here"),
        (client_error("ExpiredToken"), "said so"),
    ],
)
def test_an_error_of_aws_says_what_helps(error, message: str) -> None:
    assert message in commandline.explain(error, OPTIONS)


def test_where_a_job_is_looked_at_its_bucket_alone_can_be_missing() -> None:
    said = commandline.explain(client_error("NoSuchBucket"), LOOKING)
    assert said.startswith("there is no bucket jobs: make it with")


def test_after_ctrl_c_the_user_knows_what_still_runs() -> None:
    said = commandline.interrupted(OPTIONS)
    assert "job job1 in s3://jobs/job1/ may still finish" in said
    assert "--deleteAll" in said
