"""Going on with a run that is there already: looking on, or starting again what has no output.

In: a job id. The plan and the records in S3 say what there is to do, whoever did it before. Names
of functions that stand in S3 start nothing unless the deployment names them too.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from aws import s3json
from aws.client import Clients
from aws.invoker import Function
from aws.s3objects import delete_objects, list_input
from errors import JobError, counted, log
from running import cancelling, preflight, watching
from running.backups import Again
from running.following import Follower, Outcome
from running.listener import Listener
from running.request import JobRequest
from running.starting import Starter, patient, start_reducers
from state.batches import read_batches
from state.keys import JobKeys
from state.listing import has_result, read_records
from state.progress import Progress, look
from state.records import JobData, JobInfo
from state.tasks import MapperEvent


@dataclass(frozen=True)
class Known:
    """A run as its records and its plan have it."""

    clients: Clients
    job: JobInfo
    data: JobData
    events: Sequence[MapperEvent]
    listener: Listener

    @classmethod
    def read(cls, clients: Clients, bucket: str, job_id: str, listener: Listener) -> Known:
        """The run that a job id belongs to, of which the listener is told. JobError where there is
        no such job, or one without a plan.
        """
        job, data = read_records(clients.s3, bucket, job_id)
        events = read_batches(clients.s3, job)
        listener.joined(job, [event.size for event in events])
        listener.recorded(clients.s3, job, events)
        return cls(clients, job, data, events, listener)

    @property
    def starter(self) -> Starter:
        """Who starts its tasks."""
        function = Function(patient(self.clients), self.data.mapper_function)
        return Starter(self.clients, self.job, function, self.events, self.listener)

    @property
    def copies_from(self) -> int:
        """The first step whose late tasks are anyone's to start once more: a driver that calls its
        mappers and waits for their answers calls late ones again itself.
        """
        return 0 if self.data.resumed or self.events[0].is_async else 1

    def follow(self, began: float, timeout: float, again: Again) -> Outcome:
        """Look on until it ends, as the driver that started it would. JobError as that has it."""
        batches = [event.keys for event in self.events]
        about = self.clients, self.job, self.data, self.listener, batches
        follower = Follower(*about, timeout, again, copies_from=self.copies_from)
        return follower.outcome(began, follower.follow())


def watch(
    clients: Clients, bucket: str, job_id: str, timeout: float, listener: Listener
) -> Outcome:
    """Look on until a run ends; tasks that take long are started once more, as its driver would.
    JobError as that has it, and where there is no such job.
    """
    began = clients.clock()
    known = Known.read(clients, bucket, job_id, listener)

    def again(step: int, numbers: Sequence[int]) -> None:
        check_functions(known, "")
        known.starter.again(step, numbers)

    return known.follow(began, timeout, again)


def resume(
    clients: Clients, bucket: str, job_id: str, timeout: float, listener: Listener, mapper: str = ""
) -> Outcome:
    """Start exactly what has no output, then look on until the run ends.

    `mapper` is a function to go on with in place of the run's own. A cancelled run goes on too.
    JobError where input was replaced since the plan, or a function may not be started; nothing is
    started then.
    """
    began = clients.clock()
    known = Known.read(clients, bucket, job_id, listener)
    is_done = has_result(clients.s3, known.job)
    if not is_done:
        known = with_mapper(known, mapper)
        check_functions(known, mapper)
    # A reducer that had looked just before may have written the result of a cancelled run.
    known = replace(known, job=cancelling.revive(clients.s3, known.job))
    if not is_done:
        known = start_missing(known, look(clients.s3, known.job))
    return known.follow(began, timeout, known.starter.again)


def with_mapper(known: Known, mapper: str) -> Known:
    """The run with another mapper function, as the views are to know it."""
    if mapper in ("", known.data.mapper_function):
        return known
    return replace(known, data=known.data.with_mapper(mapper))


def start_missing(known: Known, progress: Progress) -> Known:
    """Start the mappers, or the reducers of the step that was claimed last, without an output; or
    have a coordinator look, where none is missing. Returns the run as its records have it then.
    """
    if progress.finished:
        return known
    if not progress.missing:
        watching.nudge(known.clients.s3, known.job, progress)
        return known
    known = replace(known, data=replace(known.data, resumed=known.clients.clock()))
    if progress.step:
        start_missing_reducers(known, progress)
    else:
        start_mappers(known, progress)
    return known


def check_functions(known: Known, mapper: str) -> None:
    """JobError where a function that is to be started is not there, or is named by nobody but a
    record in S3; `mapper` is the one that the user named.
    """
    clients, job, data = known.clients, known.job, known.data
    if not data.mapper_function:
        raise JobError(f"the records of job {job.job_id} name no mapper function: pass --mapper")
    request = JobRequest(
        job_bucket=job.job_bucket,
        job_id=job.job_id,
        mapper=data.mapper_function,
        reducer=job.reducer_function,
    )
    preflight.function_facts(clients.functions, request.mapper)
    preflight.function_facts(clients.functions, request.reducer)
    from_s3 = [job.reducer_function, *([] if mapper else [data.mapper_function])]
    preflight.check_trigger(clients.s3, clients.functions, request, from_s3)


def start_mappers(known: Known, progress: Progress) -> None:
    """Start the mappers without an output, by Event, once their input is known to be as it was."""
    job, missing = known.job, [known.events[number - 1] for number in progress.missing]
    check_unchanged(known.clients, missing)
    write_data(known)
    forget_failures(known, progress, (event.name for event in missing))
    what = f"{counted(len(missing), 'mapper')} of {job.map_count}, by {known.data.mapper_function}"
    log(f"job {job.job_id}: starting {what}")
    known.starter.start(progress.missing)


def start_missing_reducers(known: Known, progress: Progress) -> None:
    """Start the reducers of a claimed step that have no output, by Event."""
    write_data(known)
    names = (f"reducer/{progress.step}/{number}" for number in progress.missing)
    forget_failures(known, progress, names)
    started = start_reducers(known.clients, known.job, progress.step, progress.missing)
    log(f"job {known.job.job_id}: started {counted(started, 'reducer')} of step {progress.step}")


def write_data(known: Known) -> None:
    """Write what the views, and whoever looks on, are to know of the run from now on."""
    key = JobKeys(known.job.job_id).jobdata
    s3json.write_json(known.clients.s3, known.job.job_bucket, key, known.data.to_json())


def forget_failures(known: Known, progress: Progress, names: Iterable[str]) -> None:
    """Delete what tasks left that failed, since they get another try: whoever waits would end."""
    failed = sorted(set(progress.failed) & set(names))
    keys = [JobKeys(known.job.job_id).error(name) for name in failed]
    delete_objects(known.clients.s3, known.job.job_bucket, keys)


def check_unchanged(clients: Clients, events: Sequence[MapperEvent]) -> None:
    """JobError where an object that mappers are to read is not the one that was planned with."""
    planned = {source.key: source.etag for event in events for source in event.inputs}
    first = events[0]
    prefix = os.path.commonprefix(list(planned))
    listed = list_input(clients.s3, first.bucket, prefix, first.requester_pays)
    there = {item.key: item.etag for item in listed if item.key in planned}
    changed = list(replaced(planned, there))
    if changed:
        more = f", and {len(changed) - 1:,} more" if len(changed) > 1 else ""
        raise JobError(
            f"s3://{first.bucket}/{changed[0]} was replaced or deleted since the job was planned"
            f"{more}: the answer would be of two inputs. Run driver.py anew, with --overwrite"
        )


def replaced(planned: dict[str, str], there: dict[str, str]) -> Iterator[str]:
    """The keys whose version is not the planned one; one planned without may be any; pure."""
    for key, etag in planned.items():
        if key not in there or (etag and there[key] != etag):
            yield key
