"""The clients of one run: one region and one profile for all of them.

In: a profile, a region. Out: `Clients`, with a boto3 client for each service on first use, the
account's number, and small ways of dealing with AWS's errors and delays. What a deployment cannot
go on with is a DeployError.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from aws.client import error_code, is_denied
from errors import JobError

Result = TypeVar("Result")
ROLE_SECONDS = 60
"""How long a role made just now may take until Lambda can assume it."""

TOO_YOUNG = (
    "cannot be assumed by Lambda",
    "execution role does not have permissions to call",
    "invalid for CreateGrant",
    "ARN does not refer to a valid principal",
)
"""What Lambda says of a role that it does not see in full yet; of one that is wrong, too."""

NOT_FOUND = "ResourceNotFoundException"
NO_SUCH_ROLE = ("NoSuchEntity", "AccessDenied")


class DeployError(JobError):
    """A deployment cannot go on; the message has the fact, the value and the remedy."""


@dataclass
class Clients:
    """Clients for one region and profile; `sleep` and `clock` are for waiting."""

    region: str | None = None
    profile: str | None = None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _made: dict[str, Any] = field(default_factory=dict)
    _roles: dict[str, datetime | None] = field(default_factory=dict)

    @cached_property
    def session(self) -> boto3.Session:
        return boto3.Session(profile_name=self.profile, region_name=self.region)

    def client(self, service: str) -> Any:
        """The client of a service, e.g. "lambda". DeployError where its address is none."""
        if service not in self._made:
            config = Config(retries={"mode": "standard", "total_max_attempts": 5})
            try:
                self._made[service] = self.session.client(service, config=config)
            except ValueError as error:
                raise DeployError(f"{error}: correct AWS_ENDPOINT_URL, or unset it") from error
        return self._made[service]

    @cached_property
    def account(self) -> str:
        """The number of the account that the credentials belong to."""
        return str(self.client("sts").get_caller_identity()["Account"])

    def role_made(self, arn: str) -> datetime | None:
        """When a role was made; None where it is not there, or may not be looked at."""
        name = arn.rpartition("/")[2]
        if name not in self._roles:
            found = found_or_none(lambda: self.client("iam").get_role(RoleName=name), *NO_SUCH_ROLE)
            self._roles[name] = found["Role"]["CreateDate"] if found else None
        return self._roles[name]

    def until_role_works(self, call: Callable[[], Result]) -> Result:
        """Call, again and again while Lambda cannot assume the role yet, for up to a minute."""
        return self.until_accepted(call, cannot_assume, ROLE_SECONDS)

    def until_accepted(
        self, call: Callable[[], Result], not_yet: Callable[[ClientError], bool], seconds: float
    ) -> Result:
        """Call, again and again for `seconds` while AWS's error means "not yet"."""
        deadline = self.clock() + seconds
        pause = 1.0
        while True:
            try:
                return call()
            except ClientError as error:
                if not not_yet(error) or self.clock() > deadline:
                    raise
            self.sleep(pause)
            pause = min(pause * 2, 8)

    def check_bucket(self, bucket: str, field: str) -> None:
        """DeployError where a bucket is not there, not ours to use, or in another region.

        `field` is the field of the configuration that names it.
        """
        try:
            answer = self.client("s3").head_bucket(Bucket=bucket, ExpectedBucketOwner=self.account)
        except ClientError as error:
            if is_denied(error):
                raise DeployError(
                    f"bucket {bucket}, which {field} names, belongs to another account, or may "
                    f"not be used by this one ({self.account}): name another bucket"
                ) from error
            if error_code(error) in ("404", "NoSuchBucket"):
                raise DeployError(
                    f"there is no bucket {bucket}, which {field} names: make it with "
                    f"`aws s3 mb s3://{bucket}`, or correct {field}"
                ) from error
            raise DeployError(f"bucket {bucket}, which {field} names: {error}") from error
        self.check_region(bucket, field, answer)

    def check_region(self, bucket: str, field: str, answer: Mapping[str, Any]) -> None:
        """DeployError unless HeadBucket's answer has the bucket in the functions' region."""
        if (region := answer.get("BucketRegion", self.region)) != self.region:
            raise DeployError(
                f"bucket {bucket}, which {field} names, is in {region}, and the functions are for "
                f"{self.region}: they must be in the same one; correct {field} or region"
            )


def cannot_assume(error: ClientError) -> bool:
    """Whether Lambda says that it cannot use a function's role, in one of its ways."""
    return error_code(error) == "InvalidParameterValueException" and any(
        words in str(error) for words in TOO_YOUNG
    )


def found_or_none(call: Callable[[], Result], *codes: str) -> Result | None:
    """The call's result, or None where AWS answers with one of the codes that mean "not found"."""
    try:
        return call()
    except ClientError as error:
        if error_code(error) in codes:
            return None
        raise
