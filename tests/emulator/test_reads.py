"""Reads that survive: a download that breaks off goes on from its last byte, over one version."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ResponseStreamingError

from aws import s3json, s3stream
from errors import JobError
from local import uservisits
from tests.faults import FaultProxy, broken_downloads, throttling

BUCKET = "reads-bucket"
BODY = b"".join(uservisits.generate(1, 0, 5_000_000))


@pytest.fixture(scope="module")
def proxy(emulator, aws_client, tmp_path_factory) -> Iterator[FaultProxy]:
    region = {"LocationConstraint": "us-west-2"}
    aws_client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=region)
    with FaultProxy(emulator.endpoint, tmp_path_factory.mktemp("reads") / "proxy.log") as running:
        yield running


@pytest.fixture
def s3(proxy: FaultProxy):
    """A client through the proxy, whose rules go after the test; the object is as it was before."""
    client = boto3.client(
        "s3",
        endpoint_url=proxy.endpoint,
        region_name="us-west-2",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"mode": "standard", "total_max_attempts": 8}),
    )
    client.put_object(Bucket=BUCKET, Key="a b+c", Body=BODY)
    yield client
    proxy.rules()
    proxy.control("DELETE", "fired")


def aborts(proxy: FaultProxy) -> int:
    return sum(event["action"] == "response:abort" for event in proxy.fired())


def test_a_download_that_breaks_off_goes_on_from_its_last_byte(s3, proxy: FaultProxy) -> None:
    (rule,) = broken_downloads(1.0)
    proxy.rules({**rule, "times": 3})
    assert b"".join(s3stream.read_chunks(s3, BUCKET, "a b+c")) == BODY
    assert aborts(proxy) == 3


def test_a_download_that_breaks_off_while_calls_fail(s3, proxy: FaultProxy) -> None:
    (rule,) = broken_downloads(1.0)
    proxy.rules(*throttling(0.3), {**rule, "times": 3})
    for _ in range(3):
        assert b"".join(s3stream.read_chunks(s3, BUCKET, "a b+c")) == BODY
    assert aborts(proxy) == 3


def test_a_download_that_never_gets_on_is_an_error(s3, proxy: FaultProxy) -> None:
    rule = {"service": "s3", "operation": "GetObject", "response": {"abort_bytes": 1}}
    proxy.rules(rule)
    with pytest.raises(ResponseStreamingError):
        list(s3stream.read_chunks(s3, BUCKET, "a b+c"))
    assert aborts(proxy) == s3stream.BREAKS_IN_A_ROW + 1


def test_an_object_that_is_replaced_meanwhile_is_an_error_and_no_mixture(
    s3, proxy: FaultProxy, aws_client
) -> None:
    (rule,) = broken_downloads(1.0)
    proxy.rules({**rule, "times": 1})
    chunks = s3stream.read_chunks(s3, BUCKET, "a b+c")
    next(chunks)
    aws_client("s3").put_object(Bucket=BUCKET, Key="a b+c", Body=BODY[::-1])
    with pytest.raises(JobError, match="was replaced"):
        list(chunks)


def test_a_record_is_read_whole_though_its_download_breaks_off(s3, proxy: FaultProxy) -> None:
    s3.put_object(Bucket=BUCKET, Key="record", Body=b'{"a": [1, 2, 3], "b": "' + b"x" * 900 + b'"}')
    (rule,) = broken_downloads(1.0)
    proxy.rules({**rule, "times": 2})
    assert s3json.read_json(s3, BUCKET, "record")["a"] == [1, 2, 3]
    assert aborts(proxy) == 2


def test_an_empty_object_has_no_chunks(s3) -> None:
    s3.put_object(Bucket=BUCKET, Key="empty", Body=b"")
    assert list(s3stream.read_chunks(s3, BUCKET, "empty")) == []
