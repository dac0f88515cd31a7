"""setupApps.py against moto: made, made again, updated, deleted, beside what others have."""

from __future__ import annotations

import json
import threading
import time
import urllib.parse
from pathlib import Path
from typing import Any

import pytest

from tests.cloud import Cloud, client_factory, command_environment
from tests.moto_aws.conftest import make_role, setup
from tests.moto_aws.stand_in import StandIn
from tests.smallapp import (
    HANDLER,
    check,
    found,
    make_app,
    names,
    notifications,
    unique_name,
    write_config,
)
from tests.spotcloud import patched, traced  # noqa: F401 - a fixture


@pytest.fixture(scope="module")
def deployer(stand_in: StandIn) -> StandIn:
    """The second AWS with a role for functions."""
    stand_in.role = make_role(stand_in, "some-jobs", "some-data", "mapreduce", "policy")
    return stand_in


@pytest.fixture
def app(tmp_path: Path, deployer: StandIn, request) -> Cloud:
    """Two small functions, the second with a trigger; nothing is deployed yet."""
    environment = command_environment(deployer)
    return make_app(tmp_path, environment, client_factory(deployer), unique_name(request))


def trigger_of(app: Cloud) -> dict[str, Any]:
    """The entry of the app's own trigger in its bucket's configuration."""
    entries = notifications(app)["LambdaFunctionConfigurations"]
    (ours,) = [entry for entry in entries if entry["Id"] == f"coordinator{app.suffix}-trigger"]
    return ours


def test_the_second_deployment_says_unchanged_and_writes_nothing(
    app: Cloud, deployer: StandIn
) -> None:
    said = (f"plain{app.suffix}: created", f"coordinator{app.suffix}: created, trigger on s3://")
    check(app.setup_apps("--no_spotwrap"), 0, *said, "leave out events for about five minutes")
    function = found(app, "coordinator")
    assert (function["Role"], function["MemorySize"]) == (deployer.role, 128)
    policy = app.make_client("lambda").get_policy(FunctionName=function["FunctionName"])["Policy"]
    assert f"arn:aws:s3:::{app.bucket}" in policy
    assert "123456789012" in policy
    before = len(deployer.calls())
    said = (f"plain{app.suffix}: unchanged", "trigger on s3://", "0 changed")
    again = app.setup_apps("--no_spotwrap")
    check(again, 0, *said)
    assert "five minutes" not in again.stderr
    made = deployer.calls(since=before)
    assert "lambda:GetFunctionConfiguration" in {call.action for call in made}
    assert [call for call in made if call.writes] == []


def test_an_update_changes_what_differs_and_leaves_the_rest(app: Cloud, deployer: StandIn) -> None:
    app.setup_apps("--no_spotwrap")
    before = found(app, "plain"), notifications(app)
    app.config.with_name("plain.py").write_text(HANDLER.format(number=3))
    write_config(app, timeout=7)
    seen = len(deployer.calls())
    said = (f"plain{app.suffix}: updated (code, Timeout)", f"coordinator{app.suffix}: unchanged")
    check(app.setup_apps("--no_spotwrap", "--update"), 0, *said)
    after = found(app, "plain"), notifications(app)
    assert (before[0]["Timeout"], after[0]["Timeout"]) == (300, 7)
    assert before[0]["CodeSha256"] != after[0]["CodeSha256"]
    assert before[1] == after[1]
    written = {call.action for call in deployer.calls(since=seen) if call.writes}
    assert written == {"lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration"}


def test_everything_is_deleted_and_may_be_deleted_again(app: Cloud) -> None:
    app.setup_apps("--no_spotwrap")
    app.s3.put_object(Bucket=app.bucket, Key="job1000/result", Body=b"{}")
    said = ("function: deleted", "permission of", "notification of", "contents: 1 object deleted")
    check(app.setup_apps("--deleteAll"), 0, *said, "Everything is deleted.")
    assert names(app) == set()
    assert notifications(app) == {}
    assert app.keys("") == []
    again = app.setup_apps("--deleteAll")
    check(again, 0, f"plain{app.suffix}: function: not there", "contents: 0 objects deleted")


def test_two_deployments_share_a_bucket_and_one_is_deleted(
    app: Cloud, deployer: StandIn, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("other")
    other = make_app(folder, app.environment, app.make_client, f"{app.suffix[1:]}b")
    other.bucket = app.bucket
    write_config(other, job_id="job2000")
    check(app.setup_apps("--no_spotwrap"), 0)
    check(other.setup_apps("--no_spotwrap"), 0, "created, trigger on s3://")
    kept = found(app, "coordinator"), trigger_of(app)
    arns = [one["LambdaFunctionArn"] for one in map(trigger_of, (app, other))]
    assert [arn.rpartition(":")[2] for arn in arns] == [
        f"coordinator{app.suffix}",
        f"coordinator{other.suffix}",
    ]
    check(other.setup_apps("--deleteAll", "--saveTriggerBucket"), 0, "Everything is deleted.")
    assert (found(app, "coordinator"), trigger_of(app)) == kept
    assert notifications(app)["LambdaFunctionConfigurations"] == [kept[1]]
    check(app.setup_apps("--no_spotwrap"), 0, "0 changed")


def move(app: Cloud) -> str:
    """Have the configuration name another bucket; returns the earlier one."""
    earlier, app.bucket = app.bucket, f"moved{app.suffix}"
    app.databkt = app.bucket
    app.make_buckets()
    write_config(app)
    return earlier


def entries_of(app: Cloud, bucket: str) -> list[str]:
    """The ids of the function entries in a bucket's configuration."""
    found = app.s3.get_bucket_notification_configuration(Bucket=bucket)
    return [one["Id"] for one in found.get("LambdaFunctionConfigurations", [])]


def test_a_trigger_that_moves_leaves_nothing_in_the_earlier_bucket(app: Cloud) -> None:
    theirs = others(app)
    app.s3.put_bucket_notification_configuration(
        Bucket=app.bucket, NotificationConfiguration=theirs
    )
    check(app.setup_apps("--no_spotwrap"), 0)
    earlier = move(app)
    check(app.setup_apps("--no_spotwrap"), 0, f"trigger on s3://{app.bucket}/job1000 wired")
    assert entries_of(app, earlier) == ["photos"], "other people's entries stay"
    assert entries_of(app, app.bucket) == [f"coordinator{app.suffix}-trigger"]
    policy = app.make_client("lambda").get_policy(FunctionName=f"coordinator{app.suffix}")["Policy"]
    assert earlier not in policy
    check(app.setup_apps("--no_spotwrap"), 0, "0 changed")


def test_a_deletion_finds_the_trigger_in_the_bucket_where_it_was_wired(app: Cloud) -> None:
    check(app.setup_apps("--no_spotwrap"), 0)
    earlier = move(app)
    app.s3.put_object(Bucket=earlier, Key="kept", Body=b"")
    check(app.setup_apps("--deleteAll"), 0, "notification of", "Everything is deleted.")
    assert entries_of(app, earlier) == []
    kept = app.s3.list_objects_v2(Bucket=earlier)["Contents"]
    assert [one["Key"] for one in kept] == ["kept"], "a bucket that is not named is not emptied"


def test_an_earlier_bucket_that_is_gone_is_no_hindrance(app: Cloud) -> None:
    check(app.setup_apps("--no_spotwrap"), 0)
    earlier = move(app)
    app.s3.delete_bucket(Bucket=earlier)
    check(app.setup_apps("--no_spotwrap"), 0, "wired")


def others(app: Cloud) -> dict[str, Any]:
    """A queue, a topic, a function and EventBridge that listen to the same bucket already."""
    sqs, sns = app.make_client("sqs"), app.make_client("sns")
    url = sqs.create_queue(QueueName=f"queue{app.suffix}")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    topic = sns.create_topic(Name=f"topic{app.suffix}")
    function = f"arn:aws:lambda:us-west-2:123456789012:function:other{app.suffix}"

    def entry(name: str, rule: str, value: str, **target: str) -> dict[str, Any]:
        rules = {"Key": {"FilterRules": [{"Name": rule, "Value": value}]}}
        return {"Id": name, "Events": ["s3:ObjectCreated:*"], "Filter": rules, **target}

    return {
        "QueueConfigurations": [entry("queue", "prefix", "mail/", QueueArn=queue["QueueArn"])],
        "TopicConfigurations": [entry("topic", "prefix", "news/", TopicArn=topic["TopicArn"])],
        "LambdaFunctionConfigurations": [
            entry("photos", "prefix", "photos/", LambdaFunctionArn=function)
        ],
        "EventBridgeConfiguration": {},
    }


def without_ours(app: Cloud) -> dict[str, Any]:
    """The bucket's configuration as others know it; AssertionError unless our entry is there."""
    configuration = notifications(app)
    configuration["LambdaFunctionConfigurations"].remove(trigger_of(app))
    return configuration


def test_entries_of_queue_topic_eventbridge_and_function_stay_as_they_are(app: Cloud) -> None:
    app.s3.put_bucket_notification_configuration(
        Bucket=app.bucket, NotificationConfiguration=others(app)
    )
    before = notifications(app)
    assert len(before) == 4, "moto keeps all four kinds"
    check(app.setup_apps("--no_spotwrap"), 0, "wired")
    assert without_ours(app) == before
    check(app.setup_apps("--no_spotwrap"), 0, "0 changed")
    assert without_ours(app) == before
    check(app.setup_apps("--deleteAll"), 0, f"notification of s3://{app.bucket}: deleted")
    assert notifications(app) == before
    assert_queue_hears_of(app, "mail/one")


def assert_queue_hears_of(app: Cloud, key: str) -> None:
    """The queue still gets its events."""
    app.s3.put_object(Bucket=app.bucket, Key=key, Body=b"")
    sqs = app.make_client("sqs")
    url = sqs.get_queue_url(QueueName=f"queue{app.suffix}")["QueueUrl"]
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    events = [json.loads(message["Body"]) for message in messages]
    heard = [one["s3"]["object"]["key"] for event in events for one in event.get("Records", [])]
    assert [urllib.parse.unquote_plus(one) for one in heard] == [key]


def creations(deployer: StandIn, since: int) -> int:
    """How often a function was to be created, whether moto took it or not."""
    return sum(call.action == "lambda:CreateFunction" for call in deployer.calls(since))


def make_role_once_missed(deployer: StandIn, app: Cloud, name: str, since: int) -> None:
    """Make a role after the first function that asked for it was refused."""
    deadline = time.monotonic() + 60
    while not creations(deployer, since) and time.monotonic() < deadline:
        time.sleep(0.05)
    make_role(deployer, app.bucket, app.databkt, name, "policy")


def test_a_role_that_is_not_there_yet_is_waited_for(app: Cloud, deployer: StandIn) -> None:
    late, before = f"late{app.suffix}", len(deployer.calls())
    app.environment["AWSRole"] = deployer.role.replace("/mapreduce", f"/{late}")
    arguments = (deployer, app, late, before)
    maker = threading.Thread(target=make_role_once_missed, args=arguments, daemon=True)
    maker.start()
    check(app.setup_apps("--no_spotwrap"), 0, f"plain{app.suffix}: created")
    maker.join()
    assert creations(deployer, before) > 2, "two functions, and at least one that was refused"
    assert found(app, "plain")["Role"].endswith(f"/{late}")


def test_a_role_made_anew_under_its_old_name_is_written_into_the_functions(
    app: Cloud, deployer: StandIn
) -> None:
    name = f"again{app.suffix}"
    app.environment["AWSRole"] = make_role(deployer, app.bucket, app.databkt, name, "policy")
    check(app.setup_apps("--no_spotwrap"), 0)
    done = setup(deployer, "delete-role.py", name, "policy")
    assert done.returncode == 0, done.stderr
    make_role(deployer, app.bucket, app.databkt, name, "policy")
    before = len(deployer.calls())
    check(app.setup_apps("--no_spotwrap"), 0, f"plain{app.suffix}: updated (Role)")
    written = [call.action for call in deployer.calls(before) if call.writes]
    assert written == ["lambda:UpdateFunctionConfiguration"] * 2


def make_log_group_once_gone(app: Cloud, group: str) -> None:
    """Make a log group anew after it was deleted, as Lambda does for the last lines."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = app.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        if not found:
            return app.logs.create_log_group(logGroupName=group)
        time.sleep(0.05)


def test_a_log_group_that_late_lines_make_anew_is_deleted_too(app: Cloud) -> None:
    group = f"/aws/lambda/plain{app.suffix}"
    check(app.setup_apps("--no_spotwrap"), 0)
    app.logs.create_log_group(logGroupName=group)
    maker = threading.Thread(target=make_log_group_once_gone, args=(app, group), daemon=True)
    maker.start()
    done = app.setup_apps("--deleteAll")
    maker.join()
    plain, other = f"plain{app.suffix}: log group", f"coordinator{app.suffix}: log group"
    check(done, 0, f"{plain}: deleted", f"{plain}, looked for again: deleted")
    assert f"{other}, looked" not in done.stderr, "it had none"
    assert app.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []
    assert done.stderr.index(f"{other}: not there") > done.stderr.index("contents:")


def test_spotwrap_makes_its_table_and_its_library_once(
    app: Cloud, deployer: StandIn, patched: Path
) -> None:
    traced(app, patched, bucket=app.bucket)
    table = f"spotFns{app.suffix}"
    done = app.setup_apps("--spotFnsTableName", table)
    check(done, 0, f"plain{app.suffix}: created (with SpotWrap)")
    description = app.make_client("dynamodb").describe_table(TableName=table)["Table"]
    assert description["TableStatus"] == "ACTIVE"
    assert len(app.keys("spotwrap/")) == 1
    before = len(deployer.calls())
    check(app.setup_apps("--spotFnsTableName", table), 0, "0 changed")
    assert [call for call in deployer.calls(before) if call.writes] == []
