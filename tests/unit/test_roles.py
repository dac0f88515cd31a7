"""Whose role it is, and whose account."""

from __future__ import annotations

import argparse
import json
import urllib.parse
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError, PartialCredentialsError
from botocore.stub import Stubber

import roles
from deployment import config
from policy import PolicyError
from terminal import program

TRUST = json.dumps(roles.TRUST)
OTHER_TRUST = TRUST.replace("lambda.", "ec2.")


def stubbed(service: str, operation: str, answer: dict[str, Any]) -> Any:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    client = boto3.client(service, region_name="us-west-2", **keys)
    stubber = Stubber(client)
    stubber.add_response(operation, answer)
    stubber.activate()
    return client


@pytest.mark.parametrize(
    ("arn", "partition"),
    [
        ("arn:aws:iam::123456789012:user/me", "aws"),
        ("arn:aws:iam::123456789012:root", "aws"),
        ("arn:aws-cn:sts::123456789012:assumed-role/admin/me", "aws-cn"),
        ("arn:aws-us-gov:iam::123456789012:user/path/me", "aws-us-gov"),
    ],
)
def test_the_partition_is_that_of_the_credentials(arn: str, partition: str) -> None:
    sts = stubbed("sts", "get_caller_identity", {"Arn": arn, "Account": "123456789012"})
    assert roles.account(sts) == roles.Account("123456789012", partition)


@pytest.mark.parametrize(
    ("more", "trust", "is_ours"),
    [
        ({}, TRUST, False),
        ({"Tags": [roles.TAG]}, TRUST, True),
        ({"Tags": [{"Key": "x", "Value": "y"}, roles.TAG]}, OTHER_TRUST, True),
        ({"Tags": [{**roles.TAG, "Value": "someone"}]}, TRUST, False),
        ({"Description": roles.DESCRIPTION}, TRUST, True),
        ({"Description": roles.DESCRIPTION}, OTHER_TRUST, False),
        ({"Description": f"{roles.DESCRIPTION}, and more"}, TRUST, False),
    ],
)
def test_whose_role_it_is(more: dict[str, Any], trust: str, is_ours: bool) -> None:
    for document in (json.loads(trust), urllib.parse.quote(trust)):
        assert roles.is_ours({"AssumeRolePolicyDocument": document, **more}) is is_ours


DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "no right"}}, "GetRole")


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (PolicyError("a placeholder"), 2, "a placeholder"),
        (config.ConfigError("a region"), 2, "a region"),
        (roles.RoleError("a role"), 1, "a role"),
        (DENIED, 1, "no right"),
        (NoCredentialsError(), 1, "run `aws configure`"),
        (PartialCredentialsError(provider="env", cred_var="key"), 1, "run `aws configure`"),
    ],
)
def test_what_a_user_can_cause_is_one_line(capsys, error, status: int, said: str) -> None:
    def command(options: argparse.Namespace) -> None:
        raise error

    parser = argparse.ArgumentParser(prog="create-role.py")
    assert program.run(parser, command, []) == status
    printed = capsys.readouterr().err
    assert printed.startswith("create-role.py: ")
    assert said in printed
    assert printed.count("\n") == 1
