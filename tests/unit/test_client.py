"""The clients of AWS, and settings of AWS that are none."""

from __future__ import annotations

import pytest
from botocore.exceptions import InvalidRegionError

from aws.client import ATTEMPTS, Clients
from errors import UsageError


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_MAX_ATTEMPTS", raising=False)


@pytest.mark.parametrize(("said", "attempts"), [(None, ATTEMPTS), ("1", 1), ("20", 20)])
def test_how_often_a_request_is_sent_is_for_the_environment_to_say(
    monkeypatch, said: str | None, attempts: int
) -> None:
    if said:
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", said)
    retries = Clients("us-west-2").s3.meta.config.retries
    assert (retries["total_max_attempts"], retries["mode"]) == (attempts, "standard")


@pytest.mark.parametrize("said", ["abc", "0", "-1", "", "1.5", "10000000"])
def test_a_number_of_attempts_that_is_none_is_wrong_usage(monkeypatch, said: str) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", said)
    with pytest.raises(UsageError, match=f"AWS_MAX_ATTEMPTS is '{said}', not a whole number"):
        _ = Clients("us-west-2").s3


@pytest.mark.parametrize("said", ["localhost:4566", "http://", "foo"])
def test_an_address_that_is_none_is_wrong_usage(monkeypatch, said: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", said)
    message = f"Invalid endpoint: {said}: correct AWS_ENDPOINT_URL, or unset it"
    with pytest.raises(UsageError, match=f"^{message}$"):
        _ = Clients("us-west-2").s3


def test_another_setting_that_is_none_does_not_blame_the_address(monkeypatch) -> None:
    monkeypatch.setenv("AWS_METADATA_SERVICE_TIMEOUT", "abc")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(UsageError, match="'abc': correct what the environment or"):
        _ = Clients("us-west-2").s3


def test_a_region_that_is_none_is_an_error_of_aws() -> None:
    with pytest.raises(InvalidRegionError, match="x y"):
        _ = Clients("x y").s3


def test_each_client_is_made_once() -> None:
    clients = Clients("us-west-2")
    assert clients.s3 is clients.s3
    assert clients.s3.meta.region_name == clients.functions.meta.region_name == "us-west-2"
