"""`make aws-check`, against the embedded AWS: what it checks, measures, and leaves as it was."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from local.simulated.rates import read_rates
from tests.cloud import ROOT, SECONDS, run

BUCKET = "checked-bucket"
MEASURED = {
    "get", "head", "put", "copy", "delete", "list", "multipart", "accept", "cold", "warm", "queued",
    "event", "kernel", "whole_core", "concurrency",
}  # fmt: skip


@pytest.fixture(scope="module")
def bucket(aws_client: Any) -> Any:
    """A bucket with an object and a notification of someone else."""
    s3 = aws_client("s3")
    region = {"LocationConstraint": s3.meta.region_name}
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=region)
    s3.put_object(Bucket=BUCKET, Key="awscheck/theirs", Body=b"theirs")
    topic = aws_client("sns").create_topic(Name="theirs")["TopicArn"]
    theirs = {"Id": "theirs", "TopicArn": topic, "Events": ["s3:ObjectRemoved:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"TopicConfigurations": [theirs]}
    )
    return s3


def assert_as_it_was(s3: Any, aws_client: Any) -> None:
    """Nothing that the check made is there, and everything that it did not make is."""
    listed = s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert [item["Key"] for item in listed] == ["awscheck/theirs"]
    found = s3.get_bucket_notification_configuration(Bucket=BUCKET)
    assert [one["Id"] for one in found["TopicConfigurations"]] == ["theirs"]
    assert not found.get("LambdaFunctionConfigurations")
    assert names_of_its_own(aws_client) == []


def names_of_its_own(aws_client: Any) -> list[str]:
    """The functions, roles and log groups of the check."""
    roles = aws_client("iam").list_roles()["Roles"]
    groups = aws_client("logs").describe_log_groups()["logGroups"]
    pages = aws_client("lambda").get_paginator("list_functions").paginate()
    names = [function["FunctionName"] for page in pages for function in page["Functions"]]
    names += [role["RoleName"] for role in roles] + [group["logGroupName"] for group in groups]
    return [name for name in names if "awscheck-" in name]


@pytest.mark.slow
def test_everything_is_checked_measured_and_deleted(
    bucket: Any, aws_client: Any, aws_environment: dict[str, str], tmp_path: Path
) -> None:
    page = tmp_path / "rates.json"
    words = ["local/awscheck.py", BUCKET, "--output", str(page)]
    done = run([sys.executable, *words], aws_environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("groups are what a sum over the same files gives") == 3
    assert done.stdout.count("bill the seconds that it recorded") == 3
    assert re.search(r"^a mapper of 1769 MB: \d+\.\d MB/s$", done.stdout, re.M)
    (dollars,) = re.findall(r"^estimated cost \$(0\.\d+) ", done.stdout, re.M)
    assert 0 < float(dollars) < 0.05
    assert json.loads(page.read_text()).keys() == MEASURED
    rates = read_rates(str(page))
    assert 0 < rates.get.median < rates.cold.median < SECONDS
    assert_as_it_was(bucket, aws_client)


def test_what_was_made_is_deleted_after_ctrl_c(
    bucket: Any, aws_client: Any, aws_environment: dict[str, str], tmp_path: Path
) -> None:
    words = ["local/awscheck.py", BUCKET, "--output", str(tmp_path / "rates.json")]
    started = subprocess.Popen(
        [sys.executable, *words],
        env=aws_environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + SECONDS
    while not any("mapperNS" in name for name in names_of_its_own(aws_client)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    started.send_signal(signal.SIGINT)
    said, _ = started.communicate(timeout=SECONDS)
    assert started.returncode == 130, said
    assert said.endswith("local/awscheck.py: interrupted\n")
    assert_as_it_was(bucket, aws_client)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no bucket is named: `make aws-check BUCKET=NAME`, with one of yours"),
        (["BUCKET=My_Bucket"], "'My_Bucket' is no bucket name"),
        (["BUCKET=nobodys-bucket"], "there is no bucket nobodys-bucket, which BUCKET names"),
        (["BUCKET=checked-bucket", "REGION=eu-west-1"], "is in us-west-2, and the functions are"),
    ],
    ids=["none", "no name", "not there", "another region"],
)
def test_what_cannot_be_checked_is_refused_before_anything_is_made(
    bucket: Any, aws_client: Any, aws_environment: dict[str, str], words: list[str], said: str
) -> None:
    installed = ["--old-file", ".venv/.installed"]
    done = run(["make", *installed, "aws-check", *words], aws_environment)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert_as_it_was(bucket, aws_client)
