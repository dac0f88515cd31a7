"""Starting mappers: their events, and the calls, which wait for each answer or do not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any

from aws.client import Clients
from aws.invoker import FailedForGood, Function, FunctionFailed, Rule, call_all
from errors import JobError, counted
from running import backups
from running.listener import Listener, MapperTotals
from running.planning import Plan
from running.request import RETRIES, JobRequest
from shuffle.reducers import missing_reducers
from state.failures import final_failure
from state.listing import read_step_record
from state.lookout import Lookout
from state.records import JobInfo
from state.runs import Run
from state.standing import in_key_order
from state.tasks import INVOKED, MapperEvent, ReducerEvent

STARTING_THREADS = 32


def mapper_events(request: JobRequest, plan: Plan, job: JobInfo) -> list[MapperEvent]:
    """The events of all mappers, number 1 first; pure."""
    ranges = plan.ranges or [[None] * len(keys) for keys in plan.batches]
    batches = zip(plan.batches, plan.etags, ranges, plan.batch_sizes, strict=True)
    return [
        MapperEvent(
            request.bucket,
            keys,
            parts,
            request.job_bucket,
            request.job_id,
            number,
            job.run_id,
            request.event_source,
            request.is_async,
            etags,
            request.requester_pays,
            job.choice,
            size,
        )
        for number, (keys, etags, parts, size) in enumerate(batches, 1)
    ]


def last_listed_first(count: int) -> list[int]:
    """The numbers of all mappers in the order in which they are started; pure.

    It is the reverse order of their outputs' keys: what was started last is missing longest, and
    so a coordinator that compares keys in their order meets it at once.
    """
    return list(reversed(list(in_key_order(count))))


def named_batch(payload: Mapping[str, Any]) -> str:
    """Which mapper was to read what, for an error of it."""
    keys = payload["keys"]
    batch = f"{counted(len(keys), 'object')} from {keys[0]} to {keys[-1]}"
    return f"mapper {payload['mapperId']}, {batch}"


@dataclasses.dataclass(frozen=True)
class Starter:
    """Starts tasks of a run, whose mappers' events are `events`, number 1 first, and mapper
    function is `function`; `retries` are further tries of a call that failed.

    With `has_backups` a call that takes long is made once more.
    """

    clients: Clients
    job: JobInfo
    function: Function
    events: Sequence[MapperEvent]
    listener: Listener
    retries: int = RETRIES
    has_backups: bool = False

    def again(self, step: int, numbers: Sequence[int]) -> None:
        """Start tasks of a step once more, by Event; step 0 are the mappers."""
        if step:
            start_reducers(self.clients, self.job, step, numbers)
        else:
            self.start(numbers)

    def start(self, numbers: Iterable[int]) -> None:
        """Have mappers run some time soon, without answers: as fast as Lambda takes the events."""
        events = [dataclasses.replace(self.events[n - 1], is_async=True) for n in numbers]
        self._call_all(self.function.start, events, STARTING_THREADS, lambda *_: None, None)

    def call(self, numbers: Iterable[int], concurrency: int) -> MapperTotals:
        """Run mappers, `concurrency` at once, and wait for each answer. Returns the sum."""
        totals, events = MapperTotals(), [self.events[number - 1] for number in numbers]

        def on_answer(index: int, answer: Any) -> None:
            mapper_id = events[index].mapper_id
            totals.add(mapper_id, answer)
            self.listener.mapper_done(mapper_id, totals, len(events))

        late = backups.late if self.has_backups else None
        self._call_all(self.function.call, events, concurrency, on_answer, late)
        return totals

    def _call_all(
        self,
        call: Callable[[Any], Any],
        events: Sequence[MapperEvent],
        concurrency: int,
        on_answer: Callable[[int, Any], None],
        late: Rule | None,
    ) -> None:
        payloads = [event.to_json() for event in events]
        told, threads, clock = self._told(call), self.clients.threads(), self.clients.clock
        rest = (on_answer, named_batch, threads, late, clock)
        call_all(told, payloads, concurrency, self.retries, *rest)

    def _told(self, call: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """`call`, of which the listener hears; FailedForGood where the mapper left a record of
        that, OtherRun where the run is over.
        """
        run = Run(self.clients.s3, self.job.job_bucket, self.job.job_id, self.job.run_id)
        lookout = Lookout(run, self.clients.clock)

        def heard(payload: Mapping[str, Any]) -> Any:
            mapper_id = payload["mapperId"]
            lookout.look()
            self.listener.mapper_started(mapper_id)
            try:
                return call({**payload, INVOKED: self.clients.clock()})
            except JobError as error:
                self.listener.mapper_failed(mapper_id, error)
                if type(error) is FunctionFailed and self._failed_for_good(mapper_id):
                    raise FailedForGood(str(error)) from error
                raise

        return heard

    def _failed_for_good(self, mapper_id: int) -> bool:
        return final_failure(self.clients.s3, self.job, [f"mapper/{mapper_id}"]) is not None


def start_reducers(clients: Clients, job: JobInfo, step: int, wanted: Container[int]) -> int:
    """Start those reducers of a claimed step, by Event, that are wanted and have no output; how
    many that were.
    """
    record, _ = read_step_record(clients.s3, job, step)
    missing = missing_reducers(clients.s3, job, step, record.grid)
    events = [event for event in missing if event.reducer_id in wanted]
    function = Function(patient(clients), job.reducer_function)

    def start(event: ReducerEvent) -> None:
        function.start({**event.to_json(), INVOKED: clients.clock()})

    threads, name = clients.threads(), lambda event: event.name
    call_all(start, events, STARTING_THREADS, RETRIES, lambda *_: None, name, threads)
    return len(events)


def patient(clients: Clients) -> Any:
    """A Lambda client for all the threads that start functions."""
    return clients.make("lambda", connections=STARTING_THREADS)
