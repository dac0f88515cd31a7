"""Whole jobs with the role of create-role.py, IAM enforced: the right answers, no denial, and
nothing in the policy that no function uses.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cloud import Cloud, cloud_on, filled_in_config
from tests.moto_aws.conftest import make_role
from tests.moto_aws.stand_in import Call, StandIn

BUCKET, DATA = "moto-jobs", "moto-data"
ROLE, POLICY = "mapreduce", "policy"
ROWS = [f"1.1.1.{n},u,d,{n}.5,a\n2.2.2.2,u,d,1,a\n".encode() for n in range(6)]

WHEN_AN_UPLOAD_FAILS = {"s3:AbortMultipartUpload"}
"""An object in parts, one of which cannot be written, is given up with this; if the policy has it,
no job here comes to that.
"""

Policy = dict[str, Any]


@pytest.fixture(scope="module")
def cloud(stand_in: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Cloud:
    """The role, the four functions of scns.json that run as it, and some input."""
    stand_in.role = make_role(stand_in, BUCKET, DATA, ROLE, POLICY)
    made = cloud_on(stand_in, tmp_path_factory.mktemp("cloud"), BUCKET, DATA, timeout=60)
    made.deploy()
    made.put_input("rows/", ROWS)
    return made


def drive_in_lambda(cloud: Cloud, job_id: str, **fields: Any) -> str:
    """Run a job with the driver function; returns its answer as it came."""
    payload = {
        "bucket": DATA,
        "prefix": "rows/",
        "jobBucket": BUCKET,
        "job_id": job_id,
        "mapper": "mapperNS",
        "reducer": "reducerNS",
        "batchSize": 2,
        **fields,
    }
    answer = cloud.make_client("lambda").invoke(
        FunctionName="driverNS", Payload=json.dumps(payload).encode()
    )
    return answer["Payload"].read().decode()


@pytest.fixture(scope="module")
def calls(cloud: Cloud, stand_in: StandIn) -> list[Call]:
    """What the functions call in jobs of every kind: in both modes, again under the same id, with
    a bad row, and one that does not end, because its reducer is none.
    """
    assert "TIMER" in drive_in_lambda(cloud, "sync")
    assert "TIMER" in drive_in_lambda(cloud, "sync", overwrite="yes")
    assert "TIMER" in drive_in_lambda(cloud, "async", full_async="yes")
    cloud.s3.put_object(Bucket=DATA, Key="bad/part", Body=ROWS[0] + b"not a row\n")
    assert "TIMER" in drive_in_lambda(cloud, "bad-row", prefix="bad/", maxBad=100)
    assert "has no result after 1 s" in drive_in_lambda(
        cloud, "stuck", reducer="mapperNS", timeout=1
    )
    cloud.wait_for("async/task/reducer/done")
    return [call for call in stand_in.calls() if call.is_of_a_function]


@pytest.mark.parametrize("job_id", ["sync", "async"])
def test_a_job_of_functions_has_the_right_answer(cloud: Cloud, calls, job_id: str) -> None:
    assert len(cloud.keys(f"{job_id}/task/mapper/")) == 3
    cloud.assert_result(job_id, ROWS)


def test_a_job_of_the_driver_command_has_the_right_answer(cloud: Cloud) -> None:
    done = cloud.driver("command", "--batchsize", "2", "--wait4reducers", prefix="rows/")
    assert done.returncode == 0, done.stderr
    cloud.assert_result("command", ROWS)


@pytest.fixture
def narrowed(cloud: Cloud, tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Deploys a trigger for one job alone; afterwards it is for all jobs again."""

    def deploy(job_id: str) -> None:
        config = filled_in_config(tmp_path, BUCKET, job_id=job_id, timeout=60)
        dataclasses.replace(cloud, config=config).deploy()

    yield deploy
    cloud.deploy()


@pytest.mark.parametrize(
    "job_id", ["day=1 of a+b", pytest.param("zürich 50%", marks=pytest.mark.slow)]
)
def test_a_trigger_for_one_job_works_whatever_its_id(
    cloud: Cloud, calls, narrowed: Callable[[str], None], job_id: str
) -> None:
    narrowed(job_id)
    done = cloud.driver(job_id, "--batchsize", "2", "--wait4reducers", prefix="rows/")
    assert done.returncode == 0, done.stderr
    assert "stands still" not in done.stderr, "woken by its own events"
    cloud.assert_result(job_id, ROWS)
    other = cloud.driver("another", "--batchsize", "2", "--wait4reducers", prefix="rows/")
    assert "has no Lambda trigger for another/task" in other.stderr


def test_the_functions_are_denied_nothing(calls: list[Call]) -> None:
    assert [call for call in calls if not call.allowed] == []


def policy_of(cloud: Cloud) -> Policy:
    """The policy that create-role.py wrote, as IAM has it."""
    iam = cloud.make_client("iam")
    policy: Policy = iam.get_role_policy(RoleName=ROLE, PolicyName=POLICY)["PolicyDocument"]
    return policy


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def unused(policy: Policy, calls: list[Call]) -> list[str]:
    """The actions that no call needed the policy's statement for."""
    return [
        f"{statement.get('Sid')}: {action}"
        for statement in policy["Statement"]
        for action in listed(statement["Action"])
        if action not in WHEN_AN_UPLOAD_FAILS
        and not any(permits(action, statement["Resource"], call) for call in calls)
    ]


def permits(action: str, resources: str | list[str], call: Call) -> bool:
    return action == call.action and any(
        fnmatch.fnmatchcase(call.resource, pattern) for pattern in listed(resources)
    )


NOT_IN_MOTO = "SeeTheLimitOfTheAccount: lambda:GetAccountSettings"
"""A driver with a goal calls it; tests/emulator/test_policy.py shows that it does."""


def test_each_action_of_each_statement_is_used(cloud: Cloud, calls: list[Call]) -> None:
    policy = policy_of(cloud)
    assert {statement["Effect"] for statement in policy["Statement"]} == {"Allow"}
    assert unused(policy, calls) == [NOT_IN_MOTO]
    too_much = {"Sid": "TooMuch", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{DATA}/*"}
    assert unused({"Statement": [too_much]}, calls) == ["TooMuch: s3:PutObject"]


@contextmanager
def changed_policy(cloud: Cloud, old: str, new: str) -> Iterator[None]:
    """The role's policy with one text in place of another, for a while."""
    iam = cloud.make_client("iam")
    right = json.dumps(policy_of(cloud))
    assert old in right
    names = {"RoleName": ROLE, "PolicyName": POLICY}
    iam.put_role_policy(**names, PolicyDocument=right.replace(old, new))
    try:
        yield
    finally:
        iam.put_role_policy(**names, PolicyDocument=right)


@pytest.mark.parametrize(
    ("right", "wrong", "denied"),
    [
        ("s3:PutObject", "s3:PutObjectTagging", "s3:PutObject"),
        ("lambda:InvokeFunction", "lambda:GetFunction", "lambda:InvokeFunction"),
        (f"{DATA}/*", f"{DATA}-too/*", "s3:GetObject"),
    ],
)
def test_a_job_fails_where_its_role_lacks_an_action_or_a_bucket(
    cloud: Cloud, stand_in: StandIn, calls, right: str, wrong: str, denied: str
) -> None:
    before = len(stand_in.calls())
    with changed_policy(cloud, right, wrong):
        answer = drive_in_lambda(cloud, f"without-{denied.partition(':')[2]}", retries=0)
    assert "errorMessage" in answer
    assert "AccessDenied" in answer
    assert denied in {call.action for call in stand_in.calls(before) if not call.allowed}


def test_a_call_on_many_objects_takes_a_permission_for_each(
    cloud: Cloud, stand_in: StandIn
) -> None:
    before = len(stand_in.calls())
    for name in ("one", "a b/<&>"):
        copied = {"Bucket": DATA, "Key": "rows/part-00000"}
        cloud.s3.copy_object(Bucket=DATA, Key=name, CopySource=copied)
    objects = [{"Key": "one"}, {"Key": "a b/<&>"}]
    cloud.s3.delete_objects(Bucket=DATA, Delete={"Objects": objects})
    made = [call for call in stand_in.calls(before) if not call.is_of_a_function]
    assert [(call.action, call.resource.partition(":::")[2]) for call in made] == [
        ("s3:PutObject", f"{DATA}/one"),
        ("s3:GetObject", f"{DATA}/rows/part-00000"),
        ("s3:PutObject", f"{DATA}/a b/<&>"),
        ("s3:GetObject", f"{DATA}/rows/part-00000"),
        ("s3:DeleteObject", f"{DATA}/one"),
        ("s3:DeleteObject", f"{DATA}/a b/<&>"),
    ]
