"""What stands in S3 or in an event has bounds: one clear line for what is past them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

import reducerCoordinator
from aws import s3json
from errors import BadRecord, JobError
from running.costs import Prices, read_prices
from running.listener import MapperTotals
from state.fields import MOST, MOST_TASKS, Fields
from state.grid import Grid
from state.keys import parse_key
from state.metadata import Numbers, quoted, unquoted
from state.records import JobInfo, StepRecord
from tests.model import BUCKET, S3, World
from views import finished
from views.answer import read_answer
from views.jsonpairs import first_pairs

HUGE = [10**400, -(10**400), 10**9 * MOST, float("nan"), float("inf"), -1, True, "1", [1], {}]
HUGE_IDS = [str(number) for number in range(len(HUGE))]


@pytest.mark.parametrize("value", HUGE, ids=HUGE_IDS)
def test_a_number_past_its_bounds_is_a_bad_record(value) -> None:
    fields = Fields({"n": value}, "job1/jobdata")
    for read in (fields.number, fields.count):
        with pytest.raises(BadRecord, match=r"job1/jobdata: n is .*, not a number from"):
            read("n")


def test_numbers_within_bounds_are_read() -> None:
    fields = Fields({"n": MOST, "x": 1.5, "zero": 0}, "k")
    assert (fields.count("n"), fields.number("x")) == (MOST, 1.5)
    assert (fields.count("zero", least=0), fields.count("no", 7)) == (0, 7)


def test_no_job_has_a_billion_mappers() -> None:
    record = JobInfo("job1", "b", MOST_TASKS, "f").to_json()
    assert JobInfo.from_json(record, "job1").map_count == MOST_TASKS
    with pytest.raises(BadRecord, match="mapCount is 1000000000, not a number from 1 to 1000000"):
        JobInfo.from_json({**record, "mapCount": 10**9}, "job1")


def test_a_claim_that_expires_after_400_digits_is_a_bad_record() -> None:
    record = StepRecord(Grid(), 1, "o", 1.0, 2.0).to_json()
    body = json.dumps(record).replace("2.0", "9" * 400)
    with pytest.raises(BadRecord, match=r"expires is 999.*, not a number from 0"):
        StepRecord.from_json(s3json.parse(body, "k"), "k")


@pytest.mark.parametrize("key", ["job1/task/mapper/1" + "0" * 9, "job1/reducerstate." + "9" * 999])
def test_a_key_with_a_number_of_many_digits_is_none_of_ours(key: str) -> None:
    assert parse_key(key) is None


def put(world: World, name: str, body: bytes, **metadata: str) -> None:
    S3(world).put_object(Bucket=BUCKET, Key=f"job1/{name}", Body=body, Metadata=metadata)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"jobId": NaN}',
        b'{"jobId": ' + b"1" * 5000 + b"}",
        b'{"jobId": "' + b"x" * s3json.MAX_RECORD_BYTES + b'"}',
    ],
    ids=["deep list", "deep object", "nan", "digits", "size"],
)
def test_the_coordinator_says_in_one_line_what_is_no_record(body: bytes, capfd) -> None:
    world = World(1)
    put(world, "jobinfo.json", body)
    coordinator = reducerCoordinator.Coordinator(SimpleNamespace(s3=S3(world)), "me", 30)
    coordinator.coordinate(BUCKET, "job1")
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("job job1: s3://jobs/job1/jobinfo.json ")
    assert line.endswith(": nothing was started")
    assert len(line) < 300


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a": Infinity}', b"[1]"])
def test_an_answer_that_is_none_is_a_bad_record(body: bytes) -> None:
    world = World(1)
    put(world, "result", body)
    with pytest.raises(BadRecord, match="s3://jobs/job1/result"):
        list(read_answer(S3(world), BUCKET, "job1").pairs())


def test_an_answer_may_be_larger_than_a_record() -> None:
    world = World(1)
    put(world, "result", b'{"a": "' + b"x" * s3json.MAX_RECORD_BYTES + b'"}')
    ((_, value),) = read_answer(S3(world), BUCKET, "job1").pairs()
    assert len(value) == s3json.MAX_RECORD_BYTES


def test_the_first_groups_of_an_answer_that_is_deep_are_none() -> None:
    assert first_pairs('{"a":1,"b":' + "[" * 4000) == [("a", 1)]


# --------------------------------------------------------------------------- metadata


@pytest.mark.parametrize(
    "text", ["nan", "inf", "-1", "x", "", "1" * 400, "1e999", "0x10", "\ud800"]
)
def test_metadata_that_are_no_numbers_are_said_and_passed_over(text: str, capfd) -> None:
    numbers = Numbers({"linecount": text}, "job1/task/mapper/3")
    assert numbers.count("linecount") == 0
    assert numbers.number("linecount", 7.0) == 7.0
    first, second = capfd.readouterr().err.splitlines()
    assert first == second
    assert first.startswith("job1/task/mapper/3: its linecount is ")
    assert len(first) < 300


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("1.5", 1.5), ("1e-05", 1e-5)])
def test_metadata_that_are_numbers_are_read(text: str, value: float, capfd) -> None:
    assert Numbers({"seconds": text}, "k").number("seconds") == value
    assert Numbers({}, "k").number("seconds") == 0
    assert capfd.readouterr().err == ""


def test_a_task_with_broken_metadata_is_shown_with_the_rest() -> None:
    written = datetime(2026, 1, 1, tzinfo=UTC)
    metadata = {"linecount": "7", "processingtime": "nan", "memoryusage": "10e999", "errcount": ""}
    head = {"LastModified": written, "ContentLength": 12, "Metadata": metadata}
    task = finished.task_of(0, 3, "k", head)
    assert (task.lines, task.seconds, task.memory, task.errors) == (7, 0.0, 0, 0)
    assert task.start == written.timestamp()


@pytest.mark.parametrize("text", ["größe ☃", "\ud800", "%41", "a\nb", "<lambda>"])
def test_a_text_in_metadata_is_ascii_and_comes_back(text: str) -> None:
    kept = quoted(text, 600)
    assert kept.isascii() and kept.isprintable()
    assert unquoted(kept) == text.encode(errors="backslashreplace").decode()


def test_a_text_in_metadata_is_cut_between_letters() -> None:
    assert unquoted(quoted("ß" * 999, 100)) == "ß" * 16


# --------------------------------------------------------------------------- answers and prices


@pytest.mark.parametrize("value", HUGE[:5] + ["x", None, [1]], ids=lambda value: "v")
def test_a_mappers_answer_past_its_bounds_is_an_error(value) -> None:
    totals = MapperTotals()
    for answer in ([1, value, 0.5, 0], [1, 1, value, 0], [1, 1, 0.5, value]):
        with pytest.raises(JobError, match=r"mapper 3 answered .*, not \[objects, rows, seconds"):
            totals.add(3, answer)
    assert totals == MapperTotals()


def test_prices_have_bounds_too(tmp_path) -> None:
    for price in (10**400, float("inf"), float("nan"), -1):
        with pytest.raises(JobError, match=r"million_calls is .*, not a price in dollars"):
            Prices.from_json({"million_calls": price}, "prices.json")
    path = tmp_path / "prices.json"
    path.write_text("[" * 100_000)
    with pytest.raises(JobError, match=r"prices\.json is not JSON"):
        read_prices(str(path))


# --------------------------------------------------------------------------- events

GOOD = {"s3": {"bucket": {"name": "jobs"}, "object": {"key": "job1/task/mapper/1"}}}


@pytest.mark.parametrize(
    "record",
    [
        {},
        [],
        None,
        7,
        {"s3": None},
        {"s3": {"bucket": {"name": "jobs"}}},
        {"s3": {"bucket": "jobs", "object": {"key": "k"}}},
        {"s3": {"bucket": {"name": 7}, "object": {"key": "k"}}},
        {"s3": {"bucket": {"name": "jobs"}, "object": {"key": ["k"]}}},
        {"s3": {"bucket": {"name": "jobs"}, "object": {"key": "%FF%0Ajob job1: coordinator"}}},
    ],
)
def test_a_record_of_an_event_that_is_none_is_one_line_and_the_rest_goes_on(record, capfd) -> None:
    assert reducerCoordinator.jobs_of({"Records": [record, GOOD]}) == [("jobs", "job1")]
    (line,) = capfd.readouterr().err.splitlines()
    assert "nothing to do" in line


@pytest.mark.parametrize("event", [None, [], "x", 7, {"Records": None}, {"Records": {"a": 1}}])
def test_an_event_that_is_none_is_one_line(event, capfd) -> None:
    assert reducerCoordinator.jobs_of(event) == []
    (line,) = capfd.readouterr().err.splitlines()
    assert line.endswith("is no S3 event: nothing to do")
