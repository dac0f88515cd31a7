"""A policy that is seconds old: what is denied inside a function is tried again, and no more."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from aws.client import Clients
from aws.youngpolicy import PAUSES, try_again

DENIED = (403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
ARCHIVED = (403, b"<Error><Code>InvalidObjectState</Code><Message>no</Message></Error>")
WELL = (200, b"")
FOR_NOTHING = (0.0, 0.0, 0.0)


class Raw(io.BytesIO):
    """A body as botocore takes it from a connection."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def answered(client: Any, *answers: tuple[int, bytes]) -> list[str]:
    """Have a client meet these answers instead of the network; returns what it asks, as it does."""
    asked: list[str] = []

    def answer(request: Any, **_: Any) -> AWSResponse:
        asked.append(request.method)
        status, body = answers[min(len(asked), len(answers)) - 1]
        return AWSResponse(request.url, status, {}, Raw(body))

    client.meta.events.register("before-send", answer)
    return asked


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Clients:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    for name in ("AWS_LAMBDA_FUNCTION_NAME", "AWS_MAX_ATTEMPTS"):
        monkeypatch.delenv(name, raising=False)
    return Clients("us-west-2")


def put(s3: Any) -> Any:
    return s3.put_object(Bucket="jobs", Key="job1/result", Body=b"{}")


def invoke(functions: Any) -> Any:
    return functions.invoke(FunctionName="mapperNS", Payload=b"{}")


@pytest.mark.parametrize(
    ("answers", "tries"),
    [
        ([WELL], 1),
        ([DENIED, WELL], 2),
        ([DENIED, DENIED, DENIED, WELL], 4),
    ],
)
def test_what_is_denied_at_first_is_done_at_last(clients, answers, tries: int) -> None:
    try_again(clients.s3, FOR_NOTHING)
    asked = answered(clients.s3, *answers)
    put(clients.s3)
    assert asked == ["PUT"] * tries


def test_what_stays_denied_is_an_error_after_the_last_try(clients) -> None:
    try_again(clients.s3, FOR_NOTHING)
    asked = answered(clients.s3, DENIED)
    with pytest.raises(ClientError, match="AccessDenied"):
        put(clients.s3)
    assert len(asked) == 1 + len(FOR_NOTHING)


def test_a_head_request_has_nothing_but_its_status(clients) -> None:
    try_again(clients.s3, FOR_NOTHING)
    asked = answered(clients.s3, (403, b""), (200, b""))
    clients.s3.head_object(Bucket="jobs", Key="job1/result")
    assert asked == ["HEAD", "HEAD"]


def test_lambda_says_it_in_its_own_words(clients) -> None:
    denied = AWSResponse("", 403, {"x-amzn-ErrorType": "AccessDeniedException"}, Raw(b"{}"))
    answers = [denied, AWSResponse("", 200, {}, Raw(b"1"))]
    try_again(clients.functions, FOR_NOTHING)
    clients.functions.meta.events.register("before-send", lambda **_: answers.pop(0))
    assert invoke(clients.functions)["StatusCode"] == 200
    assert answers == []


def test_another_error_with_the_same_status_is_told_at_once(clients) -> None:
    try_again(clients.s3, FOR_NOTHING)
    asked = answered(clients.s3, ARCHIVED)
    with pytest.raises(ClientError, match="InvalidObjectState"):
        put(clients.s3)
    assert len(asked) == 1


def test_inside_a_function_a_try_comes_seconds_later(clients, monkeypatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "mapperNS")
    asked = answered(clients.s3, DENIED, WELL)
    begin = time.monotonic()
    put(clients.s3)
    assert time.monotonic() - begin >= PAUSES[0]
    assert asked == ["PUT"] * 2
    assert sum(PAUSES) > 5


def test_who_wants_one_attempt_gets_one(clients, monkeypatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "mapperNS")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    asked = answered(clients.s3, DENIED, WELL)
    with pytest.raises(ClientError, match="AccessDenied"):
        put(clients.s3)
    assert len(asked) == 1


def test_in_a_terminal_what_is_denied_is_told_at_once(clients) -> None:
    asked = answered(clients.s3, DENIED, WELL)
    with pytest.raises(ClientError, match="AccessDenied"):
        put(clients.s3)
    assert len(asked) == 1
