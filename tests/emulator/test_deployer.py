"""deployer-policy.json holds what the commands of a terminal call: enough, with IAM enforced, and
no more.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import roles
from local.emulator import Emulator
from tests import readme
from tests.cloud import ROOT, Cloud, cloud_on, run
from tests.emulator.test_policy import ACTIONS
from tests.faults import FaultProxy, slow

pytestmark = pytest.mark.slow

BUCKET, DATA, CODE = "deployer-jobs", "deployer-data", "deployer-code"
ROWS = [f"1.1.1.{n},u,d,{n}.5,a\n".encode() for n in range(4)]
ROLE = ["--bucket", BUCKET, "--databkt", DATA, "--spotwrap", CODE, "mapreduce", "policy"]

MORE_ACTIONS = {
    ("s3", "HeadBucket"): "s3:ListBucket",
    ("s3", "ListObjectVersions"): "s3:ListBucketVersions",
    ("s3", "PutBucketNotificationConfiguration"): "s3:PutBucketNotification",
}
NEEDS_NO_RIGHT = {"sts:GetCallerIdentity"}
OF_ARGUMENTS = {"iam:PassRole", "lambda:GetLayerVersion", "s3:DeleteObjectVersion"}
"""What AWS looks at for what a call names: a role, a layer, versions; no call bears these names."""

BLIND_SPOT = {"Effect": "Allow", "Action": "lambda:CreateFunction", "Resource": "*"}
"""The embedded AWS takes a function's ARN from the path of a call, and has none for this one, which
AWS asks for by the function's ARN as the others."""


def command(cloud: Cloud, program: str, *words: str) -> str:
    """Run a command that has to succeed; what it said on standard output."""
    done = run([sys.executable, program, *words], cloud.environment)
    assert done.returncode == 0, f"{program} {words}: {done.stderr}"
    return done.stdout


def use_every_command(cloud: Cloud, patched: Path) -> None:
    """The life of a deployment: made, changed, used, looked at and deleted, wrapped at last."""
    out = cloud.config.parent
    create = ("setup/create-role.py", "-f", str(cloud.config))
    deploy = ("lambda-python/setupApps.py", "-f", str(cloud.config))
    driver = ("mr/driver.py", BUCKET, "one")
    start = (*driver, "mapperNS", "reducerNS", "--databkt", DATA, "--prefix", "rows/")
    command(cloud, *create, *ROLE)
    for disturb in (lose_trust, lose_tag):
        disturb(cloud.make_client("iam"))
        command(cloud, *create, *ROLE)
    command(cloud, *deploy, "--no_spotwrap", "--plan")
    command(cloud, *deploy, "--no_spotwrap")
    command(cloud, *start, "--dryrun", "--goal", "cheapest")
    command(cloud, *start, "--wait4reducers")
    command(cloud, *start, "--overwrite")
    cloud.assert_result("one", ROWS)
    for look in (
        ["status"],
        ["result"],
        ["logs"],
        ["report", "--output", str(out / "report.html")],
    ):
        command(cloud, "mr/job.py", look[0], BUCKET, "one", *look[1:])
    change(cloud, patched)
    command(cloud, *deploy)
    command(cloud, *start, "--overwrite", "--wait4reducers")
    command(cloud, "lambda-python/spotgraph.py", BUCKET, "one", "-o", str(out / "picture"))
    command(cloud, *deploy, "--update", "--turn_on_tracing")


def delete_everything(cloud: Cloud) -> None:
    deploy = ("lambda-python/setupApps.py", "-f", str(cloud.config))
    command(cloud, *deploy, "--deleteAll")
    delete = ("setup/delete-role.py", "mapreduce", "policy")
    iam = cloud.make_client("iam")
    more = json.dumps({"Version": "2012-10-17", "Statement": [BLIND_SPOT]})
    iam.put_role_policy(RoleName="mapreduce", PolicyName="more", PolicyDocument=more)
    kept = run([sys.executable, *delete], cloud.environment)
    assert "others use it: policy more" in kept.stderr
    iam.delete_role_policy(RoleName="mapreduce", PolicyName="more")
    command(cloud, *delete)
    command(cloud, *delete)


def lose_trust(iam: Any) -> None:
    trust = json.dumps(roles.TRUST).replace("lambda.", "ec2.")
    iam.update_assume_role_policy(RoleName="mapreduce", PolicyDocument=trust)


def lose_tag(iam: Any) -> None:
    iam.untag_role(RoleName="mapreduce", TagKeys=[roles.TAG["Key"]])


def change(cloud: Cloud, patched: Path) -> None:
    """Ask for SpotWrap in every function, and for another trigger."""
    written = json.loads(cloud.config.read_text())
    for function in written["functions"]:
        function |= {"patched_botocore_dir": str(patched), "s3bucket": CODE}
        if "permission" in function:
            function["job_id"] = "one"
    cloud.config.write_text(json.dumps(written))


@pytest.fixture(scope="module")
def patched(tmp_path_factory) -> Path:
    """A patched copy of botocore."""
    folder = tmp_path_factory.mktemp("patched") / "botocore"
    made = run([sys.executable, "lambda-python/patch-botocore.py", str(folder)], {"PATH": "/bin"})
    assert made.returncode == 0, made.stderr
    return folder


def make_cloud(folder: Path, emulator: Emulator) -> Cloud:
    cloud = cloud_on(emulator, folder, BUCKET, DATA, timeout=30)
    cloud.put_input("rows/", ROWS)
    return cloud


@pytest.fixture(scope="module")
def called(tmp_path_factory, patched: Path) -> Iterator[set[str]]:
    """The action of every call that the commands make."""
    folder = tmp_path_factory.mktemp("recorded")
    with Emulator() as emulator, FaultProxy(emulator.endpoint, folder / "proxy.log") as proxy:
        cloud = make_cloud(folder, emulator)
        cloud.environment["AWS_ENDPOINT_URL"] = proxy.endpoint
        proxy.rules(*slow(1))  # a rule that fires on every call, and so records it
        use_every_command(cloud, patched)
        command(
            cloud, "lambda-python/setupApps.py", "-f", str(cloud.config), "--deleteAll", "--plan"
        )
        delete_everything(cloud)
        calls = {(one["service"], one["operation"]) for one in proxy.fired()}
        actions = {**ACTIONS, **MORE_ACTIONS}
        yield {actions.get(call, ":".join(call)) for call in calls}


def allowed_actions() -> set[str]:
    statements = json.loads((ROOT / "setup/deployer-policy.json").read_text())["Statement"]
    listed = [one["Action"] for one in statements]
    return {name for one in listed for name in ([one] if isinstance(one, str) else one)}


def test_every_call_of_the_commands_is_allowed(called: set[str]) -> None:
    assert called - allowed_actions() == NEEDS_NO_RIGHT


def test_nothing_is_allowed_that_no_command_calls(called: set[str]) -> None:
    assert allowed_actions() - called == OF_ARGUMENTS


def test_the_policy_is_enough_where_it_is_enforced_and_no_more(
    tmp_path: Path, patched: Path, checkout: Path
) -> None:
    with Emulator({"AUTH": "true"}) as emulator:
        cloud = make_cloud(tmp_path, emulator)
        deployer = as_deployer(cloud, checkout)
        use_every_command(deployer, patched)
        delete_everything(deployer)
        for refused in (["iam", "list-roles"], ["s3", "mb", "s3://another"]):
            assert "AccessDenied" in deployer.aws(*refused).stderr


def as_deployer(cloud: Cloud, checkout: Path) -> Cloud:
    """The commands run by a user with the policy that docs/rights.md makes, and nothing else."""
    (block,) = readme.blocks((checkout / "docs/rights.md").read_text(), "bash")
    block = block.replace("ROLENAME POLICYNAME", " ".join(ROLE[-4:]))
    names = {"CHECKOUT": str(checkout), "JOB_BUCKET": BUCKET, "DATA_BUCKET": DATA}
    made = run(["bash", "-c", readme.script([block])], {**cloud.environment, **names})
    assert made.returncode == 0, made.stderr
    iam = cloud.make_client("iam")
    iam.create_user(UserName="deployer")
    arn = json.loads(made.stdout)["Policy"]["Arn"]
    iam.attach_user_policy(UserName="deployer", PolicyArn=arn)
    more = json.dumps({"Version": "2012-10-17", "Statement": [BLIND_SPOT]})
    iam.put_user_policy(UserName="deployer", PolicyName="more", PolicyDocument=more)
    key = iam.create_access_key(UserName="deployer")["AccessKey"]
    keys = {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }
    return Cloud({**cloud.environment, **keys}, cloud.make_client, cloud.config, BUCKET, DATA)
