"""policy.json holds what the functions call: enough, with IAM enforced, and no more."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.emulator import Emulator
from tests.cloud import ROOT, Cloud, cloud_on, run
from tests.faults import FaultProxy, slow

BUCKET, DATA = "policy-jobs", "policy-data"
ROWS = [f"1.1.1.{n},u,d,{n}.5,a\n".encode() for n in range(4)]

pytestmark = pytest.mark.slow

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

WHEN_AN_UPLOAD_FAILS = {"s3:AbortMultipartUpload"}
"""The parts of a large output that were uploaded in vain are given up; no output here is large."""


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
    goal = {"goal": "fastest", "batchSize": None}
    assert "TIMER" in drive_in_lambda(cloud, dryrun="yes", **goal).stdout
    assert "TIMER" in drive_in_lambda(cloud, job_id="one").stdout
    assert "TIMER" in drive_in_lambda(cloud, job_id="one", overwrite="yes").stdout
    cloud.assert_result("one", ROWS)
    assert "TIMER" in drive_in_lambda(cloud, job_id="two", full_async="yes").stdout
    cloud.assert_result("two", ROWS)
    cloud.s3.put_object(Bucket=DATA, Key="bad/part", Body=ROWS[0] + b"not a row\n")
    assert "TIMER" in drive_in_lambda(cloud, job_id="bad-row", prefix="bad/", maxBad=60).stdout
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
    assert allowed_actions() == called | OF_THE_PLATFORM | WHEN_AN_UPLOAD_FAILS


def test_the_policy_is_enough_where_it_is_enforced_and_no_more(tmp_path: Path) -> None:
    with Emulator({"AUTH": "true"}) as emulator:
        cloud = make_cloud(tmp_path, emulator, {})
        run_every_kind_of_job(cloud)
        make_victim(cloud, tmp_path)
        refused = drive_in_lambda(cloud, job_id="reach", mapper="victim")
        assert "AccessDenied" in refused.stdout
        forge_job(cloud, "forged", "victim")
        wait_for_log(cloud, "reducerCoordinatorNS", "job forged: ")
        assert cloud.settled_invocations("victim") == 0


def make_victim(cloud: Cloud, folder: Path) -> None:
    """A function of the same account and the same role, that is not of the deployment."""
    source = folder / "victim.py"
    source.write_text("def handler(event, context):\n    return 'reached'\n")
    entry = {
        "name": "victim",
        "lambdaMemory": 128,
        "handler": "victim.handler",
        "zip": "victim.zip",
        "files_and_dirs": ["victim.py"],
    }
    other = Cloud(cloud.environment, cloud.make_client, folder / "victim.json", BUCKET, DATA)
    other.config.write_text(json.dumps({"region": "us-west-2", "functions": [entry]}))
    other.deploy()


def forge_job(cloud: Cloud, job_id: str, reducer: str) -> None:
    """What anyone may do who may write to the job bucket: the records of a job that no driver
    started, whose reducer is another function, and the output that wakes the coordinator.
    """
    true = cloud.read("one/jobinfo.json")
    forged = {**true, "jobId": job_id, "mapCount": 1, "reducerFunction": reducer}
    cloud.s3.copy_object(
        Bucket=BUCKET,
        Key=f"{job_id}/jobdata",
        CopySource={"Bucket": BUCKET, "Key": "one/jobdata"},
    )
    cloud.s3.put_object(
        Bucket=BUCKET, Key=f"{job_id}/jobinfo.json", Body=json.dumps(forged).encode()
    )
    cloud.s3.copy_object(
        Bucket=BUCKET,
        Key=f"{job_id}/task/mapper/1",
        CopySource={"Bucket": BUCKET, "Key": "one/task/mapper/1"},
    )


def wait_for_log(cloud: Cloud, function: str, words: str) -> None:
    deadline = time.monotonic() + 60
    while not any(words in line for line in cloud.log_lines(function)):
        assert time.monotonic() < deadline, cloud.log_lines(function)[-20:]
        time.sleep(0.2)


@pytest.mark.parametrize("missing", ["lambda:InvokeFunction"])
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
