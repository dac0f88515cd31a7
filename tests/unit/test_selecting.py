"""Which objects are input: hidden names, storage classes, on tables."""

from __future__ import annotations

import pytest

from aws.s3objects import S3Object, input_object
from inputs import selecting


@pytest.mark.parametrize(
    ("key", "prefix", "hidden"),
    [
        ("in/part-0", "in/", False),
        ("in/_SUCCESS", "in/", True),
        ("in/.part-0.crc", "in/", True),
        ("in/_temporary/0/part-0", "in/", True),
        ("in/a/b/_c/d", "in/", True),
        ("in/a_b/c.d", "in/", False),
        ("_in/part-0", "_in/", False),
        ("a/.b/part-0", "a/.b/", False),
        ("a/.b/part-0", "a/", True),
        ("in/_SUCCESS", "in/_SUCCESS", False),
        ("in/_parts/0", "in/_pa", False),
        ("in/_parts/_0", "in/_pa", True),
        ("in/_part", "in", True),
        ("_part", "", True),
        ("part", "", False),
    ],
)
def test_a_name_is_hidden_by_its_segments_below_the_prefix(key, prefix, hidden) -> None:
    assert selecting.is_hidden(key, prefix) == hidden


@pytest.mark.parametrize(
    ("fields", "archive"),
    [
        ({}, ""),
        ({"StorageClass": "STANDARD"}, ""),
        ({"StorageClass": "GLACIER_IR"}, ""),
        ({"StorageClass": "INTELLIGENT_TIERING"}, ""),
        ({"StorageClass": "GLACIER"}, "GLACIER"),
        ({"StorageClass": "DEEP_ARCHIVE"}, "DEEP_ARCHIVE"),
        ({"StorageClass": "GLACIER", "RestoreStatus": {"IsRestoreInProgress": True}}, "GLACIER"),
        ({"StorageClass": "GLACIER", "RestoreStatus": {"RestoreExpiryDate": "2026-01-02"}}, ""),
    ],
)
def test_what_is_archived_and_not_restored_cannot_be_read(fields, archive) -> None:
    listed = {"Key": "in/0", "Size": 3, "ETag": '"e"', **fields}
    assert input_object(listed) == S3Object("in/0", 3, '"e"', archive)
