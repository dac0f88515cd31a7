"""create-role.py and delete-role.py against moto."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cloud import client_factory
from tests.moto_aws.conftest import make_role, setup
from tests.moto_aws.stand_in import EVERYTHING, StandIn


@pytest.fixture(scope="module")
def iam(stand_in: StandIn) -> Any:
    return client_factory(stand_in)("iam")


def written(stand_in: StandIn, since: int) -> list[str]:
    """The permissions of the writing calls, in order."""
    return [call.action for call in stand_in.calls(since) if call.writes]


def policy_of(iam: Any, role: str) -> dict[str, Any]:
    return iam.get_role_policy(RoleName=role, PolicyName="policy")["PolicyDocument"]


def test_a_role_is_made_then_found_unchanged_then_written_anew(stand_in: StandIn, iam: Any) -> None:
    arn = make_role(stand_in, "jobs-one", "data-one", "roleA", "policy")
    assert written(stand_in, 0)[-2:] == ["iam:CreateRole", "iam:PutRolePolicy"]
    made = iam.get_role(RoleName="roleA")["Role"]
    assert made["Arn"] == arn
    (trust,) = made["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
    policy = policy_of(iam, "roleA")
    assert "MY-" not in str(policy), "no placeholder is left"

    before = len(stand_in.calls())
    assert make_role(stand_in, "jobs-one", "data-one", "roleA", "policy") == arn
    assert set(written(stand_in, before)) <= {"iam:CreateRole"}, "which finds that it is there"
    assert policy_of(iam, "roleA") == policy

    assert make_role(stand_in, "jobs-two", "data-one", "roleA", "policy") == arn
    assert "jobs-one" in str(policy)
    assert str(policy_of(iam, "roleA")) == str(policy).replace("jobs-one", "jobs-two")


def test_a_role_is_deleted_and_deleted_again(stand_in: StandIn, iam: Any) -> None:
    make_role(stand_in, "jobs-one", "data-one", "roleC", "policy")
    for said in ("deleted", "not there"):
        done = setup(stand_in, "delete-role.py", "roleC", "policy")
        assert done.returncode == 0, done.stderr
        assert f"role roleC: {said}" in done.stderr
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName="roleC")


def test_a_role_with_someone_elses_policy_is_kept(stand_in: StandIn, iam: Any) -> None:
    make_role(stand_in, "jobs-one", "data-one", "roleD", "policy")
    document = json.dumps(EVERYTHING)
    iam.put_role_policy(RoleName="roleD", PolicyName="theirs", PolicyDocument=document)
    done = setup(stand_in, "delete-role.py", "roleD", "policy")
    assert done.returncode == 1
    assert "theirs" in done.stderr
    assert iam.list_role_policies(RoleName="roleD")["PolicyNames"] == ["theirs"]
