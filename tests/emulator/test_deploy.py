"""setupApps.py through its command line: deploy, update, delete, again, and what is wrong."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cloud import Cloud, filled_in_config, run

HANDLER = "def handler(event, context):\n    return {number}\n"


@pytest.fixture
def app(tmp_path: Path, aws_environment, aws_client, request) -> Cloud:
    """A small deployment of its own: one function with a trigger, one without."""
    name = f"{abs(hash(request.node.name)) % 10**8}"
    (tmp_path / "coordinator.py").write_text(HANDLER.format(number=1))
    (tmp_path / "plain.py").write_text(HANDLER.format(number=2))
    config = tmp_path / "scns.json"
    made = Cloud(aws_environment, aws_client, config, f"jobs-{name}", f"data-{name}")
    made.make_buckets()
    made.suffix = f"-{name}"
    write_config(made)
    return made


def write_config(app: Cloud, job_id: str | None = "job1000", **more: Any) -> None:
    def entry(name: str, **fields: Any) -> dict[str, Any]:
        return {
            "name": f"{name}{app.suffix}",
            "lambdaMemory": 128,
            "handler": f"{name}.handler",
            "zip": f"{name}.zip",
            "files_and_dirs": [f"{name}.py"],
            **fields,
        }

    trigger = {"permission": app.bucket} | ({"job_id": job_id} if job_id else {})
    functions = [entry("plain", **more), entry("coordinator", **trigger)]
    app.config.write_text(json.dumps({"region": "us-west-2", "functions": functions}))


def check(done: subprocess.CompletedProcess[str], status: int, *messages: str) -> None:
    assert done.returncode == status, done.stderr
    assert all(message in done.stderr for message in messages), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def found(app: Cloud, name: str) -> dict[str, Any]:
    function = app.make_client("lambda").get_function_configuration(
        FunctionName=f"{name}{app.suffix}"
    )
    function.pop("ResponseMetadata")
    return function


def names(app: Cloud) -> set[str]:
    pages = app.make_client("lambda").get_paginator("list_functions").paginate()
    listed = {item["FunctionName"] for page in pages for item in page["Functions"]}
    return {name for name in listed if name.endswith(app.suffix)}


def notifications(app: Cloud) -> dict[str, Any]:
    found = app.s3.get_bucket_notification_configuration(Bucket=app.bucket)
    found.pop("ResponseMetadata")
    return found


def test_a_deployment_makes_functions_that_answer(app: Cloud, tmp_path: Path) -> None:
    done = app.setup_apps("--no_spotwrap")
    check(done, 0, f"plain{app.suffix}: created", f"coordinator{app.suffix}: created, trigger")
    answer = tmp_path / "answer"
    invoked = app.aws("lambda", "invoke", "--function-name", f"plain{app.suffix}", str(answer))
    assert invoked.returncode == 0, invoked.stderr
    assert answer.read_text() == "2"
    function = found(app, "coordinator")
    assert (function["Runtime"], function["Timeout"]) == ("python3.13", 300)
    assert function["Role"] == app.environment["AWSRole"]


def test_the_trigger_has_one_stable_name_and_the_account(app: Cloud) -> None:
    app.setup_apps("--no_spotwrap")
    (entry,) = notifications(app)["LambdaFunctionConfigurations"]
    assert entry["Id"] == f"coordinator{app.suffix}-trigger"
    (rule,) = entry["Filter"]["Key"]["FilterRules"]
    assert (rule["Name"].lower(), rule["Value"]) == ("prefix", "job1000/task")
    policy = app.make_client("lambda").get_policy(FunctionName=f"coordinator{app.suffix}")
    (statement,) = json.loads(policy["Policy"])["Statement"]
    assert statement["Sid"] == f"coordinator{app.suffix}-trigger"
    assert f"arn:aws:s3:::{app.bucket}" in json.dumps(statement["Condition"])
    assert "000000000000" in json.dumps(statement["Condition"])


def test_the_second_deployment_changes_nothing(app: Cloud) -> None:
    app.setup_apps("--no_spotwrap")
    before = [found(app, name) for name in ("plain", "coordinator")]
    wiring = notifications(app)
    done = app.setup_apps("--no_spotwrap")
    check(
        done,
        0,
        f"plain{app.suffix}: unchanged",
        f"coordinator{app.suffix}: unchanged, trigger on s3://{app.bucket}/job1000 unchanged",
        "2 functions in us-west-2: 0 changed",
    )
    assert [found(app, name) for name in ("plain", "coordinator")] == before
    assert notifications(app) == wiring


def test_only_what_differs_is_updated(app: Cloud) -> None:
    app.setup_apps("--no_spotwrap")
    (app.config.parent / "coordinator.py").write_text(HANDLER.format(number=3))
    write_config(app, lambdaMemory=256, environment={"AB": "1"})
    done = app.setup_apps("--no_spotwrap", "--turn_on_tracing")
    check(
        done,
        0,
        f"plain{app.suffix}: updated (",
        "MemorySize",
        "Environment",
        "TracingConfig",
        f"coordinator{app.suffix}: updated (code, TracingConfig)",
    )
    plain = found(app, "plain")
    assert plain["MemorySize"] == 256
    assert plain["Environment"]["Variables"] == {"AB": "1"}
    assert plain["TracingConfig"]["Mode"] == "Active"


def test_a_changed_job_id_moves_the_trigger(app: Cloud) -> None:
    app.setup_apps("--no_spotwrap")
    write_config(app, job_id=None)
    check(app.setup_apps("--no_spotwrap"), 0, "wired")
    (entry,) = notifications(app)["LambdaFunctionConfigurations"]
    assert "Filter" not in entry


def test_update_changes_functions_and_wires_nothing(app: Cloud) -> None:
    app.setup_apps("--no_spotwrap")
    app.s3.put_bucket_notification_configuration(Bucket=app.bucket, NotificationConfiguration={})
    (app.config.parent / "plain.py").write_text(HANDLER.format(number=4))
    done = app.setup_apps("--no_spotwrap", "--update")
    check(done, 0, f"plain{app.suffix}: updated (code)", f"coordinator{app.suffix}: unchanged\n")
    assert notifications(app) == {}


def test_update_of_a_function_that_is_not_there_is_an_error(app: Cloud) -> None:
    done = app.setup_apps("--no_spotwrap", "--update")
    check(done, 1, f"plain{app.suffix} does not exist: deploy it without --update first")


def others(app: Cloud) -> dict[str, Any]:
    """A queue and a function that listen to the same bucket already."""
    sqs = app.make_client("sqs")
    url = sqs.create_queue(QueueName=f"queue{app.suffix}")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    arn = f"arn:aws:lambda:us-west-2:000000000000:function:other{app.suffix}"
    prefix = {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "photos/"}]}}
    created = ["s3:ObjectCreated:*"]
    return {
        "QueueConfigurations": [
            {
                "Id": "queue",
                "QueueArn": attributes["Attributes"]["QueueArn"],
                "Events": created,
                "Filter": prefix,
            }
        ],
        "LambdaFunctionConfigurations": [
            {"Id": "photos", "LambdaFunctionArn": arn, "Events": created, "Filter": prefix}
        ],
    }


def test_other_notifications_survive_deploy_and_delete(app: Cloud) -> None:
    theirs = others(app)
    app.s3.put_bucket_notification_configuration(
        Bucket=app.bucket, NotificationConfiguration=theirs
    )
    before = notifications(app)
    check(app.setup_apps("--no_spotwrap"), 0)
    ids = [entry["Id"] for entry in notifications(app)["LambdaFunctionConfigurations"]]
    assert ids == ["photos", f"coordinator{app.suffix}-trigger"]
    assert notifications(app)["QueueConfigurations"] == before["QueueConfigurations"]
    check(app.setup_apps("--deleteAll"), 0)
    assert notifications(app) == before


def fill_bucket(app: Cloud) -> None:
    app.s3.put_bucket_versioning(Bucket=app.bucket, VersioningConfiguration={"Status": "Enabled"})
    for number in range(3):
        app.s3.put_object(Bucket=app.bucket, Key="job1000/result", Body=str(number).encode())
    app.s3.put_object(Bucket=app.bucket, Key="kept?", Body=b"")
    app.s3.delete_object(Bucket=app.bucket, Key="kept?")


def versions(app: Cloud) -> int:
    listed = app.s3.list_object_versions(Bucket=app.bucket)
    return len(listed.get("Versions", [])) + len(listed.get("DeleteMarkers", []))


def test_delete_all_deletes_everything_and_may_be_run_again(app: Cloud) -> None:
    app.setup_apps("--no_spotwrap")
    app.aws("lambda", "invoke", "--function-name", f"plain{app.suffix}", "/dev/null")
    fill_bucket(app)
    assert versions(app) == 5
    done = app.setup_apps("--deleteAll")
    check(
        done,
        0,
        f"plain{app.suffix}: function: deleted",
        f"plain{app.suffix}: log group: deleted",
        f"coordinator{app.suffix}: log group: not there",
        f"coordinator{app.suffix}: notification of s3://{app.bucket}: deleted",
        f"coordinator{app.suffix}: permission of s3://{app.bucket}: deleted",
        f"s3://{app.bucket}: contents: 5 objects deleted",
        "Everything is deleted.",
    )
    assert names(app) == set()
    assert versions(app) == 0
    again = app.setup_apps("--deleteAll")
    check(again, 0, f"plain{app.suffix}: function: not there", "0 objects deleted")


def test_delete_all_keeps_the_bucket_when_told_to(app: Cloud) -> None:
    app.setup_apps("--no_spotwrap")
    fill_bucket(app)
    for _ in range(2):
        done = app.setup_apps("--deleteAll", "--saveTriggerBucket")
        check(done, 0, f"s3://{app.bucket}: contents kept")
    assert names(app) == set()
    assert versions(app) == 5


def test_delete_all_needs_no_role(app: Cloud) -> None:
    app.environment = {k: v for k, v in app.environment.items() if k != "AWSRole"}
    check(app.setup_apps("--deleteAll"), 0, "not there")


# --------------------------------------------------------------------------- what is wrong


def test_a_deployment_without_a_role_says_which_variable(app: Cloud) -> None:
    app.environment = {k: v for k, v in app.environment.items() if k != "AWSRole"}
    check(app.setup_apps("--no_spotwrap"), 2, "export AWSRole=ARN", "create-role.py")
    assert names(app) == set()


def test_the_other_variable_of_the_original_names_the_role_too(app: Cloud) -> None:
    role = app.environment["AWSRole"]
    app.environment = {**app.environment, "AWSRole": "", "serverless_mapreduce_role": role}
    check(app.setup_apps("--no_spotwrap"), 0, "created")


def test_a_role_that_is_no_arn_is_refused(app: Cloud) -> None:
    app.environment = {**app.environment, "AWSRole": "my-role"}
    check(app.setup_apps("--no_spotwrap"), 2, "AWSRole is 'my-role', not the ARN of a role")


def test_a_missing_trigger_bucket_is_found_before_anything_is_made(app: Cloud) -> None:
    app.s3.delete_bucket(Bucket=app.bucket)
    done = app.setup_apps("--no_spotwrap")
    check(done, 1, f"there is no bucket {app.bucket}", f"aws s3 mb s3://{app.bucket}")
    assert names(app) == set()


def test_a_wrong_configuration_is_told_whole_and_makes_nothing(app: Cloud) -> None:
    write_config(app, lambdaMemory=1, timeout=0, nonsense=1)
    done = app.setup_apps("--no_spotwrap")
    check(done, 2, "lambdaMemory: 1 is not", "timeout: 0 is not", "nonsense: unknown field")
    assert names(app) == set()


def test_a_missing_file_and_wrong_usage(app: Cloud) -> None:
    app.config.unlink()
    check(app.setup_apps("--no_spotwrap"), 2, "no such file")
    check(app.setup_apps("--deleteAll", "--update"), 2, "exclude each other")
    check(app.setup_apps("--saveTriggerBucket"), 2, "--saveTriggerBucket goes with --deleteAll")


def test_a_zip_over_50_mb_goes_through_the_code_bucket(app: Cloud) -> None:
    (app.config.parent / "big.bin").write_bytes(random.Random(1).randbytes(53_000_000))
    files = ["plain.py", "big.bin"]
    write_config(app, files_and_dirs=files)
    check(app.setup_apps("--no_spotwrap"), 1, "name a bucket for it in s3bucket")
    write_config(app, files_and_dirs=files, s3bucket=app.databkt)
    check(app.setup_apps("--no_spotwrap"), 0, f"plain{app.suffix}: created")
    assert app.s3.list_objects_v2(Bucket=app.databkt)["KeyCount"] == 1


def test_no_credentials_and_an_unknown_profile(app: Cloud, tmp_path: Path) -> None:
    check(app.setup_apps("--profile", "nobody"), 1, "aws configure list-profiles")
    app.environment = {
        name: value for name, value in app.environment.items() if "AWS_ACCESS_KEY" not in name
    }
    app.environment |= {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
    }
    app.environment.pop("AWS_SECRET_ACCESS_KEY")
    check(app.setup_apps("--no_spotwrap"), 1, "run `aws configure`")


def test_the_shipped_configuration_deploys_from_the_folder_of_the_original(
    tmp_path: Path, aws_environment, aws_client
) -> None:
    """`-f scns.json` inside lambda-python/ finds the file of the repository's root."""
    done = run(
        [sys.executable, "setupApps.py", "-f", "scns.json", "--no_spotwrap"],
        aws_environment,
        cwd=Path(__file__).resolve().parents[2] / "lambda-python",
    )
    assert done.returncode == 2
    assert "MY-BUCKET-NAME is the placeholder: fill in the name of your bucket" in done.stderr
    filled = filled_in_config(tmp_path, "shipped-config-jobs", suffix="-shipped")
    made = Cloud(aws_environment, aws_client, filled, "shipped-config-jobs", "shipped-config-data")
    made.make_buckets()
    made.deploy()
    assert made.setup_apps("--deleteAll").returncode == 0
