"""An object as a stream: whole lines under any cuts, and downloads that break and go on."""

from __future__ import annotations

import io
from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import IncompleteReadError
from botocore.response import StreamingBody
from botocore.stub import Stubber
from hypothesis import given, settings
from hypothesis import strategies as st

from aws import s3stream
from errors import JobError
from inputs import reading, text
from state.tasks import Input

DATA = bytes(range(256)) * 2000


@settings(deadline=None)
@given(chunks=st.lists(st.sampled_from([b"", b"a", b"\n", b"bc\nd", b"\r\n", b"\n\n", b"x\r"])))
def test_blocks_are_whole_lines_whatever_the_chunks(chunks: list[bytes]) -> None:
    blocks = list(s3stream.whole_lines(chunks))
    assert b"".join(blocks) == b"".join(chunks)
    assert all(blocks)
    assert all(block.endswith(b"\n") for block in blocks[:-1])
    if blocks and not blocks[-1].endswith(b"\n"):
        assert b"\n" not in blocks[-1]


@pytest.fixture
def s3() -> Iterator[tuple[object, Stubber]]:
    client = boto3.client(
        "s3", region_name="us-west-2", aws_access_key_id="a", aws_secret_access_key="b"
    )
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()


def answer(start: int, end: int | None = None, sent: int | None = None) -> dict:
    """GetObject's answer with bytes start..end-1, of which only `sent` arrive."""
    part = DATA[start:end]
    body = StreamingBody(io.BytesIO(part[:sent]), len(part))
    return {"Body": body, "ETag": '"one"'}


def asked(**more: str) -> dict[str, str]:
    return {"Bucket": "b", "Key": "k", **more}


def test_an_object_is_read_with_one_plain_request(s3) -> None:
    client, stubber = s3
    stubber.add_response("get_object", answer(0), asked())
    opened = []
    assert b"".join(s3stream.read_chunks(client, "b", "k", opened.append)) == DATA
    assert [response["ETag"] for response in opened] == ['"one"']


def test_a_broken_download_goes_on_from_its_last_byte_over_the_same_version(s3) -> None:
    client, stubber = s3
    first, second = 300_000, 400_001
    stubber.add_response("get_object", answer(0, sent=first), asked())
    stubber.add_response(
        "get_object",
        answer(first, sent=second - first),
        asked(Range=f"bytes={first}-", IfMatch='"one"'),
    )
    stubber.add_response(
        "get_object", answer(second), asked(Range=f"bytes={second}-", IfMatch='"one"')
    )
    assert b"".join(s3stream.read_chunks(client, "b", "k")) == DATA


def test_a_part_of_one_version_is_asked_for_and_resumed_as_such(s3) -> None:
    client, stubber = s3
    stubber.add_response(
        "get_object",
        answer(100, 5000, sent=1000),
        asked(Range="bytes=100-4999", IfMatch='"one"'),
    )
    stubber.add_response(
        "get_object", answer(1100, 5000), asked(Range="bytes=1100-4999", IfMatch='"one"')
    )
    chunks = s3stream.read_chunks(client, "b", "k", start=100, end=5000, etag='"one"')
    assert b"".join(chunks) == DATA[100:5000]


def test_a_reader_who_agrees_to_pay_says_so_in_every_request(s3) -> None:
    client, stubber = s3
    pays = {"RequestPayer": "requester"}
    stubber.add_response("get_object", answer(0, sent=10), asked(**pays))
    again = asked(Range="bytes=10-", IfMatch='"one"', **pays)
    stubber.add_response("get_object", answer(10), again)
    blocks = reading.read_lines(client, Input("b", "k", requester_pays=True))
    assert b"".join(blocks) == b"".join(text.newlines([DATA]))


def test_a_download_that_never_gets_on_is_given_up(s3) -> None:
    client, stubber = s3
    stubber.add_response("get_object", answer(0, sent=0), asked())
    for _ in range(s3stream.BREAKS_IN_A_ROW):
        stubber.add_response("get_object", answer(0, sent=0), asked(IfMatch='"one"'))
    with pytest.raises(IncompleteReadError):
        list(s3stream.read_chunks(client, "b", "k"))


def test_an_object_that_was_replaced_meanwhile_is_an_error(s3) -> None:
    client, stubber = s3
    stubber.add_response("get_object", answer(0, sent=10), asked())
    stubber.add_client_error(
        "get_object",
        "PreconditionFailed",
        http_status_code=412,
        expected_params=asked(Range="bytes=10-", IfMatch='"one"'),
    )
    with pytest.raises(JobError, match="s3://b/k was replaced"):
        list(s3stream.read_chunks(client, "b", "k"))


def test_the_size_of_an_object_is_in_an_answer_with_all_of_it_or_a_part() -> None:
    assert s3stream.size_of({"ContentLength": 1, "ContentRange": "bytes 0-0/77"}) == 77
    assert s3stream.size_of({"ContentLength": 5}) == 5
    assert s3stream.size_of({}) == 0
