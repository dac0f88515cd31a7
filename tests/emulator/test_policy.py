"""policy.json holds what the functions call: enough, with IAM enforced, and no more."""

from __future__ import annotations

import fnmatch
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.emulator import Emulator
from tests.cloud import ROOT, Cloud, cloud_on, run
from tests.faults import FaultProxy, slow

BUCKET, DATA = "policy-jobs", "policy-data"
ROWS = [f"1.1.1.{n},u,d,{n}.5,a\n".encode() for n in range(4)]

ACTIONS = {
    ("s3", "ListObjectsV2"): "s3:ListBucket",
    ("s3", "HeadObject"): "s3:GetObject",
    ("s3", "DeleteObjects"): "s3:DeleteObject",
    ("s3", "GetBucketNotificationConfiguration"): "s3:GetBucketNotification",
    ("lambda", "Invoke"): "lambda:InvokeFunction",
}
"""Calls whose permission has another name than the call (AWS's Service Authorization Reference)."""

OF_THE_PLATFORM = {"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"}
"""What Lambda itself does with a function's role, which no proxy sees."""


def make_cloud(folder: Path, emulator: Emulator, environment: dict[str, str], **more: Any) -> Cloud:
    """Buckets, the role of create-role.py, the four functions and some input."""
    functions = {"timeout": 30, "environment": environment}
    cloud = cloud_on(emulator, folder, BUCKET, DATA, **functions)
    words = ["--bucket", BUCKET, "--databkt", DATA, "mapreduce", "policy"]
    made = run([sys.executable, "setup/create-role.py", *words], cloud.environment)
    assert made.returncode == 0, made.stderr
    cloud.deploy()
    cloud.put_input("rows/", ROWS)
    return cloud


def drive_in_lambda(cloud: Cloud, **fields: Any) -> subprocess.CompletedProcess[str]:
    """Run a job with the driver function, as `aws lambda invoke` does; its answer is on stdout."""
    payload = {
        "bucket": DATA,
        "prefix": "rows/",
        "jobBucket": BUCKET,
        "mapper": "mapperNS",
        "reducer": "reducerNS",
        "batchSize": 2,
        **fields,
    }
    words = ["lambda", "invoke", "--function-name", "driverNS", "--payload", json.dumps(payload)]
    return cloud.aws(*words, "/dev/stdout")


def run_every_kind_of_job(cloud: Cloud) -> None:
    """Whatever makes a function call AWS: both modes, overwriting, bad rows, a stuck job."""
    assert "TIMER" in drive_in_lambda(cloud, dryrun="yes").stdout
    assert "TIMER" in drive_in_lambda(cloud, job_id="one").stdout
    assert "TIMER" in drive_in_lambda(cloud, job_id="one", overwrite="yes").stdout
    cloud.assert_result("one", ROWS)
    assert "TIMER" in drive_in_lambda(cloud, job_id="two", full_async="yes").stdout
    cloud.assert_result("two", ROWS)
    cloud.s3.put_object(Bucket=DATA, Key="bad/part", Body=ROWS[0] + b"not a row\n")
    assert "TIMER" in drive_in_lambda(cloud, job_id="bad-row", prefix="bad/").stdout
    stuck = drive_in_lambda(cloud, job_id="stuck", reducer="mapperNS", timeout=3)
    assert "has no result after 3 s" in stuck.stdout


@pytest.fixture(scope="module")
def calls(tmp_path_factory) -> Iterator[set[tuple[str, str, str]]]:
    """(service, operation, resource) of every call the functions made in all those jobs."""
    folder = tmp_path_factory.mktemp("recorded")
    with Emulator() as emulator, FaultProxy(emulator.endpoint, folder / "proxy.log") as proxy:
        cloud = make_cloud(folder, emulator, {"AWS_ENDPOINT_URL": proxy.endpoint})
        proxy.rules(*slow(1))  # a rule that fires on every call, and so records it
        run_every_kind_of_job(cloud)
        yield {(one["service"], one["operation"], one["resource"]) for one in proxy.fired()}


def action(service: str, operation: str) -> str:
    return ACTIONS.get((service, operation), f"{service}:{operation}")


def allowed_actions() -> set[str]:
    statements = json.loads((ROOT / "policy.json").read_text())["Statement"]
    assert all(one["Effect"] == "Allow" for one in statements)
    listed = [one["Action"] for one in statements]
    return {name for one in listed for name in ([one] if isinstance(one, str) else one)}


def test_every_call_of_the_functions_is_allowed(calls) -> None:
    assert {action(service, operation) for service, operation, _ in calls} <= allowed_actions()


def test_nothing_is_allowed_that_no_function_calls(calls) -> None:
    called = {action(service, operation) for service, operation, _ in calls}
    assert allowed_actions() == called | OF_THE_PLATFORM


def test_no_action_and_no_bucket_is_a_wildcard() -> None:
    assert not any(fnmatch.fnmatch("s3:DeleteBucket", name) for name in allowed_actions())
    statements = json.loads((ROOT / "policy.json").read_text())["Statement"]
    of_s3 = json.dumps([one["Resource"] for one in statements if "s3:" in str(one["Action"])])
    assert '"*"' not in of_s3
    assert "arn:aws:s3:::*" not in of_s3


def test_the_policy_is_enough_where_it_is_enforced(tmp_path: Path) -> None:
    with Emulator({"AUTH": "true"}) as emulator:
        cloud = make_cloud(tmp_path, emulator, {})
        run_every_kind_of_job(cloud)


@pytest.mark.parametrize("missing", ["s3:PutObject", "lambda:InvokeFunction"])
def test_enforcement_is_real_a_role_without_an_action_ends_in_a_clear_error(
    tmp_path: Path, missing: str
) -> None:
    with Emulator({"AUTH": "true"}) as emulator:
        cloud = make_cloud(tmp_path, emulator, {})
        iam = cloud.make_client("iam")
        policy = iam.get_role_policy(RoleName="mapreduce", PolicyName="policy")["PolicyDocument"]
        denied = json.dumps(policy).replace(missing, "s3:GetObjectTagging")
        iam.put_role_policy(RoleName="mapreduce", PolicyName="policy", PolicyDocument=denied)
        failed = drive_in_lambda(cloud, job_id="denied")
        assert "FunctionError" in failed.stdout
        assert "AccessDenied" in failed.stdout
