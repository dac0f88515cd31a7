"""Keys, batches, fields and metadata, on tables."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import boto3
import pytest
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

import lambdautils
from aws.s3objects import delete_objects
from errors import BadRecord, JobError
from state.fields import Fields
from state.keys import JobKey, JobKeys, parse_key
from state.outputs import Counts


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("job1/jobdata", JobKey("job1", "jobdata")),
        ("job1/jobinfo.json", JobKey("job1", "jobinfo")),
        ("job1/result", JobKey("job1", "result")),
        ("job1/task/mapper/12", JobKey("job1", "output", 0, 12)),
        ("job1/task/reducer/2/3", JobKey("job1", "output", 2, 3)),
        ("job1/task/reducer/done", JobKey("job1", "done")),
        ("job1/reducerstate.4", JobKey("job1", "record", 4)),
        ("job1/error/reducer/1/2", JobKey("job1", "error", name="reducer/1/2")),
        ("my result/task/mapper/1", JobKey("my result", "output", 0, 1)),
        ("result/result", JobKey("result", "result")),
        ("prüfung+1/task/reducer/1/1", JobKey("prüfung+1", "output", 1, 1)),
    ],
)
def test_a_key_of_a_job_is_read_by_segment(key: str, expected: JobKey) -> None:
    assert parse_key(key) == expected


@pytest.mark.parametrize(
    "key",
    [
        "",
        "job1",
        "job1/",
        "/task/mapper/1",
        "job1/task/mapper/",
        "job1/task/mapper/0",
        "job1/task/mapper/01",
        "job1/task/mapper/x",
        "job1/task/mapper/1/2",
        "job1/task/mapper/1\n",
        "job1/task/reducer/1",
        "job1/task/reducer/0/1",
        "job1/task/reducer/done/1",
        "job1/reducerstate.",
        "job1/reducerstate.x",
        "a/job1/result",
        "job1/result.bak",
        "logs/2024/result",
    ],
)
def test_a_foreign_key_is_no_key_of_a_job(key: str) -> None:
    assert parse_key(key) is None


@given(
    job_id=st.text(st.characters(exclude_characters="/"), min_size=1, max_size=20),
    step=st.integers(0, 99),
    number=st.integers(1, 10**6),
)
def test_what_is_written_as_a_key_is_read_back(job_id: str, step: int, number: int) -> None:
    keys = JobKeys(job_id)
    assert parse_key(keys.output(step, number)) == JobKey(job_id, "output", step, number)
    assert parse_key(keys.step_record(number)) == JobKey(job_id, "record", number)
    assert parse_key(keys.error("mapper/1")) == JobKey(job_id, "error", name="mapper/1")
    for kind, key in (("result", keys.result), ("done", keys.done), ("jobdata", keys.jobdata)):
        assert parse_key(key) == JobKey(job_id, kind)
    assert keys.output(step, number).startswith(keys.task_prefix)


def objects(*sizes: int) -> list[dict]:
    return [{"Key": f"part-{number:05}", "Size": size} for number, size in enumerate(sizes)]


@pytest.mark.parametrize(
    ("sizes", "memory", "expected"),
    [
        ([921_600_000], 1536, 1),
        ([92_160_000] * 3, 1536, 10),
        ([100_000_000] * 202, 1536, 9),
        ([61_440_000, 122_880_000], 1536, 10),
        ([2_000_000_000] * 4, 1536, 1),
        ([1_000_000_000], 512, 1),
        ([10_000_000], 128, 8),
        ([0, 0, 0], 1536, 3),
    ],
)
def test_the_batch_size_follows_from_the_mean_object_size(sizes, memory, expected) -> None:
    assert lambdautils.compute_batch_size(objects(*sizes), memory) == expected


def test_the_benchmark_of_one_node_takes_29_mappers() -> None:
    # 25.4 GB in 202 objects, as the public data set had it.
    keys = objects(*[25_400_000_000 // 202] * 202)
    batches = lambdautils.batch_creator(keys, lambdautils.compute_batch_size(keys, 1536))
    assert len(batches) == 29


def test_batch_size_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one object"):
        lambdautils.compute_batch_size([], 1536)


def test_boto3_objects_are_taken_as_well_as_dicts() -> None:
    class ObjectSummary:
        key, size = "a", 92_160_000

    assert lambdautils.compute_batch_size([ObjectSummary()], 1536) == 10
    assert lambdautils.batch_creator([ObjectSummary()], 10) == [["a"]]


@given(count=st.integers(0, 200), batch_size=st.integers(1, 50))
def test_batches_hold_every_key_once_and_in_order(count: int, batch_size: int) -> None:
    keys = objects(*[1] * count)
    batches = lambdautils.batch_creator(keys, batch_size)
    assert [key for batch in batches for key in batch] == [item["Key"] for item in keys]
    assert all(1 <= len(batch) <= batch_size for batch in batches)


def test_a_batch_fits_into_an_asynchronous_payload() -> None:
    keys = [{"Key": "ü" * 400 + str(number), "Size": 1} for number in range(5000)]
    batches = lambdautils.batch_creator(keys, 5000)
    assert len(batches) > 1
    assert max(len(json.dumps(batch)) for batch in batches) < 1_000_000
    assert sum(map(len, batches)) == 5000


def test_a_batch_of_short_keys_fits_with_the_version_of_each() -> None:
    etag = '"0123456789abcdef0123456789abcdef-10000"'
    (batch, *_) = lambdautils.batch_creator(objects(*[1] * 50_000), 50_000)
    event = {"keys": batch, "etags": [etag] * len(batch)}
    assert 500_000 < len(json.dumps(event)) < 1_000_000


def test_a_batch_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 object, not 0"):
        lambdautils.batch_creator(objects(1), 0)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "not a JSON object but list"),
        ({}, "text is missing"),
        ({"text": ""}, "text is '', not a text"),
        ({"text": 3}, "text is 3, not a text"),
    ],
)
def test_a_wrong_text_field_is_named(value, message) -> None:
    with pytest.raises(BadRecord, match=message):
        Fields(value, "here").text("text")


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "1", None])
def test_a_wrong_count_is_named(value) -> None:
    with pytest.raises(BadRecord, match="here: n is"):
        Fields({"n": value}, "here").count("n")


@pytest.fixture
def s3():
    return boto3.client(
        "s3", region_name="us-west-2", aws_access_key_id="x", aws_secret_access_key="y"
    )


def test_what_s3_does_not_delete_is_an_error(s3) -> None:
    with Stubber(s3) as stub:
        failure = {"Key": "a", "Code": "AccessDenied", "Message": "no"}
        stub.add_response("delete_objects", {"Errors": [failure]})
        with pytest.raises(JobError, match="s3://b/a could not be deleted: AccessDenied no"):
            delete_objects(s3, "b", ["a"])


def test_metadata_of_an_output_is_ascii_whatever_the_row_was() -> None:
    counts = Counts(1.0, 1.5, 3, errors=2, example='x,"é\x00😀' * 200, bad_object="teil é+😀" * 100)
    metadata = counts.to_metadata()
    assert metadata["linecount"] == "3"
    assert metadata["processingtime"] == "1.500000"
    assert all(value.isascii() and value.isprintable() for value in metadata.values())
    assert sum(len(name) + len(value) for name, value in metadata.items()) < 900


def test_an_output_without_bad_rows_has_no_example() -> None:
    assert "errexample" not in Counts(1.0, 1.5, 3).to_metadata()


def test_what_an_output_counts_is_read_back() -> None:
    counts = Counts(1.25, 1.5, 3, 2, 4096, 77, 2, "1,ü,x", "in/ä 1")
    head = {"Metadata": counts.to_metadata(), "LastModified": datetime.fromtimestamp(9, UTC)}
    assert Counts.from_head(head, "o") == counts
