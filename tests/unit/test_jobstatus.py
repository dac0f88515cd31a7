"""A job's state as it is read from S3, in a modelled bucket."""

from __future__ import annotations

import json

import pytest

from errors import JobError
from jobs import loading
from state.badrows import BadRows
from state.failures import Failure
from state.jobcode import JobCode
from state.outputs import Counts
from state.progress import StepStatus
from state.records import JobData
from tests.model import BUCKET, S3, Event, World
from views.status import JobStatus, read_status

DIGEST = loading.load().digest


def world(map_count: int, *done: int) -> World:
    made = World(map_count)
    data = JobData(map_count, 9, made.now - 30, run_id=made.job.run_id, max_bad=0.01)
    put(made, "jobdata", data.to_json())
    for mapper_id in done:
        made.mapper_writes(mapper_id)
    return made


def put(made: World, name: str, value: object) -> None:
    S3(made).put_object(Bucket=BUCKET, Key=f"job1/{name}", Body=json.dumps(value).encode())


def status(made: World) -> JobStatus:
    return read_status(S3(made), BUCKET, "job1", made.now)


def test_mappers_at_work() -> None:
    found = status(world(3, 2))
    assert (found.state, found.age, found.result) == ("running", 30, None)
    assert found.steps == (StepStatus(0, 1, 3, (1, 3)),)
    assert found.lines() == [
        "job job1 in s3://jobs/job1/: running",
        f"runs job uservisits (sha256 {DIGEST[:12]})",
        "started 30 s ago",
        "mappers: 1 of 3, missing: 1, 3",
    ]


def test_a_complete_step_that_nobody_takes_up_is_told_with_what_wakes_it() -> None:
    made = world(3, 1, 2, 3)
    made.events.clear()
    assert status(made).idle is None, "its event may still be on the way"
    made.now += 100
    found = status(made)
    assert found.state == "stalled"
    assert found.idle == pytest.approx(100, abs=1)
    assert found.lines()[-2:] == [
        "nobody has taken up the next step, an S3 event may be lost, nothing has "
        "happened for 100 s",
        "`python job.py resume jobs job1` starts what is missing, and waits",
    ]


def test_reducers_that_should_have_ended_are_told() -> None:
    made = world(3, 1, 2, 3)
    made.events.clear()
    made.deliver(Event("r", key="job1/task/mapper/1")).finish()
    made.now += 40
    assert status(made).idle is None, "they have time until the claim expires"
    made.now += 10_000
    assert "its reducers should have ended, nothing has happened" in status(made).lines()[-2]


def test_mappers_that_must_have_ended_are_told() -> None:
    made = world(2, 1)
    made.now += 900 + 100
    assert (status(made).state, status(made).idle) == ("running", None)
    made.now += 100
    found = status(made)
    assert found.state == "stalled"
    assert found.lines()[-2].startswith("its mappers should have ended, nothing has happened for 1")


def test_mappers_at_work_and_a_job_that_is_done_need_nobody() -> None:
    made = world(2, 1)
    made.now += 500
    assert status(made).idle is None
    made.mapper_writes(2)
    made.settle()
    made.now += 10_000
    assert (status(made).state, status(made).idle) == ("done", None)


def test_each_claimed_step_is_shown() -> None:
    made = world(3, 1, 2, 3)
    made.events.clear()
    made.deliver(Event("r", key="job1/task/mapper/1")).finish()
    assert status(made).steps[1] == StepStatus(1, 0, 2, (1, 2))
    made.settle()
    found = status(made)
    assert found.state == "done"
    assert [(one.step, one.done, one.due) for one in found.steps] == [
        (0, 3, 3),
        (1, 2, 2),
        (2, 1, 1),
    ]
    assert found.lines()[-1] == "the result is s3://jobs/job1/result"


def failure(run_id: str) -> dict[str, object]:
    return Failure("mapper/2", "ValueError: boom", "r", 1.0, run_id).to_json()


def test_a_failure_that_is_not_mended_is_shown() -> None:
    made = world(2, 1)
    put(made, "error/mapper/2", failure("run-0"))
    put(made, "error/mapper/1", failure("run-of-yesterday"))
    found = status(made)
    assert found.state == "failed"
    assert found.errors == ("mapper/2 failed: ValueError: boom (request r)",)


def test_the_form_for_programs_is_json() -> None:
    value = json.loads(json.dumps(status(world(2, 1)).to_json()))
    assert value == {
        "job_id": "job1",
        "bucket": BUCKET,
        "state": "running",
        "age_s": 30,
        "steps": [{"step": 0, "done": 1, "due": 2, "missing": [2]}],
        "errors": [],
        "result": None,
        "job": "uservisits",
        "jobdigest": DIGEST,
        "rows": None,
        "fault": "",
        "idle_s": None,
        "cancelled": None,
    }


def test_it_says_which_job_runs_in_which_version() -> None:
    made = world(2)
    code = JobCode("größe", "0123456789abcdef" * 4, "größe.combine")
    S3(made).put_object(
        Bucket=BUCKET, Key="job1/task/mapper/2", Body=b"{}", Metadata=code.to_metadata()
    )
    assert status(made).lines()[1] == "runs job größe (sha256 0123456789ab)"
    found = status(made).to_json()
    assert (found["job"], found["jobdigest"]) == ("größe", code.digest)


def test_a_job_that_is_done_says_which_job_wrote_its_result() -> None:
    made = world(2, 1, 2)
    made.settle()
    assert status(made).lines()[1].startswith("runs job uservisits (sha256 ")


def test_what_others_wrote_clears_no_screen_and_forges_no_line() -> None:
    made = world(2, 1)
    error = "x\x1b[2J\nthe result is s3://jobs/forged"
    put(made, "error/mapper/2\x1b]0;title\x07", {"error": error, "requestId": "\u202er"})
    shown = status(made).lines()[-2]
    assert shown == (
        r"mapper/2\x1b]0;title\x07 failed: x\x1b[2J\nthe result is s3://jobs/forged "
        r"(request \u202er)"
    )


def test_many_missing_are_cut_short() -> None:
    line = status(world(30)).lines()[-1]
    assert line == "mappers: 0 of 30, missing: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ..."


def test_a_job_that_is_not_there_is_said_so() -> None:
    made = world(1)
    with pytest.raises(JobError, match="there is no job job2 in s3://jobs/job2/"):
        read_status(S3(made), BUCKET, "job2")


def test_a_job_that_is_done_tells_of_its_rows_and_what_is_wrong_with_them() -> None:
    made = world(2, 1, 2)
    faults = (BadRows("fewer than 4 columns", 2, "x,y"),)
    counts = [Counts(1.0, 1.0, 50, headers=1), Counts(1.0, 1.0, 50, errors=2, faults=faults)]
    for mapper_id, counted in enumerate(counts, 1):
        key = f"job1/task/mapper/{mapper_id}"
        made.objects[key].metadata.update(counted.to_metadata())
    made.settle()
    found = status(made)
    assert found.lines()[-4:-1] == [
        "100 rows, 2 bad, 1 header line",
        "2 of 100 rows are bad, 2 %, and more than 1 % (--max-bad, payload maxBad): look at them; "
        "the answer is kept",
        "2 bad: fewer than 4 columns, such as x,y",
    ]
    told = found.to_json()["rows"]
    assert (told["lines"], told["errors"], told["headers"]) == (100, 2, 1)
