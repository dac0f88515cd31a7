"""The wrapper: what callers get, what is recorded, and that tracing hinders nothing."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from spotwrap import recorder, wrapper
from spotwrap.table import SpotTable
from spotwrap.wrapper import Wrapper

ARN = "arn:aws:lambda:us-west-2:123456789012:function:mapperNS"
SYNCHRONOUS = {"eventSource": f"int:invokeCLI:{ARN}:request-0:RequestResponse"}
KEYS = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}


def context(seconds: float = 60) -> Any:
    return SimpleNamespace(
        invoked_function_arn=ARN,
        aws_request_id="request-1",
        get_remaining_time_in_millis=lambda: seconds * 1000,
    )


class Kept:
    """A DynamoDB client that keeps what is written, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.records: list[dict[str, Any]] = []
        self.error = error

    def batch_write_item(self, RequestItems: dict[str, Any]) -> Any:  # noqa: N803
        if self.error:
            raise self.error
        for request in RequestItems["spotFns"]:
            item = request["PutRequest"]["Item"]
            self.records.append({name: next(iter(value.values())) for name, value in item.items()})
        return {}

    @property
    def ids(self) -> list[str]:
        return [record["requestID"] for record in self.records]


def wrapped(handler: Any, client: Kept) -> Wrapper:
    return Wrapper(handler, recorder, SpotTable(client, "spotFns"), 10)


def fails(event: Any, context: Any) -> Any:
    raise ValueError("no such thing")


FAILED = "SpotWrapPython:SpotWrap_exception:ValueError: no such thing:status:400"


@pytest.mark.parametrize("answer", [None, [1, 2, 0.5, 0], "text", {"a": 1}, {"statusCode": 5}])
def test_an_answer_comes_in_an_envelope_between_two_records(answer: Any) -> None:
    client = Kept()
    given = wrapped(lambda event, context: answer, client)({"a": 1}, context())
    assert given == {"statusCode": "200", "body": answer}
    assert client.ids == ["request-1:entry", "request-1:exit"]
    assert [record["error"] for record in client.records] == ["SpotWrapPython"] * 2


def test_an_answer_that_is_an_envelope_stays_and_its_refusal_is_recorded() -> None:
    client = Kept()
    own = {"statusCode": 404, "body": "no", "headers": {}}
    assert wrapped(lambda event, context: own, client)({}, context()) is own
    assert client.records[-1]["error"] == "SpotWrapPython:error_unknown:status:404"


def test_an_error_rises_again_where_the_caller_does_not_wait() -> None:
    client = Kept()
    with pytest.raises(ValueError, match="no such thing"):
        wrapped(fails, client)({"Records": []}, context())
    assert client.records[-1]["error"] == FAILED
    assert client.ids == ["request-1:entry", "request-1:exit"]


def test_an_error_is_an_answer_where_the_caller_waits() -> None:
    client = Kept()
    given = wrapped(fails, client)(SYNCHRONOUS, context())
    assert given == {"statusCode": "400", "body": {"SpotWrapError": FAILED}}
    assert client.records[-1]["error"] == FAILED


def test_a_function_that_is_stopped_has_an_exit_record() -> None:
    def stops(event: Any, context: Any) -> Any:
        sys.exit("enough")

    client = Kept()
    with pytest.raises(SystemExit):
        wrapped(stops, client)(SYNCHRONOUS, context())
    assert "the function was stopped" in client.records[-1]["error"]


def test_calls_on_any_thread_are_recorded_between_entry_and_exit() -> None:
    s3 = boto3.client("s3", region_name="us-west-2", **KEYS)

    def handler(event: Any, context: Any) -> str:
        call = (s3, "ListBuckets", {})
        threads = [threading.Thread(target=recorder.call, args=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return "done"

    client = Kept()
    with Stubber(s3) as stub:
        for _ in range(4):
            stub.add_response("list_buckets", {})
        wrapped(handler, client)({}, context())
    assert client.ids == ["request-1:entry", *["request-1"] * 4, "request-1:exit"]
    assert len({record["ts"] for record in client.records[1:-1]}) == 4


def test_the_event_is_read_before_the_handler_can_change_it() -> None:
    def changes_and_fails(event: Any, context: Any) -> Any:
        event.clear()
        raise ValueError("no such thing")

    given = wrapped(changes_and_fails, Kept())(dict(SYNCHRONOUS), context())
    assert given["statusCode"] == "400"


def test_a_table_that_breaks_in_any_way_hinders_no_answer(capfd) -> None:
    client = Kept(RuntimeError("what nobody thought of"))
    given = wrapped(lambda event, context: 7, client)({}, context())
    assert given == {"statusCode": "200", "body": 7}
    assert "SpotWrap: 2 records were not written to spotFns" in capfd.readouterr().err


def test_a_function_at_the_end_of_its_time_writes_nothing(capfd) -> None:
    client = Kept()
    given = wrapped(lambda event, context: 7, client)({}, context(seconds=0.4))
    assert given["body"] == 7
    assert client.records == []
    assert "no time was left" in capfd.readouterr().err


def test_without_its_library_a_function_is_its_own_handler(tmp_path: Path, capfd) -> None:
    settings = {
        "handler": "ownhandler.main",
        "library": "s3://no-such-bucket/spotwrap/botocore-1-2.zip",
        "owner": "123456789012",
        "patience": 1,
        "table": "spotFns",
        "tableRegion": "us-west-2",
    }
    (tmp_path / "spotwrap.json").write_text(json.dumps(settings))
    (tmp_path / "ownhandler.py").write_text("def main(event, context):\n    return event\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(tmp_path))
        patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        patch.setenv("AWS_ACCESS_KEY_ID", "none")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "none")
        patch.setenv("AWS_DEFAULT_REGION", "us-west-2")
        handler = wrapper.start(tmp_path)
    assert handler({"a": 1}, None) == {"a": 1}
    assert "SpotWrap: runs unwrapped, s3://no-such-bucket/" in capfd.readouterr().err
