"""The recorder: one record a call, another key each, and the caller carried along."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber
from hypothesis import given
from hypothesis import strategies as st

from spotwrap import recorder
from spotwrap.recorder import Invocation

ARN = "arn:aws:lambda:us-west-2:123456789012:function:mapperNS"
KEYS = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
EVENT_BYTES = recorder.PAYLOAD_LIMITS["Event"]


def client(service: str) -> Any:
    return boto3.client(service, region_name="eu-west-1", **KEYS)


@pytest.fixture
def invocation() -> Iterator[Invocation]:
    """An invocation that is under way."""
    made = Invocation("request-1", {"thisFnARN": ARN, "accountID": "123456789012"}, "spotFns")
    recorder.begin(made)
    yield made
    recorder.end()
    recorder.take()


def test_a_call_gives_its_answer_and_a_record(invocation) -> None:
    s3 = client("s3")
    with Stubber(s3) as stub:
        answer = {"ETag": '"e"', "ResponseMetadata": {"RequestId": "AWS-1"}}
        stub.add_response("put_object", answer, {"Bucket": "b", "Key": "k:1"})
        given = recorder.call(s3, "PutObject", {"Bucket": "b", "Key": "k:1"})
    assert given["ETag"] == '"e"'
    (record,) = recorder.take()
    assert (record.pop("ts") > 1.7e12, record.pop("duration") >= 0) == (True, True)
    assert record == {
        "thisFnARN": ARN,
        "accountID": "123456789012",
        "requestID": "request-1",
        "caller": "request-1",
        "eventSource": "aws:s3",
        "eventOp": "PutObject",
        "region": "eu-west-1",
        "message": "SW:b:k:1",
        "awsRequestID": "AWS-1",
        "error": "SpotWrapPython",
    }
    assert recorder.take() == []


def test_an_error_is_recorded_and_rises(invocation) -> None:
    s3 = client("s3")
    with Stubber(s3) as stub:
        stub.add_client_error("get_object", "NoSuchKey", "not there")
        with pytest.raises(ClientError, match="NoSuchKey"):
            recorder.call(s3, "GetObject", {"Bucket": "b", "Key": "k"})
    (record,) = recorder.take()
    assert record["error"].startswith("SpotWrapPython:NoSuchKey: ")
    assert "NoSuchKey" in record["error"]


def test_nothing_is_recorded_outside_of_an_invocation() -> None:
    s3 = client("s3")
    with Stubber(s3) as stub:
        stub.add_response("list_buckets", {"Buckets": []})
        assert recorder.call(s3, "ListBuckets", {})["Buckets"] == []
    assert recorder.take() == []


def test_writes_to_the_table_itself_are_not_recorded(invocation) -> None:
    dynamodb = client("dynamodb")
    items = {"spotFns": [{"PutRequest": {"Item": {}}}]}
    with Stubber(dynamodb) as stub:
        stub.add_response("batch_write_item", {}, {"RequestItems": items})
        recorder.call(dynamodb, "BatchWriteItem", {"RequestItems": items})
    assert recorder.take() == []


TABLE = "arn:aws:dynamodb:us-west-2:123456789012:table/spotFns"


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "is_own"),
    [
        ("dynamodb", "PutItem", {"TableName": "spotFns"}, True),
        ("dynamodb", "PutItem", {"TableName": TABLE}, True),
        ("dynamodb", "UpdateItem", {"TableName": "spotFns"}, True),
        ("dynamodb", "BatchWriteItem", {"RequestItems": {"spotFns": []}}, True),
        (
            "dynamodb",
            "TransactWriteItems",
            {"TransactItems": [{"Put": {"TableName": TABLE}}]},
            True,
        ),
        ("dynamodb", "BatchWriteItem", {"RequestItems": {"spotFns": [], "mine": []}}, False),
        ("dynamodb", "PutItem", {"TableName": "spotFns2"}, False),
        ("dynamodb", "Query", {"TableName": "spotFns"}, False),
        ("dynamodb", "BatchWriteItem", {"RequestItems": "spotFns"}, False),
        ("dynamodb", "TransactWriteItems", {"TransactItems": ["spotFns", {"Put": 1}]}, False),
        ("s3", "PutItem", {"TableName": "spotFns"}, False),
    ],
)
def test_which_calls_are_writes_to_the_table(service, operation, arguments, is_own) -> None:
    assert recorder.is_own_write("spotFns", service, operation, arguments) == is_own


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"Bucket": "b", "Key": "a/b:c"}, "SW:b:a/b:c"),
        ({"Bucket": "b", "Prefix": "job1/"}, "SW:b:job1/"),
        ({"Bucket": "b"}, "SW:b"),
        ({"FunctionName": "mapperNS", "Payload": b"{}"}, "SW:mapperNS"),
        ({"TableName": "t", "Key": {"id": {"S": "1"}}}, "SW:t:{'id': {'S': '1'}}"),
        ({"RequestItems": {"b": [], "a": []}}, "SW:a,b"),
        ({"TopicArn": "arn:topic"}, "SW:arn:topic"),
        ({"logGroupName": "/aws/lambda/f"}, "SW:/aws/lambda/f"),
        ({}, "SW"),
    ],
)
def test_a_message_says_what_a_call_is_about(arguments, message: str) -> None:
    assert recorder.message(arguments) == message


@given(st.lists(st.floats(min_value=1e9, max_value=2e9), min_size=1, max_size=50))
def test_no_two_calls_of_a_request_have_the_same_time(times: list[float]) -> None:
    clock = iter([*times, *times, *times])
    invocation = Invocation("r", {}, "t", clock=lambda: next(clock))
    stamps = [invocation.stamp() for _ in range(3 * len(times))]
    assert sorted(set(stamps)) == stamps
    assert stamps[0] == int(times[0] * 1000)


def test_calls_of_one_millisecond_are_a_thousandth_apart() -> None:
    invocation = Invocation("r", {}, "t", clock=lambda: 1795448402.605)
    assert [str(invocation.stamp()) for _ in range(3)] == [
        "1795448402605",
        "1795448402605.001",
        "1795448402605.002",
    ]


@pytest.mark.parametrize("payload", [b'{"a": 1}', '{"a": 1}', bytearray(b'{"a": 1}')])
def test_an_invoke_carries_who_calls(invocation, payload) -> None:
    functions = client("lambda")
    with Stubber(functions) as stub:
        sent = {"FunctionName": "reducerNS", "InvocationType": "Event", "Payload": ANY}
        stub.add_response("invoke", {"StatusCode": 202}, sent)
        arguments = {"FunctionName": "reducerNS", "InvocationType": "Event", "Payload": payload}
        recorder.call(functions, "Invoke", arguments)
    assert arguments["Payload"] is payload
    carried = recorder.with_source(arguments, invocation.source)["Payload"]
    source = f"int:invokeCLI:{ARN}:request-1:Event"
    assert json.loads(carried) == {"a": 1, "eventSource": source}


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"Payload": b"[1]"},
        {"Payload": b"1"},
        {"Payload": b"not json"},
        {"Payload": b"\xff"},
        {"Payload": b'{"a": "\\ud800"}'},
        {"Payload": b"[" * 100_000},
        {"Payload": 7},
        {"Payload": b"{}", "InvocationType": "DryRun"},
        {"Payload": b'{"a":"' + b"x" * (EVENT_BYTES - 20) + b'"}', "InvocationType": "Event"},
    ],
)
def test_any_other_payload_stays_as_it_is(invocation, arguments) -> None:
    assert recorder.with_source(arguments, invocation.source) is arguments


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text()))
def test_what_else_is_in_a_payload_arrives(value: dict[str, Any]) -> None:
    value.pop("eventSource", None)
    arguments = {"Payload": json.dumps(value).encode()}
    sent = recorder.with_source(arguments, lambda kind: f"me:{kind}")["Payload"]
    arrived = json.loads(sent)
    assert arrived.pop("eventSource") == "me:RequestResponse"
    assert arrived == value
