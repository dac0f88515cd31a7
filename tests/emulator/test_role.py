"""create-role.py and delete-role.py, and that the policy holds what the functions call: no more,
no less.
"""

from __future__ import annotations

import json
import sys
import urllib.parse
from pathlib import Path

import pytest

from tests.cloud import ROOT, run

ARN = "arn:aws:iam::000000000000:role/"


@pytest.fixture
def iam(aws_client):
    return aws_client("iam")


def setup(environment, program: str, *words: str):
    return run([sys.executable, f"setup/{program}", *words], environment)


def policy_of(iam, role: str, name: str) -> dict:
    document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    return json.loads(urllib.parse.unquote(document)) if isinstance(document, str) else document


def test_a_role_is_made_and_made_again(aws_environment, iam) -> None:
    words = ("--bucket", "my-jobs", "--databkt", "in-one", "--databkt", "in-two", "roleA", "polA")
    for said, policy in (
        ("role roleA created", "policy polA written"),
        ("role roleA was there already, trust unchanged", "policy polA unchanged"),
    ):
        done = setup(aws_environment, "create-role.py", *words)
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"{ARN}roleA\nexport AWSRole={ARN}roleA\n"
        assert done.stderr == f"{said}\n{policy}\n"
    statements = policy_of(iam, "roleA", "polA")["Statement"]
    resources = {one["Sid"]: one["Resource"] for one in statements}
    assert resources["KeepTheJob"] == ["arn:aws:s3:::my-jobs/*"]
    assert resources["ReadTheInput"] == ["arn:aws:s3:::in-one/*", "arn:aws:s3:::in-two/*"]
    trust = iam.get_role(RoleName="roleA")["Role"]["AssumeRolePolicyDocument"]
    assert "lambda.amazonaws.com" in json.dumps(trust)


def test_tracing_is_allowed_only_if_asked_for(aws_environment, iam) -> None:
    words = ("--bucket", "my-jobs", "roleT", "polT")
    for options, allowed in (((), False), (("--tracing",), True)):
        done = setup(aws_environment, "create-role.py", *options, *words)
        assert done.returncode == 0, done.stderr
        policy = json.dumps(policy_of(iam, "roleT", "polT"))
        assert ("xray:PutTraceSegments" in policy) is allowed


def test_a_placeholder_that_is_left_is_an_error(aws_environment, iam) -> None:
    done = setup(aws_environment, "create-role.py", "roleB", "polB")
    assert done.returncode == 2
    assert "policy.json holds the placeholder MY-S3-BUCKET: pass --bucket NAME" in done.stderr
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName="roleB")


def test_a_wrong_bucket_name_is_an_error(aws_environment) -> None:
    done = setup(aws_environment, "create-role.py", "--bucket", "My_Jobs", "roleB", "polB")
    assert done.returncode == 2
    assert "'My_Jobs' is no bucket name" in done.stderr


def test_a_role_is_deleted_and_deleted_again(aws_environment, iam) -> None:
    setup(aws_environment, "create-role.py", "--bucket", "my-jobs", "roleC", "polC")
    for said in ("deleted", "not there"):
        done = setup(aws_environment, "delete-role.py", "roleC", "polC")
        assert done.returncode == 0, done.stderr
        assert done.stderr == f"policy polC of role roleC: {said}\nrole roleC: {said}\n"


def test_a_role_with_other_policies_is_left(aws_environment, iam) -> None:
    setup(aws_environment, "create-role.py", "--bucket", "my-jobs", "roleD", "polD")
    iam.put_role_policy(
        RoleName="roleD",
        PolicyName="theirs",
        PolicyDocument=(Path(ROOT) / "policy.json").read_text(),
    )
    done = setup(aws_environment, "delete-role.py", "roleD", "polD")
    assert done.returncode == 1
    assert "role roleD is kept, since others use it: policy theirs\n" in done.stderr
    assert iam.list_role_policies(RoleName="roleD")["PolicyNames"] == ["theirs"]


def test_a_role_that_others_use_in_other_ways_is_left(aws_environment, iam) -> None:
    setup(aws_environment, "create-role.py", "--bucket", "my-jobs", "roleE", "polE")
    document = (Path(ROOT) / "policy.json").read_text()
    arn = iam.create_policy(PolicyName="managed", PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="roleE", PolicyArn=arn)
    iam.create_instance_profile(InstanceProfileName="machine")
    iam.add_role_to_instance_profile(InstanceProfileName="machine", RoleName="roleE")
    done = setup(aws_environment, "delete-role.py", "roleE", "polE")
    assert done.returncode == 1
    assert "kept, since others use it: policy managed, instance profile machine\n" in done.stderr
    iam.detach_role_policy(RoleName="roleE", PolicyArn=arn)
    iam.remove_role_from_instance_profile(InstanceProfileName="machine", RoleName="roleE")
    done = setup(aws_environment, "delete-role.py", "roleE", "polE")
    assert done.stderr == "policy polE of role roleE: not there\nrole roleE: deleted\n"


def test_a_role_with_another_trust_or_policy_is_put_right(aws_environment, iam) -> None:
    words = ("--bucket", "my-jobs", "roleF", "polF")
    setup(aws_environment, "create-role.py", *words)
    right = iam.get_role(RoleName="roleF")["Role"]["AssumeRolePolicyDocument"]
    wrong = json.dumps(right).replace("lambda.amazonaws.com", "ec2.amazonaws.com")
    iam.update_assume_role_policy(RoleName="roleF", PolicyDocument=wrong)
    done = setup(aws_environment, "create-role.py", "--bucket", "other-jobs", *words[2:])
    assert done.stderr == "role roleF was there already, trust replaced\npolicy polF written\n"
    assert iam.get_role(RoleName="roleF")["Role"]["AssumeRolePolicyDocument"] == right
    assert "arn:aws:s3:::other-jobs/*" in json.dumps(policy_of(iam, "roleF", "polF"))


@pytest.mark.parametrize("words", [("create-role.py", "--bucket", "abc"), ("delete-role.py",)])
def test_an_address_that_is_none_is_said_so(aws_environment, words) -> None:
    done = setup({**aws_environment, "AWS_ENDPOINT_URL": "garbage"}, *words, "r", "p")
    assert done.returncode == 1
    assert "Invalid endpoint: garbage: correct AWS_ENDPOINT_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_traceback_without_credentials(aws_environment, tmp_path) -> None:
    done = setup(
        aws_environment, "create-role.py", "--profile", "nobody", "--bucket", "abc", "r", "p"
    )
    assert done.returncode == 1
    assert "run `aws configure`, or set AWS_PROFILE, or pass --profile" in done.stderr
    assert "Traceback" not in done.stderr
