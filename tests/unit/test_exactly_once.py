"""Whatever arrives, and whoever dies: the job ends, its answer is exact, and where nothing fails
each reducer is started once.
"""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from errors import JobError
from running import watching
from running.cancelling import cancel
from state.listing import has_result, list_job, read_step_records
from state.records import Cancelled, JobInfo
from state.runs import OtherRun
from tests.model import BUCKET, S3, Event, World

MARK = Cancelled("me", 1_000_000.0)
SHAPES = [(0, 2), (0, 3), (3, 0), (2, 2), (0, 0)]
"""Reducers and fan-in that are asked for: trees, partitioned, two-level, and as it is planned."""


class CalmJob(RuleBasedStateMachine):
    """Events come twice, late and in any order; functions run side by side; nobody dies."""

    world: World

    @initialize(map_count=st.integers(1, 7), shape=st.sampled_from(SHAPES))
    def start(self, map_count: int, shape: tuple[int, int]) -> None:
        self.world = World(map_count, reducers=shape[0], fan_in=shape[1])
        self.mappers_left = list(range(1, map_count + 1))

    @precondition(lambda self: self.mappers_left)
    @rule(data=st.data())
    def a_mapper_writes_its_output(self, data) -> None:
        mapper_id = data.draw(st.sampled_from(self.mappers_left))
        self.mappers_left.remove(mapper_id)
        self.world.mapper_writes(mapper_id)

    @precondition(lambda self: self.world.events)
    @rule(data=st.data())
    def an_event_arrives(self, data) -> None:
        index = data.draw(st.integers(0, len(self.world.events) - 1))
        self.world.deliver(self.world.events.pop(index))

    @precondition(lambda self: any(event.key for event in self.world.events))
    @rule(data=st.data())
    def an_s3_event_is_sent_twice(self, data) -> None:
        event = data.draw(st.sampled_from([event for event in self.world.events if event.key]))
        self.world.events.append(Event(self.world.new_id(), key=event.key))

    @precondition(lambda self: self.world.running)
    @rule(data=st.data(), calls=st.integers(1, 4))
    def a_function_goes_on(self, data, calls: int) -> None:
        invocation = data.draw(st.sampled_from(self.world.running))
        for _ in range(calls):
            if invocation.alive:
                self.world.move(invocation)

    @rule()
    def some_time_passes(self) -> None:
        self.world.now += 0.1

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        for mapper_id in self.mappers_left:
            self.world.mapper_writes(mapper_id)
        end_with_a_waiting_driver(self.world, self.world.job)
        assert self.world.result == self.world.expected(0)
        self.check_starts()

    def check_starts(self) -> None:
        assert set(self.world.starts.values()) == {1}
        assert len(self.world.starts) == reducers_claimed(self.world)


class JobWithAccidents(CalmJob):
    """As above; besides, events are lost and functions die between any two calls."""

    @precondition(lambda self: self.world.events)
    @rule(data=st.data())
    def an_event_is_lost(self, data) -> None:
        self.world.events.pop(data.draw(st.integers(0, len(self.world.events) - 1)))

    @precondition(lambda self: self.world.running)
    @rule(data=st.data(), when=st.sampled_from(["before", "after"]))
    def a_function_dies(self, data, when: str) -> None:
        self.world.move(data.draw(st.sampled_from(self.world.running)), kill=when)

    @rule()
    def a_claim_becomes_old(self) -> None:
        self.world.now += 100

    def check_starts(self) -> None:
        assert len(self.world.starts) == reducers_claimed(self.world)


class JobTakenOver(JobWithAccidents):
    """As above; besides, runs are cancelled, and drivers come and take the job id, one after
    another or side by side, while mappers, reducers and coordinators of earlier runs are still on
    their way.
    """

    @initialize(map_count=st.integers(1, 4), shape=st.sampled_from(SHAPES))
    def start(self, map_count: int, shape: tuple[int, int]) -> None:
        super().start(map_count, shape)
        self.mappers_left = []
        self.world.events = [self.world.mapper_event(0, n + 1) for n in range(map_count)]
        self.runs = 0

    @rule()
    def a_driver_overwrites(self) -> None:
        self.runs += 1
        self.world.deliver(Event(self.world.new_id(), "driver", run=self.runs))

    @rule()
    def a_driver_comes_that_may_take_a_cancelled_job_alone(self) -> None:
        self.runs += 1
        event = Event(self.world.new_id(), "driver", run=self.runs, overwrite=False)
        self.world.deliver(event)

    @rule()
    def a_user_cancels(self) -> None:
        with contextlib.suppress(JobError):  # it is done
            cancel(S3(self.world), BUCKET, "job1", MARK)

    @precondition(lambda self: self.late_events())
    @rule(data=st.data())
    def a_late_event_comes_twice(self, data) -> None:
        event = data.draw(st.sampled_from(self.late_events()))
        self.world.events.append(Event(self.world.new_id(), event.kind, payload=event.payload))

    def late_events(self) -> list[Event]:
        return [event for event in self.world.events if event.payload]

    @precondition(lambda self: self.world.running)
    @rule(data=st.data(), when=st.sampled_from(["before", "after"]))
    def a_function_dies(self, data, when: str) -> None:
        invocation = data.draw(st.sampled_from(self.world.running))
        self.world.move(invocation, kill="" if invocation.event.kind == "driver" else when)

    @precondition(lambda self: any(event.key for event in self.world.events))
    @rule(data=st.data())
    def an_event_is_lost(self, data) -> None:
        event = data.draw(st.sampled_from([event for event in self.world.events if event.key]))
        self.world.events.remove(event)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.world.settle()
        if self.world.current.cancelled:
            if has_result(
                S3(self.world), self.world.current
            ):  # a reducer had looked just before: let it stand
                return
            self.a_driver_comes_that_may_take_a_cancelled_job_alone()
            self.world.settle()
            assert self.world.current.run_id == f"run-{self.runs}"
        last = self.world.current
        end_with_a_waiting_driver(self.world, last)
        assert self.world.result == self.world.expected(int(last.run_id[4:]))
        if last.run_id != "run-0":
            with pytest.raises(OtherRun):
                end_with_a_waiting_driver(self.world, self.world.job)


def end_with_a_waiting_driver(world: World, job: JobInfo) -> None:
    """Let everything settle; what is lost comes back through the nudges of the real driver."""

    def sleep(seconds: float) -> None:
        world.now += seconds
        world.settle()

    s3 = S3(world)
    watching.wait_for_result(s3, job, 3600, clock=lambda: world.now, sleep=sleep)
    world.settle()


def reducers_claimed(world: World) -> int:
    records = read_step_records(S3(world), world.job, list_job(S3(world), world.job))
    return sum(record.grid.count for record in records.values())


RUNS = settings(
    max_examples=max(300, settings.default.max_examples),
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestCalmJob = CalmJob.TestCase
TestCalmJob.settings = RUNS
TestJobWithAccidents = JobWithAccidents.TestCase
TestJobWithAccidents.settings = RUNS
TestJobTakenOver = JobTakenOver.TestCase
TestJobTakenOver.settings = RUNS
