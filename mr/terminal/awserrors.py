"""What an error of AWS, or of the library that calls it, means to the user, and what helps."""

from __future__ import annotations

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

from aws.client import error_code, is_denied

REMEDIES: dict[type[BotoCoreError], str] = {
    NoCredentialsError: "run `aws configure`, or set AWS_PROFILE, or pass --profile",
    PartialCredentialsError: "run `aws configure`, or set AWS_PROFILE, or pass --profile",
    ProfileNotFound: "`aws configure list-profiles` shows those there are",
    EndpointConnectionError: "check the network, the region and AWS_ENDPOINT_URL",
    InvalidRegionError: "name a region such as us-west-2",
    NoRegionError: "set AWS_DEFAULT_REGION, us-west-2 say",
}


def explain(error: Exception) -> str | None:
    """The error in one line, with what helps; None where it is not of AWS."""
    if isinstance(error, BotoCoreError):
        remedies = [what for kind, what in REMEDIES.items() if isinstance(error, kind)]
        return ": ".join([str(error).rstrip(".") if remedies else str(error), *remedies])
    return explain_answer(error) if isinstance(error, ClientError) else None


def explain_answer(error: ClientError) -> str:
    """An error that a service answered with."""
    if error_code(error) == "NoSuchBucket" and (bucket := bucket_of(error)):
        return f"there is no bucket {bucket}: make it with `aws s3 mb s3://{bucket}`"
    if is_denied(error):
        return f"{error}. Your credentials must allow {error.operation_name} here"
    return str(error)


def bucket_of(error: ClientError) -> str:
    """The bucket that S3 names in its error, as a name or as a path; "" where it names none."""
    said = error.response["Error"]
    return str(said.get("BucketName") or str(said.get("Resource", "")).strip("/").split("/")[0])
