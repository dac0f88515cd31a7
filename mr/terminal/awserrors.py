"""What an error of AWS, or of the library that calls it, means to the user, and what helps."""

from __future__ import annotations

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

from aws.client import error_code, is_denied

_NO_CREDENTIALS = "run `aws configure`, or set AWS_PROFILE, or pass --profile"
_WRONG_CREDENTIALS = "`aws configure list` shows which credentials are used, and where from"
_NOT_REACHED = "check the network, the region and AWS_ENDPOINT_URL"
_OTHER_REGION = "the bucket is in another region: pass --region"
OF_BOTOCORE: dict[type[BotoCoreError], str] = {
    NoCredentialsError: _NO_CREDENTIALS,
    PartialCredentialsError: _NO_CREDENTIALS,
    ProfileNotFound: "`aws configure list-profiles` shows those there are",
    EndpointConnectionError: _NOT_REACHED,
    ConnectTimeoutError: _NOT_REACHED,
    InvalidRegionError: "name a region such as us-west-2",
    NoRegionError: "set AWS_DEFAULT_REGION, us-west-2 say",
}
"""What helps against the errors that botocore raises itself."""
OF_AWS = {
    "InvalidAccessKeyId": _WRONG_CREDENTIALS,
    "InvalidClientTokenId": _WRONG_CREDENTIALS,
    "UnrecognizedClientException": _WRONG_CREDENTIALS,
    "SignatureDoesNotMatch": _WRONG_CREDENTIALS,
    "ExpiredToken": "log in again",
    "ExpiredTokenException": "log in again",
    "AuthorizationHeaderMalformed": _OTHER_REGION,
    "PermanentRedirect": _OTHER_REGION,
}
"""What helps against the errors that services answer with, by their code."""


def explain(error: Exception) -> str | None:
    """The error in one line, with what helps; None where it is not of AWS."""
    if isinstance(error, BotoCoreError):
        remedies = [what for kind, what in OF_BOTOCORE.items() if isinstance(error, kind)]
        return with_remedy(error, *remedies)
    return explain_answer(error) if isinstance(error, ClientError) else None


def explain_answer(error: ClientError) -> str:
    """An error that a service answered with."""
    code = error_code(error)
    if code == "NoSuchBucket" and (bucket := bucket_of(error)):
        return f"there is no bucket {bucket}: make it with `aws s3 mb s3://{bucket}`"
    if is_denied(error):
        return with_remedy(error, f"your credentials must allow {error.operation_name} here")
    return with_remedy(error, *([OF_AWS[code]] if code in OF_AWS else []))


def with_remedy(error: Exception, *remedy: str) -> str:
    """An error's text in one line, and what helps where that is known."""
    return ": ".join([" ".join(str(error).split()).rstrip("."), *remedy])


def bucket_of(error: ClientError) -> str:
    """The bucket that S3 names in its error, as a name or as a path; "" where it names none."""
    said = error.response["Error"]
    return str(said.get("BucketName") or str(said.get("Resource", "")).strip("/").split("/")[0])
