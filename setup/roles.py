"""The role in IAM: whose it is, and what create-role.py and delete-role.py share.

A role of this project bears a tag that says so. Any other role of the same name is left alone,
whatever the command: RoleError then, with the command that makes the role one of ours.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from aws.client import error_code
from errors import JobError

DESCRIPTION = "Runs the functions of MapReduce in Lambda"
TAG = {"Key": "made-by", "Value": "mapreduce-in-lambda"}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


class RoleError(JobError):
    """A command on the role failed; the message has the fact, the value and the remedy."""


@dataclass(frozen=True)
class Account:
    """Where the credentials belong: the account's number, and aws, aws-cn or aws-us-gov."""

    number: str
    partition: str


def account(sts: Any) -> Account:
    """The account of the credentials, as STS tells it; anyone may ask."""
    answer = sts.get_caller_identity()
    return Account(str(answer["Account"]), answer["Arn"].split(":")[1])


def is_tagged(role: Mapping[str, Any]) -> bool:
    """Whether a role, as IAM describes it, bears the project's tag; pure."""
    return TAG in role.get("Tags", [])


def is_ours(role: Mapping[str, Any]) -> bool:
    """Whether this project made a role; pure.

    Earlier versions set no tag. Theirs are known by the description together with the trust.
    """
    return is_tagged(role) or (role.get("Description") == DESCRIPTION and is_trusted(role))


def is_trusted(role: Mapping[str, Any]) -> bool:
    """Whether Lambda, and nobody else, may take a role; pure."""
    return document(role["AssumeRolePolicyDocument"]) == TRUST


def find(iam: Any, name: str) -> dict[str, Any] | None:
    """Our role of that name, or None where there is no role. RoleError where it is not ours."""
    try:
        role: dict[str, Any] = iam.get_role(RoleName=name)["Role"]
    except ClientError as error:
        if error_code(error) != "NoSuchEntity":
            raise
        return None
    if not is_ours(role):
        raise RoleError(
            f"role {name} is left as it is: it was not made by create-role.py, for it has no tag "
            f"{TAG['Key']}={TAG['Value']}. Choose another ROLENAME; or, if the role is yours and "
            f"for this alone, say so: `aws iam tag-role --role-name {name} "
            f"--tags Key={TAG['Key']},Value={TAG['Value']}`"
        )
    return role


def document(found: str | dict[str, Any]) -> dict[str, Any]:
    """A policy document as IAM gives it: boto3 has decoded it, or it is URL-encoded JSON; pure."""
    if isinstance(found, dict):
        return found
    decoded: dict[str, Any] = json.loads(urllib.parse.unquote(found))
    return decoded
