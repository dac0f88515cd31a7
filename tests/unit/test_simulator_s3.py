"""The simulated S3 says what S3 says: conditions, ranges, pages, multipart uploads."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from aws.client import error_code
from local.simulated.objects import Bucket, Opaque
from local.simulated.s3 import S3Client, byte_range


@pytest.fixture
def s3() -> S3Client:
    bucket = Bucket(lambda: 1_000_000.0)
    return S3Client({"b": bucket}, lambda operation, name, effect: effect())


def code_of(call, **arguments) -> tuple[str, int]:
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    status = raised.value.response["ResponseMetadata"]["HTTPStatusCode"]
    return error_code(raised.value), status


def put(s3: S3Client, key: str, body: bytes = b"x", **more) -> str:
    return s3.put_object(Bucket="b", Key=key, Body=body, **more)["ETag"]


def test_a_write_is_read_back_with_its_metadata(s3) -> None:
    etag = put(s3, "k", b"abc", Metadata={"n": "1"})
    found = s3.get_object(Bucket="b", Key="k")
    assert found["Body"].read() == b"abc"
    assert (found["ETag"], found["Metadata"], found["ContentLength"]) == (etag, {"n": "1"}, 3)
    head = s3.head_object(Bucket="b", Key="k")
    assert (head["ETag"], head["ContentLength"]) == (etag, 3)


def test_what_is_missing(s3) -> None:
    assert code_of(s3.get_object, Bucket="b", Key="k") == ("NoSuchKey", 404)
    assert code_of(s3.head_object, Bucket="b", Key="k") == ("404", 404)
    assert code_of(s3.get_object, Bucket="c", Key="k") == ("NoSuchBucket", 404)
    s3.delete_object(Bucket="b", Key="k")


def test_conditional_writes(s3) -> None:
    first = put(s3, "k", IfNoneMatch="*")
    again = {"Bucket": "b", "Key": "k", "Body": b"y"}
    assert code_of(s3.put_object, **again, IfNoneMatch="*") == ("PreconditionFailed", 412)
    second = put(s3, "k", b"y", IfMatch=first)
    assert second != first
    assert code_of(s3.put_object, **again, IfMatch=first) == ("PreconditionFailed", 412)
    s3.delete_object(Bucket="b", Key="k")
    assert code_of(s3.put_object, **again, IfMatch=second) == ("NoSuchKey", 404)


def test_a_conditional_write_beside_a_deletion_is_a_conflict() -> None:
    bucket = Bucket(lambda: 0.0)
    direct = S3Client({"b": bucket}, lambda operation, name, effect: effect())

    def delete_first(operation, name, effect):
        bucket.delete("k")
        return effect()

    put(direct, "k")
    slow = S3Client({"b": bucket}, delete_first)
    arguments = {"Bucket": "b", "Key": "k", "Body": b"y", "IfNoneMatch": "*"}
    assert code_of(slow.put_object, **arguments) == ("ConditionalRequestConflict", 409)
    assert direct.put_object(**arguments)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (0, 10)),
        ("bytes=0-", (0, 10)),
        ("bytes=2-4", (2, 5)),
        ("bytes=2-99", (2, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-30", (0, 10)),
    ],
)
def test_ranges(text: str, expected: tuple[int, int]) -> None:
    assert byte_range(text, 10) == expected


def test_a_range_past_the_end_is_an_error(s3) -> None:
    put(s3, "k", b"0123456789")
    found = s3.get_object(Bucket="b", Key="k", Range="bytes=3-5")
    assert found["Body"].read() == b"345"
    assert found["ContentRange"] == "bytes 3-5/10"
    error = code_of(s3.get_object, Bucket="b", Key="k", Range="bytes=10-12")
    assert error == ("InvalidRange", 416)


def test_another_version_is_refused(s3) -> None:
    old = put(s3, "k")
    put(s3, "k")
    error = code_of(s3.get_object, Bucket="b", Key="k", IfMatch=old)
    assert error == ("PreconditionFailed", 412)


def test_listings_are_in_key_order_and_in_pages(s3) -> None:
    for number in range(2_500):
        put(s3, f"a/{number}")
    put(s3, "b/0")
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket="b", Prefix="a/"))
    assert [page["KeyCount"] for page in pages] == [1000, 1000, 500]
    keys = [item["Key"] for page in pages for item in page["Contents"]]
    assert keys == sorted(f"a/{number}" for number in range(2_500))


def test_a_listing_begins_and_stops_where_it_is_told(s3) -> None:
    for key in ("a/1", "a/2", "a/3", "a/4"):
        put(s3, key)
    page = s3.list_objects_v2(Bucket="b", Prefix="a/", StartAfter="a/1", MaxKeys=2)
    assert [item["Key"] for item in page["Contents"]] == ["a/2", "a/3"]
    assert page["IsTruncated"]
    assert "Contents" not in s3.list_objects_v2(Bucket="b", Prefix="c/")
    limited = s3.get_paginator("list_objects_v2").paginate(
        Bucket="b", Prefix="a/", PaginationConfig={"PageSize": 1, "MaxItems": 3}
    )
    assert [len(page["Contents"]) for page in limited] == [1, 1, 1]


def test_a_multipart_upload_is_there_when_it_is_complete(s3) -> None:
    put(s3, "source", b"0123456789")
    upload = {"Bucket": "b", "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload, Metadata={"n": "1"})["UploadId"]
    copied = s3.upload_part_copy(
        **upload,
        PartNumber=1,
        CopySource={"Bucket": "b", "Key": "source"},
        CopySourceRange="bytes=2-4",
    )
    uploaded = s3.upload_part(**upload, PartNumber=2, Body=b"ab")
    parts = [
        {"PartNumber": 1, "ETag": copied["CopyPartResult"]["ETag"]},
        {"PartNumber": 2, "ETag": uploaded["ETag"]},
    ]
    assert code_of(s3.get_object, Bucket="b", Key="k") == ("NoSuchKey", 404)
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    found = s3.get_object(Bucket="b", Key="k")
    assert found["Body"].read() == b"234ab"
    assert found["Metadata"] == {"n": "1"}
    assert code_of(s3.abort_multipart_upload, **upload) == ("NoSuchUpload", 404)


def test_a_multipart_upload_that_is_aborted_leaves_nothing(s3) -> None:
    upload = {"Bucket": "b", "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    s3.upload_part(**upload, PartNumber=1, Body=b"ab")
    s3.abort_multipart_upload(**upload)
    assert code_of(s3.head_object, Bucket="b", Key="k") == ("404", 404)
    assert code_of(s3.upload_part, **upload, PartNumber=2, Body=b"") == ("NoSuchUpload", 404)


def test_a_body_that_is_only_counted_keeps_its_size(s3) -> None:
    put(s3, "k", Opaque(5_000_000_000))
    found = s3.get_object(Bucket="b", Key="k", Range="bytes=0-99")
    assert (found["ContentLength"], found["Body"]) == (100, Opaque(5_000_000_000))
    assert s3.list_objects_v2(Bucket="b")["Contents"][0]["Size"] == 5_000_000_000


def test_what_is_written_is_told_of(s3) -> None:
    heard: list[str] = []
    bucket = Bucket(lambda: 0.0, heard.append)
    client = S3Client({"b": bucket}, lambda operation, name, effect: effect())
    put(client, "k")
    client.copy_object(Bucket="b", Key="l", CopySource={"Bucket": "b", "Key": "k"})
    client.delete_object(Bucket="b", Key="k")
    assert heard == ["k", "l"]
