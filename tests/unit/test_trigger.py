"""Merging into a bucket's notification configuration, and taking out of it again."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trigger
from trigger import Trigger

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
