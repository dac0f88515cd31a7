"""The plan of a job: batches or splits, what is left out, and when it is refused."""

from __future__ import annotations

import dataclasses

import pytest

from aws.s3objects import S3Object
from errors import UsageError
from running import planning
from running.request import JobRequest, byte_size, percentage
from running.starting import last_listed_first, mapper_events
from state.records import JobInfo
from state.tasks import MapperEvent

REQUEST = JobRequest(bucket="data", prefix="in/", job_bucket="jobs", job_id="j")


def objects(*sizes: int) -> list[S3Object]:
    return [S3Object(f"in/{number}", size, f'"{number}"') for number, size in enumerate(sizes)]


def named(*keys: str) -> list[S3Object]:
    return [S3Object(key, 5, '"e"') for key in keys]


def request(**fields) -> JobRequest:
    return JobRequest(bucket="data", prefix="in/", job_bucket="jobs", job_id="j", **fields)


def test_batches_hold_the_objects_in_listed_order() -> None:
    plan = planning.plan_batches(objects(10, 20, 30), request(batch_size=2))
    assert plan.batches == [["in/0", "in/1"], ["in/2"]]
    assert (plan.batch_sizes, plan.objects, plan.size, plan.ranges) == ([30, 30], 3, 60, None)
    assert plan.etags == [['"0"', '"1"'], ['"2"']]


def test_splits_cut_and_pack_and_count_each_object_once() -> None:
    plan = planning.plan_batches(objects(10, 90), request(split_size=50))
    assert plan.batches == [["in/0", "in/1"], ["in/1"]]
    assert (plan.batch_sizes, plan.objects, plan.size) == ([50, 50], 2, 100)
    assert plan.ranges is not None
    assert [[part and (part.start, part.end) for part in mapper] for mapper in plan.ranges] == [
        [None, (0, 40)],
        [(40, 90)],
    ]
    assert plan.etags == [['"0"', '"1"'], ['"1"']]


@pytest.mark.parametrize("fields", [{"batch_size": 1}, {"split_size": 10}])
def test_endearly_takes_the_first_of_them(fields) -> None:
    plan = planning.plan_batches(objects(10, 10, 10), request(endearly=2, **fields))
    assert plan.batches == [["in/0"], ["in/1"]]
    assert (plan.objects, plan.size) == (2, 20)


def test_folder_markers_are_left_out_and_nothing_else_is_no_input() -> None:
    marker = S3Object("in/folder/", 0, '"m"')
    assert planning.plan_batches([marker, *objects(5)], REQUEST).batches == [["in/0"]]
    with pytest.raises(UsageError, match="there is no object under s3://data/in/"):
        planning.plan_batches([marker], REQUEST)


def test_names_that_begin_with_a_dot_or_an_underscore_are_left_out_and_counted() -> None:
    keys = ["in/.part-0.crc", "in/_SUCCESS", "in/_temporary/0/part-0", "in/a/.x/b", "in/part-0"]
    plan = planning.plan_batches(named(*keys), REQUEST)
    assert (plan.batches, plan.objects, plan.hidden) == ([["in/part-0"]], 1, 4)
    with pytest.raises(UsageError, match="but for 1 whose names begin"):
        planning.plan_batches(named("in/_SUCCESS"), REQUEST)


def test_what_cannot_be_input_is_refused_with_names_and_numbers() -> None:
    listed = [
        *named("in/1.zip", "in/2.csv", "in/3.tar.gz", "in/4.parquet"),
        S3Object("in/5", 1, '"e"', "GLACIER"),
        S3Object("in/6", 1, '"e"', "GLACIER"),
        S3Object("in/7", 1, '"e"', "DEEP_ARCHIVE"),
    ]
    with pytest.raises(UsageError) as caught:
        planning.plan_batches(listed, REQUEST)
    remedy = "restore it first, or leave it out"
    assert str(caught.value).split("; ") == [
        "objects under the prefix cannot be input: "
        "s3://data/in/1.zip and 1 more: an archive: unpack it, and upload the files in it",
        "s3://data/in/4.parquet: no text: ask about it with --sql, or export it as CSV",
        f"s3://data/in/5 and 1 more: archived, in the storage class GLACIER: {remedy}",
        f"s3://data/in/7: archived, in the storage class DEEP_ARCHIVE: {remedy}",
    ]


OWN = ["j/jobdata", "j/jobinfo.json", "j/result", "j/task/mapper/1", "j/task/reducer/1/2"]


@pytest.mark.parametrize(
    ("key", "prefix"),
    [
        (key, prefix)
        for key in OWN
        for prefix in ("", "j", "j/", "j/task/")
        if key.startswith(prefix)
    ],
)
def test_a_jobs_own_outputs_are_no_input_of_it(key: str, prefix: str) -> None:
    own = dataclasses.replace(REQUEST, bucket="jobs", prefix=prefix)
    with pytest.raises(UsageError, match=f"s3://jobs/{key}: an output of this very job"):
        planning.plan_batches(named(f"{prefix}data", key), own)


def test_the_job_bucket_may_hold_the_input_and_other_jobs() -> None:
    keys = ["in/a", "j/in/b", "j/notes.txt", "other/result"]
    own = dataclasses.replace(REQUEST, bucket="jobs", prefix="")
    assert planning.plan_batches(named(*keys), own).batches == [keys]
    assert planning.plan_batches(named(*OWN), REQUEST).objects == len(OWN)


def test_a_split_size_that_makes_far_too_many_mappers_is_refused() -> None:
    with pytest.raises(UsageError, match="a split size of 64 bytes makes"):
        planning.plan_batches(objects(10_000_000), request(split_size=64))


def events(asked: JobRequest, *sizes: int) -> list[dict]:
    """The events of the mappers over objects of these sizes."""
    plan = planning.plan_batches(objects(*sizes), asked)
    job = JobInfo("j", "jobs", len(plan.batches), "r", run_id="r1")
    made = mapper_events(asked, plan, job)
    return [made[number - 1].to_json() for number in last_listed_first(len(made))]


def test_a_mappers_event_has_ranges_with_splits_alone() -> None:
    _, cut = events(request(split_size=50), 100)
    assert cut["ranges"] == [{"start": 0, "end": 50, "etag": '"0"'}]
    (plain,) = events(REQUEST, 100)
    assert plain == {
        "bucket": "data",
        "keys": ["in/0"],
        "etags": ['"0"'],
        "jobBucket": "jobs",
        "jobId": "j",
        "mapperId": 1,
        "runId": "r1",
        "size": 100,
    }


def test_the_mapper_whose_output_is_listed_first_is_started_last() -> None:
    ids = [event["mapperId"] for event in events(request(split_size=100), 1200)]
    assert ids == [9, 8, 7, 6, 5, 4, 3, 2, 12, 11, 10, 1]


def test_who_pays_for_requests_is_in_the_event() -> None:
    (event,) = events(request(requester_pays=True), 5)
    assert event["requestPayer"] == "requester"
    assert all(one.requester_pays for one in MapperEvent.from_json(event).inputs)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1", 0.01), ("1%", 0.01), ("0.5 %", 0.005), ("0", 0.0), ("100%", 1.0), ("33.3", 0.333)],
)
def test_a_percentage_is_read_with_or_without_its_sign(text: str, expected: float) -> None:
    assert percentage(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "-1", "101", "1,5", "one", "0.01x", "nan", "%"])
def test_what_is_no_percentage_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no share of 0 to 100 %"):
        percentage(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("64", 64), ("64MB", 64_000_000), ("64MiB", 67_108_864), ("1 gb", 10**9), ("5B", 5)],
)
def test_a_size_is_read_with_its_unit(text: str, expected: int) -> None:
    assert byte_size(text) == expected


@pytest.mark.parametrize("text", ["", "0", "0MB", "-5MB", "MB", "1.5MB", "64 bananas", "64TB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no size"):
        byte_size(text)
