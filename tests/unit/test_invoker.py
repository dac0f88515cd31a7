"""Calling functions: answers in both forms, errors in words, many calls at once."""

from __future__ import annotations

import io
import json
import re
import threading
import time
from collections import Counter

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from aws import invoker
from aws.invoker import (
    FailedForGood,
    Function,
    FunctionFailed,
    Throttled,
    call_all,
    failure_message,
    pause_after,
)
from aws.threads import Threads
from errors import JobError


@pytest.fixture
def stubbed():
    client = boto3.client(
        "lambda", region_name="us-west-2", aws_access_key_id="x", aws_secret_access_key="y"
    )
    with Stubber(client) as stub:
        yield Function(client, "mapperNS"), stub
        stub.assert_no_pending_responses()


def answer(stub: Stubber, payload: bytes, **more) -> None:
    body = StreamingBody(io.BytesIO(payload), len(payload))
    stub.add_response("invoke", {"StatusCode": 200, "Payload": body, **more})


@pytest.mark.parametrize(
    "payload", [b"[1, 2, 0.5, 0]", b'{"statusCode": "200", "body": [1, 2, 0.5, 0]}']
)
def test_an_answer_is_read_with_and_without_its_envelope(stubbed, payload) -> None:
    function, stub = stubbed
    answer(stub, payload)
    assert function.call({}) == [1, 2, 0.5, 0]


@pytest.mark.parametrize(
    ("payload", "more", "message"),
    [
        (
            b'{"errorMessage": "no such key", "errorType": "KeyError", "stackTrace": []}',
            {"FunctionError": "Unhandled"},
            "mapperNS failed: KeyError: no such key; see log group /aws/lambda/mapperNS",
        ),
        (b"not json", {"FunctionError": "Unhandled"}, "mapperNS failed: not json"),
        (b"<html>", {}, "mapperNS answered '<html>', not JSON"),
        (b"[" * 100_000, {}, "not JSON"),
        (b"[" * 100_000, {"FunctionError": "Unhandled"}, "mapperNS failed: [[["),
        (b"[1, NaN, 0.5, 0]", {}, "mapperNS answered '[1, NaN, 0.5, 0]', not JSON"),
        (
            b'{"statusCode": "400", "body": {"SpotWrapError": "SpotWrapError: boom"}}',
            {},
            "mapperNS failed: SpotWrapError: boom",
        ),
    ],
)
def test_a_function_that_fails_is_an_error_that_names_it(stubbed, payload, more, message) -> None:
    function, stub = stubbed
    answer(stub, payload, **more)
    with pytest.raises(FunctionFailed, match=re.escape(message)):
        function.call({})


@pytest.mark.parametrize(
    ("code", "status", "error", "message"),
    [
        ("TooManyRequestsException", 429, Throttled, "mapperNS is throttled.*--concurrency"),
        ("ResourceNotFoundException", 404, JobError, "there is no function mapperNS"),
        ("ServiceException", 500, FunctionFailed, "mapperNS could not be invoked"),
        ("AccessDeniedException", 403, JobError, "mapperNS could not be invoked.*AccessDenied"),
    ],
)
def test_what_lambda_refuses_is_said_in_words(stubbed, code, status, error, message) -> None:
    function, stub = stubbed
    stub.add_client_error("invoke", code, http_status_code=status)
    with pytest.raises(JobError, match=message) as caught:
        function.start({})
    assert type(caught.value) is error


def test_an_asynchronous_start_is_an_event(stubbed) -> None:
    function, stub = stubbed
    expected = {
        "FunctionName": "mapperNS",
        "InvocationType": "Event",
        "Payload": json.dumps({"a": 1}).encode(),
    }
    stub.add_response("invoke", {"StatusCode": 202}, expected)
    function.start({"a": 1})


def test_a_broken_connection_is_worth_another_try() -> None:
    class Unreachable:
        def invoke(self, **arguments):
            raise ReadTimeoutError(endpoint_url="http://127.0.0.1")

    with pytest.raises(FunctionFailed, match="mapperNS could not be reached"):
        Function(Unreachable(), "mapperNS").call({})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"errorMessage": "m"}', "m"),
        ('{"errorType": "T", "errorMessage": ""}', "T"),
        ("[1]", "[1]"),
        ("x" * 900, "x" * 500),
    ],
)
def test_the_message_of_a_failed_function(text: str, message: str) -> None:
    assert failure_message(text) == message


# --------------------------------------------------------------------------- many at once


class Calls:
    """Counts how often each payload is called and how many calls run at once."""

    def __init__(self, fail=lambda payload, times: None) -> None:
        self.times: Counter[int] = Counter()
        self.running = self.most = 0
        self.lock = threading.Lock()
        self.fail = fail

    def __call__(self, payload: int) -> int:
        with self.lock:
            self.times[payload] += 1
            self.running += 1
            self.most = max(self.most, self.running)
            error = self.fail(payload, self.times[payload])
        try:
            threading.Event().wait(0.002)
            if error:
                raise error
            return payload * 10
        finally:
            with self.lock:
                self.running -= 1


def test_every_payload_is_called_once_and_never_more_at_once_than_allowed() -> None:
    calls, answers = Calls(), {}
    call_all(calls, list(range(50)), 7, 0, answers.__setitem__)
    assert answers == {number: number * 10 for number in range(50)}
    assert set(calls.times.values()) == {1}
    assert 1 < calls.most <= 7


class Prompt(Threads):
    """Threads that remember how long they should have waited, and do not."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    def start(self, call, after: float = 0.0) -> None:
        self.pauses.append(after)
        super().start(call)


def test_tries_of_a_call_are_seconds_apart() -> None:
    calls, threads = Calls(lambda payload, times: FunctionFailed("denied")), Prompt()
    with pytest.raises(FunctionFailed):
        call_all(calls, [1], 1, 3, lambda index, value: None, threads=threads)
    assert threads.pauses == [0, 0.5, 1.5, 4.5]
    assert [pause_after(tries) for tries in (0, 1, 2, 3, 1000)] == [0, 0.5, 1.5, 4.5, 30]


def test_a_thread_waits_before_its_call() -> None:
    threads, start = Threads(), time.monotonic()
    threads.start(lambda: 1, 0.2)
    assert threads.next_ended() == 1
    assert time.monotonic() - start >= 0.2


def test_a_call_that_fails_is_tried_again() -> None:
    calls = Calls(lambda payload, times: FunctionFailed("x") if times <= payload % 3 else None)
    answers: dict = {}
    call_all(calls, list(range(9)), 3, 2, answers.__setitem__, threads=Prompt())
    assert len(answers) == 9
    assert [calls.times[number] for number in range(9)] == [1, 2, 3] * 3


def test_a_call_that_fails_past_its_retries_ends_the_run() -> None:
    calls = Calls(lambda payload, times: FunctionFailed("number 3") if payload == 3 else None)
    with pytest.raises(FunctionFailed, match="number 3"):
        call_all(calls, list(range(9)), 2, 2, lambda index, value: None, threads=Prompt())
    assert calls.times[3] == 3


def test_an_error_that_no_retry_helps_ends_the_run_at_once() -> None:
    calls = Calls(lambda payload, times: JobError("no such function"))
    with pytest.raises(JobError, match="no such function"):
        call_all(calls, [1, 2, 3], 1, 5, lambda index, value: None)
    assert calls.times.total() == 1


def test_throttled_calls_wait_for_others_and_need_no_retries() -> None:
    room = 3

    def fail(payload, times):
        return Throttled("full") if calls.running > room else None

    calls, answers = Calls(), {}
    calls.fail = fail
    call_all(calls, list(range(30)), 10, 0, answers.__setitem__)
    assert len(answers) == 30
    assert calls.times.total() > 30


def test_a_call_throttled_with_nothing_else_running_counts_as_a_failure() -> None:
    calls = Calls(lambda payload, times: Throttled("full"))
    with pytest.raises(Throttled):
        call_all(calls, [1], 1, 2, lambda index, value: None, threads=Prompt())
    assert calls.times[1] == 3


def test_an_error_nobody_foresaw_is_not_lost() -> None:
    calls = Calls(lambda payload, times: ZeroDivisionError("oops"))
    with pytest.raises(ZeroDivisionError, match="oops"):
        call_all(calls, [1], 1, 2, lambda index, value: None, threads=Prompt())


def own_error(payload: int) -> FailedForGood:
    return FailedForGood("f failed: JobError: the key 3 is int")


def test_a_jobs_own_error_ends_the_run_and_is_told_once(capfd) -> None:
    calls = Calls(lambda payload, times: own_error(payload))
    with pytest.raises(FailedForGood) as caught:
        call_all(calls, list(range(200)), 20, 2, lambda *_: None, "mapper {}".format)
    said = str(caught.value)
    assert said.startswith("f failed: JobError: the key 3 is int (mapper ")
    assert said.endswith("); the same in 20 mappers")
    assert calls.times.total() == 20
    assert capfd.readouterr().err == ""


def test_errors_in_other_words_are_counted() -> None:
    errors = [JobError("a"), JobError("b"), JobError("a"), FunctionFailed("c")]
    told = invoker.told_once(errors[0], "mapper 1", errors[1:])
    assert str(told) == (
        "a (mapper 1); the same in 2 mappers; 2 more failed, with errors of their own"
    )
    assert str(invoker.told_once(errors[0], "mapper 1", [])) == "a (mapper 1)"


def test_a_call_that_takes_long_is_not_waited_for(monkeypatch) -> None:
    monkeypatch.setattr(invoker, "LAST_SECONDS", 0.05)
    ended = threading.Event()

    def call(payload: int) -> None:
        if payload:
            ended.wait(60)
        raise own_error(payload)

    with pytest.raises(FailedForGood, match=r"is int \(0\)$"):
        call_all(call, [0, 1], 2, 2, lambda *_: None, threads=Prompt())
    ended.set()


def test_another_try_names_whose_it_is(capfd) -> None:
    calls = Calls(lambda payload, times: FunctionFailed("x") if times == 1 else None)
    call_all(calls, [7], 1, 2, lambda *_: None, "mapper {}".format, Prompt())
    assert capfd.readouterr().err == "try 2 of 3 for mapper 7: x\n"
