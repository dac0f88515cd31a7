"""A run that is cancelled: nothing more is started or written for it, whoever was at work."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from errors import BadRecord, JobError
from running.cancelling import cancel, revive
from running.preflight import take_job
from running.request import JobRequest
from state.records import Cancelled, JobInfo
from tests.driven import DrivenWorld
from tests.model import BUCKET, S3, World
from views.answer import read_answer
from views.finished import read_finished_job
from views.status import read_status

MARK = Cancelled("arn:aws:iam::123456789012:user/me", 1_000_000.0)
SAID = "cancelled by arn:aws:iam::123456789012:user/me at 1970-01-12 13:46:40 UTC"


def end(made: World, mark: Cancelled = MARK) -> str:
    return cancel(S3(made), BUCKET, "job1", mark)


@given(map_count=st.integers(1, 5), data=st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_whenever_it_is_cancelled_nothing_is_started_any_more_and_it_can_go_on(
    map_count: int, data: st.DataObject
) -> None:
    """A function that has looked just before may still write its output: its last look is at
    most one call away from that.
    """
    made = DrivenWorld(map_count, fan_in=2)
    made.drive(full_async=True).finish()
    for _ in range(data.draw(st.integers(0, 80))):
        if made.events and (not made.running or data.draw(st.booleans())):
            made.deliver(made.events.pop(data.draw(st.integers(0, len(made.events) - 1))))
        elif made.running:
            made.move(data.draw(st.sampled_from(made.running)))
    if made.result is not None:
        with pytest.raises(JobError, match="job job1 is done: there is nothing to cancel"):
            end(made)
        return
    assert end(made).startswith(f"job job1 was {SAID}. What runs ends within seconds")
    at_work = len(made.running)
    begun, there = len(made.started), set(made.objects)
    made.settle()
    new = set(made.objects) - there
    assert len(made.started) == begun
    assert len(new) <= at_work + 1  # the last one of a job writes its result, and `done`
    if made.result is None:
        assert read_status(S3(made), BUCKET, "job1", made.now).state == "cancelled"
    made.resume()
    assert made.result == made.expected(0)
    assert made.again == []


def test_functions_that_begin_later_write_nothing_and_leave_no_failure() -> None:
    made = DrivenWorld(3)
    made.drive(full_async=True).finish()
    end(made)
    there = set(made.objects)
    made.settle()
    assert set(made.objects) == there


def test_who_cancelled_it_first_is_kept() -> None:
    made = World(1)
    end(made)
    assert SAID in end(made, Cancelled("someone else", 5.0))


def test_a_run_that_takes_the_job_id_meanwhile_is_not_cancelled(monkeypatch) -> None:
    made = World(1)
    taken = dataclasses.replace(made.job, run_id="run-1")
    s3 = S3(made)
    put = s3.put_object

    def too_late(**arguments):
        made.bucket.write(made.keys.jobinfo, b"{}", {})
        monkeypatch.setattr(s3, "put_object", put)
        try:
            return put(**arguments)
        finally:
            made.bucket.delete(made.keys.jobinfo)
            put(Bucket=BUCKET, Key=made.keys.jobinfo, Body=json_of(taken))

    monkeypatch.setattr(s3, "put_object", too_late)
    with pytest.raises(JobError, match="was taken by another run just now: that one goes on"):
        cancel(s3, BUCKET, "job1", MARK)
    assert made.current.cancelled is None


def json_of(job: JobInfo) -> bytes:
    return json.dumps(job.to_json()).encode()


def take(made: World, run: int = 1) -> None:
    """A driver takes the job id, and is not told to overwrite."""
    take_job(S3(made), JobRequest(job_bucket=BUCKET, job_id="job1"), made.new_job(run))


def test_the_job_id_of_a_cancelled_run_is_free_and_what_it_left_goes() -> None:
    made = World(2)
    made.mapper_writes(1)
    with pytest.raises(JobError, match="job1 has 2 objects"):
        take(made)
    assert "the job id is free again" in end(made)
    take(made)
    assert (made.current.run_id, list(made.objects)) == ("run-1", [made.keys.jobinfo])


def test_the_job_id_of_a_run_with_a_result_is_not_free_whoever_cancelled_it() -> None:
    made = World(1)
    end(made)
    made.bucket.write(made.keys.result, b"{}", {"runid": "run-0"})
    with pytest.raises(JobError, match="job1 has 2 objects"):
        take(made)


def test_a_run_that_goes_on_meanwhile_keeps_its_job_id(monkeypatch) -> None:
    made = World(1)
    end(made)
    s3 = S3(made)
    put = s3.put_object

    def too_late(**arguments):
        monkeypatch.setattr(s3, "put_object", put)
        revive(S3(made), made.current)
        return put(**arguments)

    monkeypatch.setattr(s3, "put_object", too_late)
    with pytest.raises(JobError, match="another driver has taken the job id job1"):
        take_job(s3, JobRequest(job_bucket=BUCKET, job_id="job1"), made.new_job(1))
    assert (made.current.run_id, made.current.cancelled) == ("run-0", None)


def test_every_view_says_so() -> None:
    made = DrivenWorld(2)
    made.drive(full_async=True).finish()
    end(made)
    found = read_status(S3(made), BUCKET, "job1", made.now)
    assert (found.state, found.needs_help, found.cancelled) == ("cancelled", True, MARK)
    assert SAID in found.lines()
    for view in (read_answer, read_finished_job):
        with pytest.raises(JobError, match=f"job job1 was {SAID}"):
            view(S3(made), BUCKET, "job1")


@pytest.mark.parametrize(
    "mark", [{}, {"by": "", "time": 1}, {"by": "me", "time": 1e14}, {"by": "me"}, [], "me"]
)
def test_a_mark_that_is_none_is_refused(mark: object) -> None:
    with pytest.raises(BadRecord, match=r"jobinfo\.json: cancelled"):
        JobInfo.from_json({**World(1).job.to_json(), "cancelled": mark}, "job1")
