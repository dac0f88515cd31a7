"""Entry and exit records: who called, read from real events; and a record for any event."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spotwrap import records as spotrecords
from tests.cloud import ROOT

ARN = "arn:aws:lambda:us-west-2:123456789012:function:reducerCoordinatorNS"
CALLER = "arn:aws:lambda:us-west-2:123456789012:function:driverNS"
CONTEXT = SimpleNamespace(invoked_function_arn=ARN)
ATTRIBUTES = {
    "ts",
    "requestID",
    "thisFnARN",
    "caller",
    "eventSource",
    "eventOp",
    "region",
    "accountID",
    "sourceIP",
    "message",
    "duration",
    "error",
}
STREAM = "arn:aws:dynamodb:us-east-1:123456789012:table/ExampleTable/stream/2026-11-20T10:00:00.000"


def stored(name: str) -> Any:
    return json.loads((ROOT / "tests/events" / name).read_text())


def entry(event: Any) -> dict[str, Any]:
    return spotrecords.entry(spotrecords.common(CONTEXT), "request-1", event, 1795448402605)


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (
            "s3_put.json",
            {
                "caller": "C3D13FE58DE4C810:0055AED6DCD90281E5",
                "eventSource": "arn:aws:s3:::my-jobs:ObjectCreated:Put",
                "eventOp": "ObjectCreated:Put",
                "sourceIP": "203.0.113.5",
                "message": "my-jobs:job1000/task/mapper/7:1024:2026-11-20T10:00:00.000Z",
            },
        ),
        (
            "dynamodb_stream.json",
            {
                "caller": "c81e728d9d4c2f636f067f89cc14862c:4421584500000000017450439092",
                "eventSource": STREAM,
                "eventOp": "MODIFY",
                "region": "us-west-2:us-east-1",
                "message": "New:{'Message': {'S': 'This item has changed'}, 'Id': {'N': '101'}}"
                ":Old:{'Message': {'S': 'New item!'}, 'Id': {'N': '101'}} and 1 more",
            },
        ),
        (
            "sns.json",
            {
                "caller": "95df01b4-ee98-5cb9-9903-4c221d41eb5e",
                "eventSource": "arn:aws:sns:us-west-2:123456789012:visits:"
                "21be56ed-a058-49f5-8c98-aedd2564c486",
                "eventOp": "Notification",
                "message": "TestInvoke:Hello from SNS!",
            },
        ),
        (
            "sqs.json",
            {
                "caller": "059f36b4-87a3-44ab-83d2-661975830a7d",
                "eventSource": "arn:aws:sqs:us-west-2:123456789012:my-queue",
                "message": "Test message.",
            },
        ),
        (
            "api_gateway_rest.json",
            {
                "caller": "66da07c0-3b8c-4a2c-9b5e-2f1f0c7f0b11",
                "eventSource": "aws:APIGateway:70ixmpl4fl",
                "eventOp": "/Prod/jobs",
                "sourceIP": "203.0.113.5",
                "message": "2gxmpl:hello",
            },
        ),
        (
            "api_gateway_http.json",
            {
                "caller": "JKJaXmPLvHcESHA=",
                "eventSource": "aws:APIGateway:r3pmxmplak",
                "eventOp": "/jobs",
                "sourceIP": "203.0.113.6",
                "message": 'POST /jobs:{"a":1}',
            },
        ),
        (
            "driver_async.json",
            {"eventSource": "aws:CLIInvoke:ext:invokeCLI", "eventOp": "ext:invokeCLI"},
        ),
        (
            {"eventSource": "ext:invokeCLI", "requestId": "r", "functionName": "f", "msg": "hi"},
            {
                "caller": "r",
                "eventSource": "aws:CLIInvoke:ext:invokeCLI",
                "eventOp": "f",
                "message": "hi",
            },
        ),
        (
            {"eventSource": f"int:invokeCLI:{CALLER}:request-0:Event", "mapperId": 1},
            {
                "caller": "request-0",
                "eventSource": f"aws:CLIInvoke:int:invokeCLI:{CALLER}",
                "eventOp": "Event",
            },
        ),
        ({"mapperId": 1}, {"eventSource": "unknown_source:reducerCoordinatorNS"}),
        (None, {"eventSource": "unknown_source:reducerCoordinatorNS"}),
        ({"Records": []}, {"eventSource": "unknown_source:reducerCoordinatorNS"}),
    ],
)
def test_an_entry_says_who_called(event: Any, told: dict[str, str]) -> None:
    value = stored(event) if isinstance(event, str) else event
    assert entry(value) == {
        "ts": 1795448402605,
        "requestID": "request-1:entry",
        "thisFnARN": ARN,
        "caller": "unknown",
        "eventSource": "unknown",
        "eventOp": "unknown",
        "region": "us-west-2",
        "accountID": "123456789012",
        "sourceIP": "unknown",
        "message": "unset",
        "duration": 0,
        "error": "SpotWrapPython",
        **told,
    }


def test_a_key_of_s3_is_told_as_it_is_named() -> None:
    message = entry(stored("s3_put_encoded_key.json"))["message"]
    assert message.startswith("my-jobs:prüfung 1+1/task/mapper/7:")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda value: st.lists(value) | st.dictionaries(st.text(), value),
)
NAMES = ("Records", "requestContext", "eventSource", "s3", "Sns", "dynamodb", "object", "http")
SHAPED = st.recursive(
    JSON | st.sampled_from(["aws:s3", "aws:sns", "aws:dynamodb", "int:invokeCLI:arn::Event"]),
    lambda value: st.lists(value) | st.dictionaries(st.sampled_from(NAMES), value),
)


@given(JSON | SHAPED)
def test_any_event_gives_a_record_that_the_table_takes(event: Any) -> None:
    record = entry(event)
    assert set(record) == ATTRIBUTES
    for name, value in record.items():
        if name not in ("ts", "duration"):
            assert isinstance(value, str)
            assert len(value) <= 1000
            value.encode()
    assert spotrecords.is_synchronous(event) in (True, False)


def test_an_exit_has_the_duration_and_the_error() -> None:
    shared = spotrecords.common(CONTEXT)
    good = spotrecords.exit_(shared, "request-1", 5, 17, "")
    assert set(good) == ATTRIBUTES
    assert (good["requestID"], good["ts"], good["duration"]) == ("request-1:exit", 5, 17)
    assert good["error"] == "SpotWrapPython"
    problem = spotrecords.failure(ValueError("no such thing"))
    bad = spotrecords.exit_(shared, "request-1", 5, 17, problem)
    told = "SpotWrapPython:SpotWrap_exception:ValueError: no such thing:status:400"
    assert bad["error"] == told


@pytest.mark.parametrize(
    ("event", "waits"),
    [
        ("api_gateway_rest.json", True),
        ("api_gateway_http.json", True),
        ("s3_put.json", False),
        ("sns.json", False),
        ("dynamodb_stream.json", False),
        ("driver_sync.json", False),
        ({"eventSource": f"int:invokeCLI:{CALLER}:r:RequestResponse"}, True),
        ({"eventSource": f"int:invokeCLI:{CALLER}:r:Event"}, False),
        ({"eventSource": "ext:invokeCLI:RequestResponse"}, True),
        ({"eventSource": 7}, False),
        ({}, False),
        ([], False),
    ],
)
def test_who_is_known_to_wait_for_the_answer(event: Any, waits: bool) -> None:
    value = stored(event) if isinstance(event, str) else event
    assert spotrecords.is_synchronous(value) == waits
