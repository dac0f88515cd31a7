"""Who works for a run that is over ends soon, whatever it is doing."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

import mapper
import reducer
from local.simulated.objects import Bucket
from running.cancelling import cancel
from state.keys import JobKeys
from state.lookout import LOOK_SECONDS, SIGNAL, Lookout, until_over
from state.records import Cancelled
from state.runs import Run, RunCancelled
from state.tasks import MapperEvent, ReducerEvent
from tests.model import BUCKET, S3, World

SOON = 0.02
"""Seconds between two looks here."""
MARK = Cancelled("me", 1_000_000.0)
SAID = "job job1 was cancelled by me at 1970-01-12 13:46:40 UTC"


def run_of(made: World) -> Run:
    return Run(S3(made), BUCKET, "job1", "run-0")


def cancelled() -> World:
    made = World(1)
    cancel(S3(made), BUCKET, "job1", MARK)
    return made


def test_a_driver_looks_every_few_seconds() -> None:
    made, now = World(1), [100.0]
    lookout = Lookout(run_of(made), lambda: now[0])
    cancel(S3(made), BUCKET, "job1", MARK)
    now[0] += LOOK_SECONDS - 0.1
    lookout.look()  # S3 is not asked each time
    now[0] += 0.2
    with pytest.raises(RunCancelled, match=f"{SAID}: nothing is written"):
        lookout.look()


def loops() -> None:
    while True:
        pass


def sleeps() -> None:
    time.sleep(60)


def waits_for_another_thread() -> None:
    threading.Event().wait(60)


def passes_over_what_goes_wrong() -> None:
    while True:
        with contextlib.suppress(Exception):
            time.sleep(60)


def passes_over_all_of_it() -> None:
    for _ in range(3):
        with contextlib.suppress(BaseException):
            loops()
    loops()


@pytest.mark.parametrize(
    "work",
    [loops, sleeps, waits_for_another_thread, passes_over_what_goes_wrong, passes_over_all_of_it],
)
def test_whatever_the_main_thread_does_it_ends(work: Callable[[], None]) -> None:
    before = signal.getsignal(SIGNAL)
    with pytest.raises(RunCancelled, match=f"{SAID}: nothing is written"):
        until_over(run_of(cancelled()), work, SOON)
    assert signal.getsignal(SIGNAL) is before


def test_work_of_a_run_that_goes_on_is_left_alone() -> None:
    def work() -> str:
        time.sleep(5 * SOON)
        return "done"

    assert until_over(run_of(World(1)), work, SOON) == "done"


def test_another_thread_cannot_be_interrupted_and_goes_on() -> None:
    given: list[str] = []
    run = run_of(cancelled())
    thread = threading.Thread(target=lambda: given.append(until_over(run, lambda: "done", SOON)))
    thread.start()
    thread.join()
    assert given == ["done"]


def test_a_look_that_fails_ends_nothing_and_the_next_one_counts(capsys) -> None:
    made = cancelled()
    s3, read, left = S3(made), S3(made).get_object, [2]

    def get_object(**arguments: Any) -> Any:
        left[0] -= 1
        if left[0] >= 0:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")
        return read(**arguments)

    s3.get_object = get_object
    with pytest.raises(RunCancelled):
        until_over(Run(s3, BUCKET, "job1", "run-0"), loops, SOON)
    assert capsys.readouterr().err.count("whether the run goes on cannot be told now: ") == 2


# ------------------------------------------------------------------- the functions themselves

LOOPS = """
import time


def map_line(line):
    while True:
        try:
            loop()
        except Exception:
            pass


def combine(a, b):
    loop()


def loop():
    at_work()
    while True:
        time.sleep(0.01)
"""


@pytest.fixture
def looping(monkeypatch, tmp_path):
    """A job that never ends once it has a line, or two values of a key; it says when it is at
    that: then the run is cancelled.
    """
    (tmp_path / "looping.py").write_text(LOOPS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("MR_JOB", "looping")
    made = World(2)
    module = __import__("looping")
    module.at_work = lambda: cancel(S3(made), BUCKET, "job1", MARK)  # type: ignore[attr-defined]
    return made


class WithInput(S3):
    """The job bucket, and an input."""

    def __init__(self, made: World) -> None:
        super().__init__(made)
        data = Bucket(lambda: made.now)
        data.write("in", b"loop\n", {})
        self._buckets = {**self._buckets, "data": data}


def test_a_mapper_ends_within_a_line_and_does_not_fail(looping: World, capsys) -> None:
    event = MapperEvent("data", ["in"], [None], BUCKET, "job1", 1, "run-0", is_async=True)
    there = set(looping.objects)
    assert mapper.handle(WithInput(looping), event.to_json(), "request") == [1, 0, 0.0, 0]
    assert set(looping.objects) == there
    assert SAID in capsys.readouterr().err


def test_a_reducer_ends_within_combine_and_does_not_fail(looping: World, capsys) -> None:
    keys = JobKeys("job1")
    outputs = [keys.mapper_output(number) for number in (1, 2)]
    for key in outputs:
        looping.bucket.write(key, b'{"a":1}', {})
    event = ReducerEvent(BUCKET, outputs, BUCKET, "job1", 1, 1, 1, "run-0", is_async=True)
    there = set(looping.objects)
    assert reducer.handle(S3(looping), event.to_json(), "request") == [2, 0, 0.0]
    assert set(looping.objects) == there
    assert SAID in capsys.readouterr().err
