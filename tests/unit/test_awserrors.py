"""What an AWS error means to the user of a command."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
)

from terminal import awserrors


def client_error(code: str, **more: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "said so", **more}}, "ListObjectsV2")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (NoCredentialsError(), "run `aws configure`, or set AWS_PROFILE, or pass --profile"),
        (
            PartialCredentialsError(provider="env", cred_var="aws_secret_access_key"),
            "found in env, missing: aws_secret_access_key: run `aws configure`",
        ),
        (ProfileNotFound(profile="me"), "`aws configure list-profiles` shows those there are"),
        (EndpointConnectionError(endpoint_url="http://x"), "check the network, the region"),
        (InvalidRegionError(region_name="x y"), "'x y' doesn't match a supported format: name a"),
        (NoRegionError(), "set AWS_DEFAULT_REGION"),
        (client_error("NoSuchBucket", BucketName="mine"), "there is no bucket mine: make it with"),
        (client_error("NoSuchBucket", Resource="/mine/key"), "`aws s3 mb s3://mine`"),
        (client_error("AccessDenied"), "said so: your credentials must allow ListObjectsV2 here"),
        (client_error("ExpiredToken"), "said so: log in again"),
        (client_error("PermanentRedirect"), "the bucket is in another region: pass --region"),
    ],
)
def test_an_error_of_aws_says_what_helps(error: Exception, message: str) -> None:
    assert message in str(awserrors.explain(error))


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url="http://x"),
        client_error("SlowDown"),
        client_error("NoSuchBucket"),
    ],
)
def test_one_that_nothing_is_known_to_help_against_is_said_as_it_is(error: Exception) -> None:
    assert awserrors.explain(error) == str(error)


def test_an_error_of_several_lines_becomes_one() -> None:
    error = ParamValidationError(report="Invalid bucket name\n'a b'")
    said = "Parameter validation failed: Invalid bucket name 'a b'"
    assert awserrors.explain(error) == said


def test_what_is_no_error_of_aws_is_not_explained() -> None:
    assert awserrors.explain(ValueError("mine")) is None
