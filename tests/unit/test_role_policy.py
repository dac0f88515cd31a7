"""The policies: how placeholders are filled in, and what the shipped templates allow."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest

import policy
from policy import PolicyError
from tests.cloud import ROOT

NAMES = {
    "MY-PARTITION": ["aws-cn"],
    "MY-ACCOUNT": ["123456789012"],
    "MY-REGION": ["cn-north-1"],
    "MY-TABLE-REGION": ["cn-north-1"],
    "MY-S3-BUCKET": ["jobs"],
    "MY-DATA-BUCKET": ["data-one", "data-two"],
    "MY-CODE-BUCKET": ["code"],
    "MY-FUNCTION": ["driverNS", "mapperNS", "reducerNS", "reducerCoordinatorNS"],
    "MY-WORKER": ["mapperNS", "reducerNS"],
    "MY-ROLE": ["mapreduce"],
    "MY-TABLE": ["spotFns"],
    "MY-KMS-KEY": ["arn:aws-cn:kms:cn-north-1:123456789012:key/1", "arn:two"],
}
EXTRAS = [policy.KEYS, policy.TRACING, *policy.SPOTWRAP]
TEMPLATES = [policy.FUNCTIONS, policy.DEPLOYER]


def statement(*resources: str) -> dict[str, Any]:
    return {"Sid": "One", "Effect": "Allow", "Action": "a:B", "Resource": list(resources)}


@pytest.mark.parametrize(
    ("resources", "names", "filled"),
    [
        (["arn:x"], {}, ["arn:x"]),
        (["MY-A/*"], {"MY-A": ["one"]}, ["one/*"]),
        (["MY-A", "MY-A/*"], {"MY-A": ["one", "two"]}, ["one", "two", "one/*", "two/*"]),
        (["MY-A:MY-B"], {"MY-A": ["1"], "MY-B": ["2", "3"]}, ["1:2", "1:3"]),
        (["MY-A:MY-A"], {"MY-A": ["1", "2"]}, ["1:1", "2:2"]),
        (["MY-A-B:MY-A"], {"MY-A": ["1"], "MY-A-B": ["2"]}, ["2:1"]),
        (["MY-A"], {"MY-A": ["MY-B"], "MY-B": ["wrong"]}, ["MY-B"]),
        (["MY-A", "MY-B"], {"MY-A": [], "MY-B": ["1"]}, ["1"]),
    ],
)
def test_a_resource_is_written_for_each_name(resources, names, filled) -> None:
    (one,) = policy.fill_in([statement(*resources)], names)
    assert one == {**statement(), "Resource": filled}


def test_a_statement_about_nothing_is_left_out() -> None:
    assert policy.fill_in([statement("MY-A", "MY-A/*")], {"MY-A": []}) == []


def test_a_single_resource_need_be_no_list() -> None:
    assert policy.fill_in([{"Resource": "MY-A"}], {"MY-A": ["1"]}) == [{"Resource": ["1"]}]


def template(folder: Path, value: Any) -> Path:
    path = folder / "policy.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("{", "Expecting property name"),
        ([], "a policy has a list Statement"),
        ({"Statement": {}}, "a policy has a list Statement"),
        ({"Statement": [{"Effect": "Allow"}]}, "whose items have a Resource"),
        ({"Statement": [{"Resource": ["a", 1]}]}, "whose items have a Resource"),
        ({"Statement": ["Resource"]}, "whose items have a Resource"),
        ({"Statement": [statement("MY-S3-BUCKET")]}, "placeholder MY-S3-BUCKET: pass --bucket"),
        ({"Statement": [statement("MY-OWN-THING")]}, "MY-OWN-THING: write the name itself there"),
    ],
)
def test_a_template_that_makes_no_policy_is_an_error(tmp_path: Path, value, said: str) -> None:
    with pytest.raises(PolicyError) as caught:
        policy.make(template(tmp_path, value), [], {})
    assert said in str(caught.value)


# --------------------------------------------------------------------------- what is shipped


def statements(path: Path) -> list[dict[str, Any]]:
    return [*policy.read(path)["Statement"], *EXTRAS]


def actions(found: list[dict[str, Any]]) -> Iterator[str]:
    for one in found:
        yield from [one["Action"]] if isinstance(one["Action"], str) else one["Action"]


OPERATIONS = {
    "s3:ListBucket": "ListObjectsV2",
    "s3:ListBucketVersions": "ListObjectVersions",
    "s3:GetBucketNotification": "GetBucketNotificationConfiguration",
    "s3:PutBucketNotification": "PutBucketNotificationConfiguration",
    "s3:DeleteObjectVersion": "DeleteObjects",
    "lambda:InvokeFunction": "Invoke",
}
"""Actions that IAM names otherwise than the call (AWS's Service Authorization Reference)."""

NO_CALL = {"iam:PassRole"}
"""What is looked at when a role is handed to a service; no call bears its name."""


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_action_is_one_of_aws(path: Path) -> None:
    session = botocore.session.get_session()
    for action in sorted(set(actions(statements(path))) - NO_CALL):
        service, name = action.split(":")
        operations = session.get_service_model(service).operation_names
        assert OPERATIONS.get(action, name) in operations, action


ON_NO_NAME = {
    "SendTraces": "*",
    "SeeTheLimitOfTheAccount": "*",
    "UseLayers": ":layer:*:*",
    "FindTheLogs": ":log-group:*",
}
"""Statements on what has no name of this deployment."""


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_arn_is_of_the_partition_the_region_and_the_account(path: Path) -> None:
    made = policy.make(path, EXTRAS, NAMES)
    for one in made["Statement"]:
        for resource in one["Resource"]:
            if ON_NO_NAME.get(one["Sid"]) == "*" or one["Sid"] == "UseTheKeysOfTheBuckets":
                continue
            _, partition, service, region, account, _ = resource.split(":", 5)
            assert partition == "aws-cn"
            assert region == ("" if service in ("s3", "iam") else "cn-north-1")
            assert account == ("" if service == "s3" else "123456789012") or "layer" in resource


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_wildcard_stands_for_what_lies_in_a_named_bucket_or_log_group_alone(path: Path) -> None:
    for one in policy.make(path, EXTRAS, NAMES)["Statement"]:
        assert "*" not in json.dumps(one["Action"])
        for resource in one["Resource"]:
            if one["Sid"] in ON_NO_NAME:
                assert resource.endswith(ON_NO_NAME[one["Sid"]])
            elif "*" in resource:
                assert re.search(r"(:::[a-z-]+/|/aws/lambda/\w+:|/spotwrap/)\*$", resource)
                assert resource.count("*") == 1


def test_functions_start_mappers_and_reducers_alone() -> None:
    made = policy.make(policy.FUNCTIONS, [], NAMES)["Statement"]
    (started,) = (one["Resource"] for one in made if "lambda:InvokeFunction" in one["Action"])
    prefix = "arn:aws-cn:lambda:cn-north-1:123456789012:function:"
    assert started == [f"{prefix}mapperNS", f"{prefix}reducerNS"]


def test_functions_write_to_the_job_bucket_alone() -> None:
    writes = {"s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"}
    for one in policy.make(policy.FUNCTIONS, EXTRAS, NAMES)["Statement"]:
        if writes & set(actions([one])):
            assert one["Resource"] == ["arn:aws-cn:s3:::jobs/*"]


MOST_CHARACTERS = {policy.FUNCTIONS: 10_240, policy.DEPLOYER: 6_144}
"""What IAM takes: all inline policies of a role; a managed policy. It does not count spaces."""


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_policy_is_as_small_as_iam_wants_it(path: Path) -> None:
    made = policy.make(path, EXTRAS, NAMES)
    assert len(json.dumps(made, separators=(",", ":"))) < MOST_CHARACTERS[path]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_the_page_about_rights_has_every_statement_and_every_action(path: Path) -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", (ROOT / "docs/rights.md").read_text(), re.M)
    documented = [(sid, set(re.findall(r"`(\w+:\w+)`", listed))) for sid, listed in rows]
    for one in policy.read(path)["Statement"]:
        assert (one["Sid"], set(actions([one]))) in documented
    shipped = [one for each in TEMPLATES for one in policy.read(each)["Statement"]] + EXTRAS
    assert len(documented) == len(shipped)
