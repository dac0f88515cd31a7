"""What a user gets wrong: a clear line and the right exit status, no traceback, nothing started."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.cloud import ROOT, Cloud, run

ROW = b"1.1.1.1,u,d,1,a\n"


@pytest.fixture(scope="module")
def rows(cloud: Cloud) -> list[bytes]:
    return cloud.put_input("rows/", [ROW])


def check(done: subprocess.CompletedProcess[str], status: int, message: str) -> None:
    assert done.returncode == status, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_missing_input_bucket(cloud: Cloud) -> None:
    done = cloud.driver("x", "--databkt", "no-such-bucket-here")
    check(done, 1, "there is no bucket no-such-bucket-here")


def test_a_missing_job_bucket(cloud: Cloud, rows) -> None:
    command = [sys.executable, "mr/driver.py", "no-such-bucket-here", "x", *cloud.functions]
    command += ["--databkt", cloud.databkt, "--prefix", "rows/"]
    check(run(command, cloud.environment), 1, "there is no bucket no-such-bucket-here")


def test_an_empty_prefix(cloud: Cloud) -> None:
    done = cloud.driver("x", prefix="nothing/here/")
    check(done, 2, "there is no object under s3://my-data-bucket/nothing/here/")


@pytest.mark.parametrize("which", [0, 1])
def test_a_missing_function_is_found_before_anything_is_written(cloud: Cloud, rows, which) -> None:
    names = list(cloud.functions)
    names[which] = "noSuchFunction"
    command = [sys.executable, "mr/driver.py", cloud.bucket, "no-function", *names]
    command += ["--databkt", cloud.databkt, "--prefix", "rows/"]
    done = run(command, cloud.environment)
    check(done, 1, "there is no function noSuchFunction in us-west-2")
    assert cloud.keys("no-function/") == []


def test_a_bucket_without_a_trigger(cloud: Cloud, rows) -> None:
    command = [sys.executable, "mr/driver.py", cloud.databkt, "no-trigger", *cloud.functions]
    command += ["--databkt", cloud.databkt, "--prefix", "rows/"]
    done = run(command, cloud.environment)
    check(done, 1, "bucket my-data-bucket has no Lambda trigger for no-trigger/task")
    listed = cloud.s3.list_objects_v2(Bucket=cloud.databkt, Prefix="no-trigger/")
    assert listed["KeyCount"] == 0


def test_no_credentials(cloud: Cloud, tmp_path) -> None:
    environment = {
        name: value
        for name, value in cloud.environment.items()
        if name not in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    }
    environment |= {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
    }
    command = [sys.executable, "mr/driver.py", cloud.bucket, "x", "--dryrun"]
    check(
        run(command, environment), 1, "run `aws configure`, or set AWS_PROFILE, or pass --profile"
    )


def test_an_unknown_profile(cloud: Cloud) -> None:
    done = cloud.driver("x", "--profile", "nobody", "--dryrun")
    check(done, 1, "aws configure list-profiles")


def test_a_profile_is_used(cloud: Cloud, tmp_path, rows) -> None:
    credentials = tmp_path / "credentials"
    credentials.write_text("[me]\naws_access_key_id = test\naws_secret_access_key = test\n")
    environment = {
        name: value
        for name, value in cloud.environment.items()
        if name not in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    }
    environment["AWS_SHARED_CREDENTIALS_FILE"] = str(credentials)
    command = [sys.executable, "mr/driver.py", cloud.bucket, "x", "--dryrun", "--profile", "me"]
    command += ["--databkt", cloud.databkt, "--prefix", "rows/"]
    assert run(command, environment).returncode == 0


def test_no_server_at_the_endpoint(cloud: Cloud) -> None:
    environment = {**cloud.environment, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    environment["AWS_MAX_ATTEMPTS"] = "1"
    command = [sys.executable, "mr/driver.py", cloud.bucket, "x", "--dryrun"]
    check(run(command, environment), 1, "check the network, the region and AWS_ENDPOINT_URL")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the following arguments are required: jobbkt, jobid"),
        (["b", "j"], "the mapper function (mapper_function, payload mapper) is missing"),
        (["b", "a/b", "m", "r"], "the job id 'a/b' cannot be used"),
        (["b", "j", "--dryrun", "--endearly", "0"], "'0' is not a whole number from 1"),
        (["b", "j", "--dryrun", "--retries", "-1"], "retries"),
        (["b", "j", "--dryrun", "--no-such-flag"], "unrecognized arguments: --no-such-flag"),
    ],
)
def test_wrong_usage(cloud: Cloud, words, message) -> None:
    check(run([sys.executable, "mr/driver.py", *words], cloud.environment), 2, message)


def test_a_mapper_that_fails_is_named_with_its_batch_and_log(cloud: Cloud) -> None:
    cloud.s3.put_object(Bucket=cloud.databkt, Key="gone/part-00000", Body=ROW)
    cloud.s3.put_object(
        Bucket=cloud.databkt,
        Key="gone/part-00001",
        Body=b"1.1.1.1,u,d,1.7e308,a\n" * 2,  # their sum has no JSON form
    )
    options = ("--wait4reducers", "--batchsize", "1", "--retries", "1")
    done = cloud.driver("failing", *options, prefix="gone/")
    check(done, 1, "mapperNS failed")
    assert "see log group /aws/lambda/mapperNS" in done.stderr
    assert "mapper 2, 1 object from gone/part-00001 to gone/part-00001" in done.stderr
    assert "not JSON compliant" in done.stderr
    assert "try 2" not in done.stderr  # it would end in the same way
    error = cloud.read("failing/error/mapper/2")
    assert error["what"] == "mapper/2"
    assert "not JSON compliant" in error["error"]
    assert error["requestId"]


def test_waiting_has_a_deadline_and_says_what_is_missing(cloud: Cloud, rows) -> None:
    """The mapper function in the reducer's place cannot do a reducer's work."""
    command = [sys.executable, "mr/driver.py", cloud.bucket, "no-reducer", "mapperNS", "mapperNS"]
    command += ["--databkt", cloud.databkt, "--prefix", "rows/", "--wait4reducers"]
    done = run([*command, "--timeout", "8"], cloud.environment)
    check(done, 1, "job no-reducer has no result after 8 s")
    assert "0 of 1 reducers of step 1 are done, missing: 1" in done.stderr
    assert "/aws/lambda/mapperNS: " in done.stderr
    assert "mapperId is missing" in done.stderr


def test_ctrl_c_says_what_still_runs(cloud: Cloud, rows) -> None:
    command = [sys.executable, "mr/driver.py", cloud.bucket, "ctrl-c", "mapperNS", "mapperNS"]
    command += ["--databkt", cloud.databkt, "--prefix", "rows/", "--wait4reducers"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=cloud.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    cloud.wait_for("ctrl-c/reducerstate.1")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGINT
    assert out == ""
    assert "interrupted. What was started goes on by itself" in err
    assert f"`python job.py cancel {cloud.bucket} ctrl-c` ends it" in err
    assert "Traceback" not in err
