"""create-role.py and delete-role.py: whose roles they make, change and delete, and whose not."""

from __future__ import annotations

import json
import sys
import urllib.parse
from pathlib import Path
from typing import Any

import pytest

import roles
from tests.cloud import ROOT, run
from tests.faults import FaultProxy, slow

ARN = "arn:aws:iam::000000000000:role/"
TAG = {"Key": "made-by", "Value": "mapreduce-in-lambda"}
KEY = "arn:aws:kms:us-west-2:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab"
THEIRS = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::theirs/*"}
    ],
}

CREATE = ("create-role.py", "--bucket", "my-jobs")
DELETE = ("delete-role.py",)


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
    functions = "arn:aws:lambda:us-west-2:000000000000:function"
    assert resources["StartMappersAndReducers"] == [
        f"{functions}:mapperNS",
        f"{functions}:reducerNS",
    ]
    assert f"{functions}:reducerCoordinatorNS" in resources["SeeTheFunctions"]
    role = iam.get_role(RoleName="roleA")["Role"]
    assert "lambda.amazonaws.com" in json.dumps(role["AssumeRolePolicyDocument"])
    assert role["Tags"] == [TAG]


READS = {"GetCallerIdentity", "GetRole", "GetRolePolicy"}


def test_the_same_command_again_writes_nothing(aws_environment, emulator, tmp_path: Path) -> None:
    words = ("create-role.py", "--bucket", "my-jobs", "--kms-key", KEY, "roleG", "polG")
    assert setup(aws_environment, *words).returncode == 0
    with FaultProxy(emulator.endpoint, tmp_path / "proxy.log") as proxy:
        proxy.rules(*slow(1))  # a rule that fires on every call, and so records it
        again = setup({**aws_environment, "AWS_ENDPOINT_URL": proxy.endpoint}, *words)
        assert again.returncode == 0
        assert {one["operation"] for one in proxy.fired()} == READS


def test_a_policy_is_for_the_deployment_that_its_file_describes(
    aws_environment, iam, tmp_path: Path
) -> None:
    functions = [
        {"name": "my-map", "handler": "mine.map"},
        {"name": "my-coordinator", "handler": "reducerCoordinator.handler"},
    ]
    path = tmp_path / "other.json"
    path.write_text(json.dumps({"region": "eu-west-1", "functions": functions}))
    words = ("-f", str(path), "--bucket", "my-jobs", "--spotwrap", "my-code", "--kms-key", KEY)
    done = setup(aws_environment, "create-role.py", *words, "roleH", "polH")
    assert done.returncode == 0, done.stderr
    resources = {
        one["Sid"]: one["Resource"] for one in policy_of(iam, "roleH", "polH")["Statement"]
    }
    of_account = "eu-west-1:000000000000"
    assert resources["StartMappersAndReducers"] == [f"arn:aws:lambda:{of_account}:function:my-map"]
    assert f"arn:aws:logs:{of_account}:log-group:/aws/lambda/my-coordinator:*" in str(resources)
    assert resources["WriteTheRecords"] == [f"arn:aws:dynamodb:{of_account}:table/spotFns"]
    assert resources["ReadTheRecordingLibrary"] == ["arn:aws:s3:::my-code/spotwrap/*"]
    assert resources["UseTheKeysOfTheBuckets"] == [KEY]


@pytest.mark.parametrize("whose", ["functions", "deployer"])
def test_a_policy_can_be_seen_before_anything_is_made(aws_environment, iam, whose: str) -> None:
    role = f"role-of-{whose}"
    done = setup(aws_environment, *CREATE, "--show", whose, role, "polI")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert "MY-" not in done.stdout
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName=role)
    if whose == "functions":
        setup(aws_environment, *CREATE, role, "polI")
        assert policy_of(iam, role, "polI") == shown
    else:
        assert "dynamodb" not in done.stdout


# --------------------------------------------------------------------------- whose role


def make_role(iam, name: str, trust: Any = roles.TRUST, **more: Any) -> None:
    """A role that create-role.py did not make, with a policy of its own."""
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust), **more)
    iam.put_role_policy(RoleName=name, PolicyName="theirs", PolicyDocument=json.dumps(THEIRS))


OTHER_TRUST = json.loads(json.dumps(roles.TRUST).replace("lambda.", "ec2."))


@pytest.mark.parametrize("command", [CREATE, DELETE], ids=["create", "delete"])
@pytest.mark.parametrize(
    "made",
    [
        {},
        {"trust": OTHER_TRUST},
        {"trust": OTHER_TRUST, "Description": roles.DESCRIPTION},
        {"Description": "Runs the functions of something else"},
        {"Tags": [{"Key": "made-by", "Value": "someone-else"}]},
    ],
    ids=["bare", "trust", "description", "other", "tag"],
)
def test_a_role_of_someone_else_is_left_as_it_is(aws_environment, iam, command, made) -> None:
    make_role(iam, "theirs", **made)
    try:
        before = iam.get_role(RoleName="theirs")["Role"]
        done = setup(aws_environment, *command, "theirs", "theirs")
        assert done.returncode == 1
        assert done.stdout == ""
        assert "role theirs is left as it is: it was not made by create-role.py" in done.stderr
        assert "aws iam tag-role --role-name theirs --tags Key=made-by," in done.stderr
        assert iam.get_role(RoleName="theirs")["Role"] == before
        assert iam.list_role_policies(RoleName="theirs")["PolicyNames"] == ["theirs"]
        assert policy_of(iam, "theirs", "theirs") == THEIRS
    finally:
        iam.delete_role_policy(RoleName="theirs", PolicyName="theirs")
        iam.delete_role(RoleName="theirs")


def test_the_command_in_the_refusal_makes_the_role_ours(aws_environment, iam) -> None:
    make_role(iam, "roleJ", trust=OTHER_TRUST)
    refused = setup(aws_environment, *CREATE, "roleJ", "polJ")
    command = refused.stderr.split("`")[1].split()
    assert run(command, aws_environment).returncode == 0
    done = setup(aws_environment, *CREATE, "roleJ", "polJ")
    assert done.stderr == "role roleJ was there already, trust replaced\npolicy polJ written\n"


def test_a_role_of_an_earlier_version_is_tagged_and_brought_up_to_date(
    aws_environment, iam
) -> None:
    make_role(iam, "roleK", Description=roles.DESCRIPTION)
    done = setup(aws_environment, *CREATE, "roleK", "theirs")
    said = "role roleK was there already, trust unchanged, tagged\npolicy theirs written\n"
    assert done.stderr == said
    assert iam.get_role(RoleName="roleK")["Role"]["Tags"] == [TAG]
    assert "arn:aws:s3:::theirs" not in json.dumps(policy_of(iam, "roleK", "theirs"))


def test_a_role_of_an_earlier_version_is_deleted(aws_environment, iam) -> None:
    make_role(iam, "roleL", Description=roles.DESCRIPTION)
    done = setup(aws_environment, *DELETE, "roleL", "theirs")
    assert done.stderr == "policy theirs of role roleL: deleted\nrole roleL: deleted\n"


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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--bucket", "My_Jobs"), "--bucket: 'My_Jobs' is no bucket name"),
        (("--bucket", "*"), "--bucket: '*' is no bucket name"),
        (("--databkt", "b/../*"), "--databkt: 'b/../*' is no bucket name"),
        (("--spotwrap", "*"), "--spotwrap: '*' is no bucket name"),
        (("--spotFnsTableName", "*"), "--spotFnsTableName: '*' is no table name"),
        (("--spotFnsTableRegion", "*"), "--spotFnsTableRegion: '*' is not a region"),
        (("--kms-key", "*"), "--kms-key: '*' is no ARN of a KMS key"),
        (("-f", "nowhere.json"), "nowhere.json: no such file"),
    ],
)
def test_a_wrong_name_is_an_error(aws_environment, words, said: str) -> None:
    options = ("--bucket", "my-jobs", *words)
    done = setup(aws_environment, "create-role.py", *options, "roleB", "polB")
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [CREATE, DELETE], ids=["create", "delete"])
def test_a_role_and_a_policy_have_names_too(aws_environment, command) -> None:
    for words, said in ((("r/*", "p"), "'r/*' is no role"), (("r", "p*"), "'p*' is no policy")):
        done = setup(aws_environment, *command, *words)
        assert done.returncode == 2
        assert said in done.stderr


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
    assert done.returncode == 2
    assert "Invalid endpoint: garbage: correct AWS_ENDPOINT_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_traceback_without_credentials(aws_environment, tmp_path) -> None:
    done = setup(
        aws_environment, "create-role.py", "--profile", "nobody", "--bucket", "abc", "r", "p"
    )
    assert done.returncode == 1
    assert "(nobody) could not be found: `aws configure list-profiles` shows" in done.stderr
    assert "Traceback" not in done.stderr
