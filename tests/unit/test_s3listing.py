"""A listing's pages, read fast: the same objects as botocore reads, at a fraction of its cost."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from botocore.stub import Stubber

from aws.s3listing import read_objects, read_pages_fast
from aws.s3objects import S3Object, list_input
from tests.cloud import ROOT

KEYS = ("in/plain", "in/with space", "in/with+plus", "in/ümläut", "in/a&b=c;d?e#f%20g", "in/<x>'\"")


@pytest.fixture(scope="module")
def bucket(emulator, aws_client) -> str:
    region = {"LocationConstraint": "us-west-2"}
    aws_client("s3").create_bucket(Bucket="listing-bucket", CreateBucketConfiguration=region)
    for key in KEYS:
        aws_client("s3").put_object(Bucket="listing-bucket", Key=key, Body=key.encode())
    aws_client("s3").put_object(
        Bucket="listing-bucket", Key="in/z", Body=b"", StorageClass="GLACIER"
    )
    return "listing-bucket"


def pages(s3, bucket: str, **more) -> list[dict]:
    found = list(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, **more))
    for page in found:
        page.pop("ResponseMetadata")
    return found


@pytest.mark.parametrize("prefix", ["", "in/", "in/with", "nothing/"])
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_it_is_what_botocore_reads(aws_client, bucket: str, prefix: str, size: int) -> None:
    plain, fast = aws_client("s3"), aws_client("s3")
    read_pages_fast(fast)
    more = {"Prefix": prefix, "PaginationConfig": {"PageSize": size}}
    assert pages(fast, bucket, **more) == pages(plain, bucket, **more)


def test_an_error_is_still_one(aws_client, bucket: str) -> None:
    s3 = aws_client("s3")
    read_pages_fast(s3)
    with pytest.raises(s3.exceptions.NoSuchBucket):
        pages(s3, "no-such-bucket-here")


def test_an_objects_fields_are_read() -> None:
    contents = (
        b"<Contents><Key>a&amp;b</Key><LastModified>2024-05-06T07:08:09.000Z</LastModified>"
        b"<ETag>&quot;e&quot;</ETag><Size>7</Size><StorageClass>GLACIER</StorageClass>"
        b"<RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress><RestoreExpiryDate>"
        b"2024-06-06T00:00:00.000Z</RestoreExpiryDate></RestoreStatus></Contents>"
    )
    (found,) = read_objects(contents)
    assert found.pop("LastModified").isoformat() == "2024-05-06T07:08:09+00:00"
    assert found == {
        "Key": "a&b",
        "ETag": '"e"',
        "Size": 7,
        "StorageClass": "GLACIER",
        "RestoreStatus": {
            "IsRestoreInProgress": "false",
            "RestoreExpiryDate": "2024-06-06T00:00:00.000Z",
        },
    }


@pytest.mark.parametrize("pays", [False, True])
def test_input_is_listed_as_someone_who_pays_where_told(aws_client, pays: bool) -> None:
    s3 = aws_client("s3")
    asked = {"Bucket": "b", "Prefix": "in/", "OptionalObjectAttributes": ["RestoreStatus"]}
    asked |= {"RequestPayer": "requester"} if pays else {}
    listed = {"Key": "in/0", "Size": 3, "ETag": '"e"', "StorageClass": "GLACIER"}
    with Stubber(s3) as stub:
        stub.add_response("list_objects_v2", {"Contents": [listed]}, asked)
        found = list(list_input(s3, "b", "in/", pays))
    assert found == [S3Object("in/0", 3, '"e"', "GLACIER")]


def test_many_objects_are_planned_in_little_memory() -> None:
    """A fifth of what benchmarks/listing.py measures; there it is 200,000 in below 100 MB."""
    command = [sys.executable, "benchmarks/listing.py", "--objects", "40000"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    match = re.fullmatch(
        r"40000 objects planned: ([\d.]+) CPU s, (\d+) MB more memory\n", done.stdout
    )
    assert match
    assert int(match[2]) < 20
    assert float(match[1]) < 3  # botocore by itself: 3.3, and much more on a busy machine
