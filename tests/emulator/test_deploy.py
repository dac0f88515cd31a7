"""setupApps.py through its command line: deploy, update, delete, and all of it again."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.cloud import Cloud, filled_in_config, run
from tests.faults import FaultProxy, slow
from tests.smallapp import (
    HANDLER,
    check,
    found,
    make_app,
    names,
    notifications,
    through_proxy,
    unique_name,
    write_config,
)


@pytest.fixture
def app(tmp_path: Path, aws_environment, aws_client, request) -> Cloud:
    return make_app(tmp_path, aws_environment, aws_client, unique_name(request))


@pytest.fixture
def recorded(app: Cloud) -> Iterator[FaultProxy]:
    """A proxy that records every call of the app's commands."""
    with through_proxy(app) as running:
        running.rules(*slow(1))  # a rule that fires on every call, and so records it
        yield running


def test_a_deployment_makes_functions_that_answer(app: Cloud, tmp_path: Path) -> None:
    done = app.setup_apps("--no_spotwrap")
    check(
        done,
        0,
        f"plain{app.suffix}: created",
        f"coordinator{app.suffix}: created, trigger",
    )
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


# The proxy calls Get- and PutBucketNotificationConfiguration by the names of IAM's actions.
READS = {
    "GetBucketNotification",
    "GetCallerIdentity",
    "GetFunctionConfiguration",
    "GetPolicy",
    "GetRole",
    "HeadBucket",
}


def test_the_second_deployment_makes_no_write_call(app: Cloud, recorded: FaultProxy) -> None:
    check(app.setup_apps("--no_spotwrap"), 0, "created")
    first = [one["operation"] for one in recorded.fired()]
    assert {"CreateFunction", "AddPermission", "PutBucketNotification"} <= set(first)
    check(app.setup_apps("--no_spotwrap"), 0, "0 changed")
    second = [one["operation"] for one in recorded.fired()][len(first) :]
    assert set(second) == READS


def test_two_deployments_from_copies_of_the_files_give_the_same_code(app: Cloud) -> None:
    app.setup_apps("--no_spotwrap")
    code = found(app, "plain")["CodeSha256"]
    handler = app.config.parent / "plain.py"
    os.utime(handler, (1_000_000_000, 1_000_000_000))
    handler.chmod(0o700)
    check(app.setup_apps("--no_spotwrap"), 0, f"plain{app.suffix}: unchanged")
    assert found(app, "plain")["CodeSha256"] == code


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
    done = app.setup_apps("--no_spotwrap")
    check(
        done, 0, f"unchanged, trigger on s3://{app.bucket}/ wired", "2 functions in us-west-2: 1 ch"
    )
    (entry,) = notifications(app)["LambdaFunctionConfigurations"]
    assert "Filter" not in entry


def test_update_changes_functions_and_wires_nothing(app: Cloud) -> None:
    app.setup_apps("--no_spotwrap")
    app.s3.put_bucket_notification_configuration(Bucket=app.bucket, NotificationConfiguration={})
    (app.config.parent / "plain.py").write_text(HANDLER.format(number=4))
    done = app.setup_apps("--no_spotwrap", "--update")
    check(
        done,
        0,
        f"plain{app.suffix}: updated (code)",
        f"coordinator{app.suffix}: unchanged (plain)\n",
    )
    assert notifications(app) == {}


def test_update_of_a_function_that_is_not_there_is_an_error_and_changes_nothing(app: Cloud) -> None:
    app.setup_apps("--no_spotwrap")
    gone = f"coordinator{app.suffix}"
    app.make_client("lambda").delete_function(FunctionName=gone)
    write_config(app, lambdaMemory=512)
    done = app.setup_apps("--no_spotwrap", "--update")
    check(done, 1, f"{gone} does not exist: deploy without --update first")
    assert found(app, "plain")["MemorySize"] == 128


def test_update_needs_no_trigger_bucket(app: Cloud) -> None:
    app.setup_apps("--no_spotwrap")
    app.s3.delete_bucket(Bucket=app.bucket)
    check(app.setup_apps("--no_spotwrap", "--update"), 0, "unchanged")


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


def test_a_dead_destination_of_someone_else_does_not_hinder_deleting(app: Cloud) -> None:
    app.s3.put_bucket_notification_configuration(
        Bucket=app.bucket, NotificationConfiguration=others(app)
    )
    app.setup_apps("--no_spotwrap")
    sqs = app.make_client("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=f"queue{app.suffix}")["QueueUrl"])
    before = notifications(app)["QueueConfigurations"]
    check(app.setup_apps("--deleteAll"), 0, f"notification of s3://{app.bucket}: deleted")
    assert notifications(app)["QueueConfigurations"] == before


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
        check(done, 0, f"s3://{app.bucket}: contents: kept")
    assert names(app) == set()
    assert versions(app) == 5


def test_more_than_a_thousand_objects_are_deleted(app: Cloud) -> None:
    with ThreadPoolExecutor(8) as threads:
        put = partial(app.s3.put_object, Bucket=app.bucket, Body=b"")
        list(threads.map(lambda number: put(Key=f"job1000/{number}"), range(1100)))
    check(app.setup_apps("--deleteAll"), 0, "contents: 1,100 objects deleted")
    assert versions(app) == 0


def test_delete_all_needs_none_of_the_files_that_were_deployed(app: Cloud) -> None:
    app.setup_apps("--no_spotwrap")
    (app.config.parent / "plain.py").unlink()
    check(app.setup_apps("--deleteAll"), 0, f"plain{app.suffix}: function: deleted")


def test_delete_all_needs_no_role(app: Cloud) -> None:
    app.environment = {k: v for k, v in app.environment.items() if k != "AWSRole"}
    check(app.setup_apps("--deleteAll"), 0, "not there")


def test_region_and_profile_hold_for_every_call(app: Cloud, tmp_path: Path) -> None:
    """The file's region, not the environment's; the profile's account, not the environment's."""
    (tmp_path / "config").write_text("[profile other]\nregion = us-east-1\n")
    (tmp_path / "credentials").write_text(
        "[other]\naws_access_key_id = 111111111111\naws_secret_access_key = secret\n"
    )
    environment = {
        **{name: text for name, text in app.environment.items() if "AWS_SECRET" not in name},
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
    }
    environment.pop("AWS_ACCESS_KEY_ID")
    bucket = f"abroad{app.suffix}"
    words = ["--profile", "other", "--region", "eu-west-1"]
    made = run(["aws", "s3", "mb", f"s3://{bucket}", *words], environment)
    assert made.returncode == 0, made.stderr
    written = json.loads(app.config.read_text())
    written["region"] = "eu-west-1"
    written["functions"][1]["permission"] = bucket
    app.config.write_text(json.dumps(written))
    app.environment = environment
    check(app.setup_apps("--no_spotwrap", "--profile", "other"), 0, "2 functions in eu-west-1")
    name = f"coordinator{app.suffix}"
    command = ["aws", "lambda", "get-policy", "--function-name", name, "--output", "text", *words]
    policy = run(command, environment)
    assert policy.returncode == 0, policy.stderr
    assert f"arn:aws:lambda:eu-west-1:111111111111:function:{name}" in policy.stdout
    assert '"AWS:SourceAccount": "111111111111"' in policy.stdout
    assert names(app) == set()
    done = app.setup_apps("--deleteAll", "-p", "other")
    check(done, 0, f"{name}: function: deleted", f"s3://{bucket}: contents: 0 objects deleted")


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
