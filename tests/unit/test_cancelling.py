"""A run that is cancelled: nothing more is started or written for it, whoever was at work."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from errors import BadRecord, JobError
from running.cancelling import cancel
from state.records import Cancelled, JobInfo
from state.runs import LOOK_SECONDS, Lookout, Run, RunCancelled
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


def test_a_function_at_work_looks_every_few_seconds_and_stops() -> None:
    made, now = World(1), [100.0]
    lookout = Lookout(Run(S3(made), BUCKET, "job1", "run-0"), lambda: now[0])
    blocks = lookout.over(iter("abcdef"))
    assert next(blocks) == "a"
    end(made)
    now[0] += LOOK_SECONDS - 0.1
    assert next(blocks) == "b", "S3 is not asked for every block"
    now[0] += 0.2
    with pytest.raises(RunCancelled, match=f"job job1 was {SAID}: nothing is written"):
        next(blocks)


@pytest.mark.parametrize(
    "mark", [{}, {"by": "", "time": 1}, {"by": "me", "time": 1e14}, {"by": "me"}, [], "me"]
)
def test_a_mark_that_is_none_is_refused(mark: object) -> None:
    with pytest.raises(BadRecord, match=r"jobinfo\.json: cancelled"):
        JobInfo.from_json({**World(1).job.to_json(), "cancelled": mark}, "job1")
