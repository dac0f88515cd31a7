"""The clients of one run: one region and one profile for all of them.

In: a profile, a region. Out: `Clients`, with a boto3 client for each service on first use, the
account's number, and two small ways of dealing with AWS's errors and delays.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

Result = TypeVar("Result")
ROLE_SECONDS = 60
"""How long a role made just now may take until Lambda can assume it."""


@dataclass
class Clients:
    """Clients for one region and profile; `sleep` and `clock` are for waiting."""

    region: str | None = None
    profile: str | None = None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _made: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def session(self) -> boto3.Session:
        return boto3.Session(profile_name=self.profile, region_name=self.region)

    def client(self, service: str) -> Any:
        """The client of a service, e.g. "lambda"."""
        if service not in self._made:
            config = Config(retries={"mode": "standard", "total_max_attempts": 8})
            self._made[service] = self.session.client(service, config=config)
        return self._made[service]

    @cached_property
    def account(self) -> str:
        """The number of the account that the credentials belong to."""
        return str(self.client("sts").get_caller_identity()["Account"])

    def until_role_works(self, call: Callable[[], Result]) -> Result:
        """Call, again and again while Lambda cannot assume the role yet, for up to a minute."""
        deadline = self.clock() + ROLE_SECONDS
        pause = 1.0
        while True:
            try:
                return call()
            except ClientError as error:
                if not cannot_assume(error) or self.clock() > deadline:
                    raise
            self.sleep(pause)
            pause = min(pause * 2, 8)


def error_code(error: ClientError) -> str:
    """The code of an AWS error, e.g. "ResourceNotFoundException"."""
    return str(error.response.get("Error", {}).get("Code", ""))


def cannot_assume(error: ClientError) -> bool:
    """Whether Lambda says that it cannot assume a function's role."""
    return error_code(
        error
    ) == "InvalidParameterValueException" and "cannot be assumed by Lambda" in str(error)


def found_or_none(call: Callable[[], Result], *codes: str) -> Result | None:
    """The call's result, or None where AWS answers with one of the codes that mean "not found"."""
    try:
        return call()
    except ClientError as error:
        if error_code(error) in codes:
            return None
        raise
