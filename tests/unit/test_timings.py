"""A job's function calls as rows, and as traces."""

from __future__ import annotations

import csv
import io
import json

import pytest

from state.jobcode import JobCode
from state.records import JobInfo
from tests import readme
from tests.unit.test_summary import task
from views.calls import Call
from views.finished import Task
from views.timings import COLUMNS, Timing, timings, write_csv, write_json
from views.traces import spans, trace_events

JOB = JobInfo("job1", "jobs", 2, "reducerNS", run_id="run1")


def call(name: str, request: str, start: float, end: float | None = None, **more) -> Call:
    more = {"attempt": 1, "billed_ms": 10.0 if end else None, **more}
    return Call("f", name, request, started=start, ended=end, **more)


CALLS = [
    call("mapper 1", "a", 1, 2, failed=True, memory_mb=512),
    call("coordinator", "c", 6, 7),
    call("mapper 1", "b", 3, 5, attempt=2, inputs=4, init_ms=300.5),
    call("step 1 reducer 1", "r", 8),
]
TASKS = [
    task(0, 1, "job1/task/mapper/1", 1.5, code=JobCode("uservisits", "ab" * 32, "")),
    task(0, 2, "job1/task/mapper/2", 1.0, errors=3),
]


def rows() -> list[Timing]:
    return timings(JOB, CALLS, TASKS, {"f": "arm64"})


def test_there_is_a_row_for_every_call_in_order_and_for_every_output() -> None:
    assert [(row.name, row.attempt, row.outcome) for row in rows()] == [
        ("mapper 1", 1, "failed"),
        ("mapper 1", 2, "done"),
        ("coordinator", 1, "done"),
        ("reducer 1/1", 1, "unknown"),
        ("mapper 2", 1, "done"),  # by its output alone, which says that it began at 100
    ]


def test_an_output_stands_at_the_first_call_that_ended_well() -> None:
    failed, done, coordinator, running, lost = rows()
    assert (failed.rows, coordinator.rows, running.rows) == (None, None, None)
    assert (done.rows, done.groups, done.bytes_in, done.bytes_out) == (10, 3, 5, 7)
    assert (done.job, done.job_digest, done.architecture) == ("uservisits", "ab" * 32, "arm64")
    assert (done.init_ms, done.inputs, done.bad_rows) == (300.5, 4, 0)
    assert (lost.billed_ms, lost.started_unix_s, lost.ended_unix_s) == (None, 100.0, 101.0)
    assert lost.bad_rows == 3


def test_the_columns_are_those_of_the_documentation() -> None:
    page = (readme.ROOT / "docs" / "timings.md").read_text()
    named = [name for cell, *_ in readme.rows(page, "columns") for name in cell.split(", ")]
    assert [name.strip("`") for name in named] == COLUMNS


def test_csv_has_a_header_and_empty_cells() -> None:
    out = io.StringIO()
    write_csv(rows(), out)
    read = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert list(read[0]) == COLUMNS
    assert [row["number"] for row in read] == ["1", "1", "", "1", "2"]
    assert read[1]["started_unix_s"] == "3"


def test_csv_shows_nothing_that_a_terminal_obeys() -> None:
    out = io.StringIO()
    write_csv([Timing(run_id="r", job_id="\x1b[2J\n", kind="mapper")], out)
    assert r"r,\x1b[2J\n,mapper" in out.getvalue()


def test_json_has_nulls() -> None:
    out = io.StringIO()
    write_json(rows(), out)
    told = json.loads(out.getvalue())["timings"]
    assert [row["billed_ms"] for row in told] == [10.0, 10.0, 10.0, None, None]


def test_trace_events_have_a_lane_for_what_runs_side_by_side() -> None:
    beside = [call(f"mapper {n}", str(n), n, n + 1.5) for n in (1, 2, 3)]
    told = trace_events(timings(JOB, beside, ()))["traceEvents"]
    names = [one["args"]["name"] for one in told if one["ph"] == "M"]
    assert names == ["driver", "mapper", "coordinator", "reducer"]
    bars = [one for one in told if one["ph"] == "X"]
    assert [(one["name"], one["tid"]) for one in bars] == [
        ("mapper 1", 1),
        ("mapper 2", 2),
        ("mapper 3", 1),
    ]
    assert (bars[0]["ts"], bars[0]["dur"], bars[0]["pid"]) == (1_000_000, 1_500_000, 2)
    assert bars[0]["args"]["request_id"] == "1"


def test_spans_are_under_one_of_the_job() -> None:
    (resource,) = spans(rows())["resourceSpans"]
    root, *others = resource["scopeSpans"][0]["spans"]
    assert root["name"] == "job job1"
    assert (root["startTimeUnixNano"], root["endTimeUnixNano"]) == ("1000000000", "101000000000")
    assert [one["name"] for one in others] == ["mapper 1", "mapper 1", "coordinator", "mapper 2"]
    assert {one["parentSpanId"] for one in others} == {root["spanId"]}
    assert {one["traceId"] for one in (root, *others)} == {root["traceId"]}
    assert len({one["spanId"] for one in (root, *others)}) == 5
    assert (len(root["traceId"]), len(root["spanId"])) == (32, 16)
    assert [one["status"] for one in others] == [{"code": 2}, {}, {}, {}]
    told = {one["key"]: one["value"] for one in others[1]["attributes"]}
    assert told["attempt"] == {"intValue": "2"}
    assert told["init_ms"] == {"doubleValue": 300.5}
    assert told["job"] == {"stringValue": "uservisits"}


@pytest.mark.parametrize("tasks", [(), TASKS])
def test_a_job_without_logs(tasks: list[Task]) -> None:
    found = timings(JOB, (), tasks)
    assert len(found) == len(tasks)
    (scope,) = spans(found)["resourceSpans"][0]["scopeSpans"]
    assert len(scope["spans"]) == (1 + len(tasks) if tasks else 0)
