"""The plan in S3: what was planned comes back, and nothing else is taken for it."""

from __future__ import annotations

import gzip
import itertools
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import BadRecord
from state.batches import packed, read_batches, unpacked, write_batches
from state.records import JobInfo
from state.runs import NoSuchJob, OtherRun, Run
from state.tasks import MapperEvent, Range
from tests.model import BUCKET, S3, World

KEY = "job1/batches.jsonl.gz"


def event(number: int, keys: list[str], run_id: str = "run-0", size: int = 9) -> MapperEvent:
    etags = [f'"{number:032x}"' for _ in keys]
    parts = [Range(0, 5, etag) for etag in etags]
    return MapperEvent(
        "data", keys, parts, BUCKET, "job1", number, run_id, "cli", True, etags, True, size=size
    )


def run_of(made: World) -> Run:
    return Run(S3(made), BUCKET, "job1", made.job.run_id)


@given(batches=st.lists(st.lists(st.text(min_size=1), min_size=1, max_size=3), min_size=1))
@settings(deadline=None)
def test_every_event_comes_back_as_it_was_planned(batches: list[list[str]]) -> None:
    made = World(len(batches))
    events = [event(number, keys) for number, keys in enumerate(batches, 1)]
    write_batches(run_of(made), events)
    assert read_batches(S3(made), made.job) == events
    assert packed(events) == made.objects[KEY].body


def test_a_job_without_a_plan_was_never_started() -> None:
    made = World(1)
    with pytest.raises(NoSuchJob, match="has no plan, so nothing of it was started"):
        read_batches(S3(made), made.job)
    Run(S3(made), BUCKET, "job1", "run-0").write_json(KEY, {})
    made.objects[KEY].metadata["runid"] = "run-of-yesterday"
    with pytest.raises(NoSuchJob, match="has no plan"):
        read_batches(S3(made), made.job)


def test_a_run_that_is_over_writes_no_plan() -> None:
    made = World(1)
    with pytest.raises(OtherRun):
        write_batches(Run(S3(made), BUCKET, "job1", "run-1"), [event(1, ["a"])])
    assert KEY not in made.objects


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"{}", "is no plan of a job"),
        (packed([event(1, ["a"])])[:-9], "is no plan of a job"),
        (gzip.compress(b"[" * 100_000), "line 1 is not JSON"),
        (gzip.compress(b'"' + b"a" * (1 << 21)), "line 1 is not JSON"),
        (packed([]), "line 1 is not JSON"),
        (packed([event(1, ["a"]), event(2, ["a"])]), "has more than 1 lines"),
        (packed([event(2, ["a"])]), "line 1 is not of mapper 1 of this run"),
        (packed([event(1, ["a"], run_id="other")]), "line 1 is not of mapper 1 of this run"),
        (gzip.compress(json.dumps({"bucket": "b"}).encode()), "mapper event: keys is missing"),
    ],
    ids=itertools.count(1),
)
def test_what_is_no_plan_is_refused(body: bytes, error: str) -> None:
    with pytest.raises(BadRecord, match=error):
        list(unpacked(body, World(1).job, "there"))


def test_a_plan_that_is_far_larger_unpacked_is_refused_while_it_is_read() -> None:
    job = JobInfo("job1", BUCKET, 1000, "reducer", run_id="run-0")
    body = packed([event(number, ["a" * 100_000]) for number in range(1, 1001)])
    assert len(body) < 1_000_000
    read = unpacked(body, job, "there", most=1_000_000)
    assert len(list(itertools.islice(read, 9))) == 9
    with pytest.raises(BadRecord, match="there has more than 1,000,000 bytes, unpacked"):
        next(read)


def test_a_plan_of_10_000_mappers_and_200_000_objects_is_small_and_soon_read() -> None:
    job = JobInfo("job1", BUCKET, 10_000, "reducer", run_id="run-0")
    events = [
        event(number, [f"uservisits/part-{number:05}-{part:05}" for part in range(20)])
        for number in range(1, 10_001)
    ]
    began = time.process_time()
    body = packed(events)
    assert len(body) < 20_000_000
    assert sum(len(one.keys) for one in unpacked(body, job, "there")) == 200_000
    assert time.process_time() - began < 20
