"""Merging into a bucket's notification configuration, and taking out of it again."""

from __future__ import annotations

import copy

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from aws.notifications import covering_entry
from deploy import trigger
from deploy.clients import Clients, DeployError
from deploy.trigger import Trigger, TriggerManager

ARN = "arn:aws:lambda:us-west-2:123456789012:function:coordinator"
OURS = Trigger("coordinator", "jobs", "job1000")

OTHERS = {
    "TopicConfigurations": [{"Id": "t", "TopicArn": "arn:t", "Events": ["s3:ObjectRemoved:*"]}],
    "QueueConfigurations": [{"Id": "q", "QueueArn": "arn:q", "Events": ["s3:ObjectCreated:*"]}],
    "LambdaFunctionConfigurations": [
        {"Id": "l", "LambdaFunctionArn": "arn:l", "Events": ["s3:ObjectCreated:Put"]}
    ],
    "EventBridgeConfiguration": {},
}


def test_the_entry_watches_the_tasks_of_the_job() -> None:
    assert OURS.entry(ARN) == {
        "Id": "coordinator-trigger",
        "LambdaFunctionArn": ARN,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "job1000/task"}]}},
    }


JOB_IDS = {
    "job-1_a.b": "job-1_a.b",
    "day=1": "day%3D1",
    "a b": "a+b",
    "a+b": "a%2Bb",
    "zürich": "z%C3%BCrich",
    "50%": "50%25",
    "it's(1)!*": "it's(1)!*",
}
"""Job ids, and how S3 wants them in a filter value."""


@pytest.mark.parametrize(("job_id", "value"), JOB_IDS.items())
def test_the_filter_value_is_encoded_as_s3_wants_it(job_id: str, value: str) -> None:
    entry = Trigger("coordinator", "jobs", job_id).entry(ARN)
    assert trigger._filters(entry) == {"prefix": f"{value}/task"}
    found = {"LambdaFunctionConfigurations": [entry]}
    assert covering_entry(found, f"{job_id}/task") == entry


def test_overlaps_are_found_between_decoded_values() -> None:
    theirs = other(prefix="a%20b/")
    entry = Trigger("coordinator", "jobs", "a b").entry(ARN)
    assert trigger.overlapping({"QueueConfigurations": [theirs]}, entry) == ["theirs"]
    entry = Trigger("coordinator", "jobs", "a+b").entry(ARN)
    assert trigger.overlapping({"QueueConfigurations": [theirs]}, entry) == []


def test_an_entry_that_was_not_encoded_is_written_anew() -> None:
    entry = Trigger("coordinator", "jobs", "day=1").entry(ARN)
    rules = [{"Name": "prefix", "Value": "day=1/task"}]
    assert not trigger.same_entry({**entry, "Filter": {"Key": {"FilterRules": rules}}}, entry)


def test_without_a_job_id_the_entry_watches_the_whole_bucket() -> None:
    assert "Filter" not in Trigger("coordinator", "jobs", None).entry(ARN)


def test_other_entries_survive_merge_and_remove() -> None:
    found = {**OTHERS, "ResponseMetadata": {"HTTPStatusCode": 200}}
    before = copy.deepcopy(found)
    merged = trigger.merge(found, OURS.entry(ARN))
    assert merged["LambdaFunctionConfigurations"] == [
        *OTHERS["LambdaFunctionConfigurations"],
        OURS.entry(ARN),
    ]
    assert {**merged, "LambdaFunctionConfigurations": 0} == {
        **OTHERS,
        "LambdaFunctionConfigurations": 0,
    }
    assert trigger.remove(merged, OURS.entry_id) == OTHERS
    assert found == before


def test_an_earlier_entry_of_ours_is_replaced() -> None:
    merged = trigger.merge({}, Trigger("coordinator", "jobs", "old").entry(ARN))
    again = trigger.merge(merged, OURS.entry(ARN))
    assert again == {"LambdaFunctionConfigurations": [OURS.entry(ARN)]}


def test_the_last_entry_leaves_an_empty_configuration() -> None:
    assert trigger.remove({"LambdaFunctionConfigurations": [OURS.entry(ARN)]}, OURS.entry_id) == {}


@given(ids=st.lists(st.sampled_from(["a", "b", "coordinator-trigger"]), unique=True))
def test_merging_twice_is_merging_once(ids) -> None:
    found = {"LambdaFunctionConfigurations": [{"Id": name, "Events": []} for name in ids]}
    once = trigger.merge(found, OURS.entry(ARN))
    assert trigger.merge(once, OURS.entry(ARN)) == once
    left = trigger.remove(once, OURS.entry_id).get("LambdaFunctionConfigurations", [])
    assert [entry["Id"] for entry in left] == [name for name in ids if name != OURS.entry_id]


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"Filter": {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "job1000/task"}]}}}, True),
        ({"Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "job2/task"}]}}}, False),
        ({"Filter": {}}, False),
        ({"LambdaFunctionArn": "other"}, False),
        ({"Events": ["s3:ObjectCreated:Put"]}, False),
    ],
)
def test_entries_are_compared_by_what_they_mean(change, same) -> None:
    assert trigger.same_entry({**OURS.entry(ARN), **change}, OURS.entry(ARN)) is same


@pytest.mark.parametrize(
    ("function_arn", "source_arn"),
    [
        (ARN, "arn:aws:s3:::jobs"),
        ("arn:aws-cn:lambda:cn-north-1:123456789012:function:f", "arn:aws-cn:s3:::jobs"),
        ("arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:f", "arn:aws-us-gov:s3:::jobs"),
    ],
)
def test_the_bucket_is_in_the_partition_of_the_function(function_arn, source_arn) -> None:
    assert OURS.source_arn(function_arn) == source_arn


def other(event: str = "s3:ObjectCreated:*", **filters: str) -> dict:
    rules = [{"Name": name, "Value": value} for name, value in filters.items()]
    return {"Id": "theirs", "Events": [event], "Filter": {"Key": {"FilterRules": rules}}}


@pytest.mark.parametrize(
    ("theirs", "overlap"),
    [
        (other(), True),
        (other(prefix="job1000/"), True),
        (other(Prefix="job1000/task/mapper/"), True),
        (other(prefix="job10000/"), False),
        (other(prefix="photos/"), False),
        (other(suffix=".jpg"), True),
        (other(event="s3:ObjectCreated:Put"), True),
        (other(event="s3:ObjectRemoved:*"), False),
        (other(event="s3:ObjectRemoved:Delete", prefix="job1000/task"), False),
    ],
)
@pytest.mark.parametrize("kind", trigger.CONFIGURATIONS[:3])
def test_an_entry_overlaps_where_one_event_of_one_key_could_mean_both(
    kind: str, theirs: dict, overlap: bool
) -> None:
    entry = OURS.entry(ARN)
    found = trigger.merge({kind: [theirs]}, entry)
    assert trigger.overlapping(found, entry) == (["theirs"] if overlap else [])


@pytest.mark.parametrize(("suffix", "ids"), [(".png", []), ("a.jpg", ["theirs"]), ("", ["theirs"])])
def test_entries_overlap_where_one_suffix_ends_with_the_other(suffix: str, ids: list) -> None:
    ours = {**other(suffix=suffix), "Id": "ours"}
    found = {"QueueConfigurations": [other(suffix=".jpg")]}
    assert trigger.overlapping(found, ours) == ids


@pytest.fixture
def triggers() -> tuple[TriggerManager, Stubber, list[float]]:
    """A manager whose S3 is a stub at botocore's edge, and the naps that it takes."""
    clients, naps = Clients("us-west-2"), []
    clients.sleep, clients.clock = naps.append, lambda: sum(naps)
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    clients.session = boto3.Session(region_name="us-west-2", **keys)
    manager = TriggerManager(clients)
    return manager, Stubber(manager.s3), naps


def refuse_put(stub: Stubber, message: str) -> None:
    operation = "put_bucket_notification_configuration"
    stub.add_client_error(operation, "InvalidArgument", message, http_status_code=400)


UNREACHED = "Unable to validate the following destination configurations"


def test_a_permission_that_s3_does_not_see_yet_is_waited_for(triggers) -> None:
    manager, stub, naps = triggers
    stub.add_response("get_bucket_notification_configuration", {})
    refuse_put(stub, UNREACHED)
    refuse_put(stub, UNREACHED)
    stub.add_response("put_bucket_notification_configuration", {})
    with stub:
        assert manager._notify(OURS, ARN) == "changed"
        stub.assert_no_pending_responses()
    assert naps == [1, 2]


def test_where_someone_writes_at_the_same_time_all_is_read_again(triggers) -> None:
    manager, stub, naps = triggers
    operation = "put_bucket_notification_configuration"
    stub.add_response("get_bucket_notification_configuration", {})
    stub.add_client_error(operation, "OperationAborted", http_status_code=409)
    theirs = {"LambdaFunctionConfigurations": [{**other(prefix="photos/"), **THEIR_FUNCTION}]}
    stub.add_response("get_bucket_notification_configuration", theirs)
    merged = trigger.merge(theirs, OURS.entry(ARN))
    stub.add_response(operation, {}, {"Bucket": "jobs", "NotificationConfiguration": merged})
    with stub:
        assert manager._notify(OURS, ARN) == "changed"
        stub.assert_no_pending_responses()
    assert naps == [1]


THEIR_FUNCTION = {"LambdaFunctionArn": f"{ARN}-of-theirs"}


def test_writes_that_never_end_are_an_error(triggers) -> None:
    manager, stub, naps = triggers
    for _ in range(20):
        stub.add_response("get_bucket_notification_configuration", {})
        stub.add_client_error("put_bucket_notification_configuration", "OperationAborted")
    with stub, pytest.raises(ClientError, match="OperationAborted"):
        manager._notify(OURS, ARN)
    assert trigger.CONFLICT_SECONDS < sum(naps) < 60


def test_a_destination_that_stays_out_of_reach_is_an_error_that_says_what_may_be(triggers) -> None:
    manager, stub, naps = triggers
    stub.add_response("get_bucket_notification_configuration", {})
    for _ in range(6):
        refuse_put(stub, UNREACHED)
    with stub, pytest.raises(DeployError, match=r"bucket jobs refuses .* destination that is gone"):
        manager._notify(OURS, ARN)
    assert trigger.PERMISSION_SECONDS < sum(naps) < 30


def test_another_error_of_s3_rises_at_once(triggers) -> None:
    manager, stub, naps = triggers
    stub.add_response("get_bucket_notification_configuration", {})
    stub.add_client_error("put_bucket_notification_configuration", "AccessDenied")
    with stub, pytest.raises(ClientError, match="AccessDenied"):
        manager._notify(OURS, ARN)
    assert naps == []
