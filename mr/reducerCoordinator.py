"""The coordinator: woken by every output of a job, it starts the next reduce step, exactly once.

In: an S3 event (at least once, in any order). It keeps nothing between two events: the job's keys
and its step records tell where the job stands, at few requests. Out: `JOB/reducerstate.STEP`,
created with a conditional write before anything is started, so that of all coordinators that see
the same complete step one alone starts the next; then one asynchronous invocation for each reducer.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import urllib.parse
from collections.abc import Sequence
from typing import Any

from aws import s3json
from aws.client import Clients
from errors import BadRecord, JobError, brief, log
from shuffle.reducers import missing_reducers, reducer_events
from shuffle.steps import Action, Claim, Finished, Restart, Wait, next_step
from state.fields import Fields
from state.grid import Grid
from state.keys import JobKeys, parse_key
from state.listing import read_step_record
from state.opening import asked, opening
from state.records import JobInfo, StepRecord
from state.runs import RunCancelled, read_job
from state.standing import stand
from state.tasks import INVOKED, REDUCERS, ReducerEvent

STARTING_THREADS = 8

CLIENTS = Clients()
"""Made once for each environment of the function: a warm start makes none."""


def handler(event: Any, context: Any) -> None:
    """The function's entry: an S3 event, whose records may be of several jobs."""
    coordinator = Coordinator(
        CLIENTS,
        context.aws_request_id,
        context.get_remaining_time_in_millis() / 1000,
        os.environ.get(REDUCERS, "").split(),
        written=event_time(event),
    )
    for bucket, job_id in jobs_of(event):
        coordinator.coordinate(bucket, job_id)


def jobs_of(event: Any) -> list[tuple[str, str]]:
    """(bucket, job id) of each job an S3 event tells of, once each; foreign keys are logged."""
    jobs: dict[tuple[str, str], None] = {}
    for record in records_of(event):
        try:
            bucket, key = place_of(record)
        except BadRecord as error:
            log(f"{error}: nothing to do for this record")
            continue
        parsed = parse_key(key)
        if parsed is None or parsed.kind not in ("output", "done"):
            log(f"s3://{bucket}/{key} is not an output of a job: nothing to do")
        else:
            jobs[bucket, parsed.job_id] = None
    return list(jobs)


def records_of(event: Any) -> list[Any]:
    """The records of an S3 event; none where it has no list of them, which is logged."""
    records = event.get("Records", []) if isinstance(event, dict) else None
    if not isinstance(records, list):
        log(f"{brief(event)} is no S3 event: nothing to do")
        return []
    return records


def event_time(event: Any) -> float:
    """When the first record of an S3 event was made, in seconds since the epoch; 0.0 where it does
    not say.
    """
    try:
        return datetime.datetime.fromisoformat(event["Records"][0]["eventTime"]).timestamp()
    except (LookupError, TypeError, ValueError):
        return 0.0


def place_of(record: Any) -> tuple[str, str]:
    """Bucket and key of a record of an S3 event. BadRecord where it has none."""
    s3 = Fields(record, "S3 event").fields("s3")
    key = s3.fields("object").text("key")
    return s3.fields("bucket").text("name"), urllib.parse.unquote_plus(key)


@dataclasses.dataclass(frozen=True)
class Coordinator:
    """One request of the coordinator: its clients, its name as the owner of a claim, the seconds
    it has left, and the functions that it may start, on `threads` side by side. `written` is when
    S3 says that the output was, in seconds since the epoch, 0 where it does not.
    """

    clients: Clients
    request_id: str
    seconds_left: float
    reducers: Sequence[str] = ()
    threads: int = STARTING_THREADS
    written: float = 0.0

    def coordinate(self, bucket: str, job_id: str) -> None:
        """Look where a job is and do what is due. A record that cannot be read stops it."""
        try:
            job, _ = read_job(self.clients.s3, bucket, job_id)
            log(f"{opening(job.run_id, job_id, 'coordinator')} looks{asked(self.written)}")
            self.check(bucket, job)
            if job.cancelled:
                raise RunCancelled(f"was {job.cancelled}")
            found = stand(self.clients.s3, job)
            self.act(job, next_step(job, found, self.request_id, self.clients.clock()))
        except JobError as error:
            log(f"job {job_id}: {error}: nothing was started")

    def check(self, bucket: str, job: JobInfo) -> None:
        """BadRecord where a job's record is of another bucket, or names a reducer which this
        deployment does not: what stands in S3 starts no function by itself.
        """
        where = f"s3://{bucket}/{JobKeys(job.job_id).jobinfo}"
        if job.job_bucket != bucket:
            raise BadRecord(f"{where}: jobBucket is {brief(job.job_bucket)}, not {bucket!r}")
        if job.reducer_function not in self.reducers:
            raise BadRecord(
                f"{where}: reducerFunction is {brief(job.reducer_function)}, but this coordinator "
                f"was deployed for {', '.join(self.reducers) or 'none'} ({REDUCERS} in its "
                "environment): deploy it together with the reducer, with setupApps.py"
            )

    def act(self, job: JobInfo, action: Action) -> None:
        """Do what was decided."""
        if isinstance(action, Claim):
            self.claim(job, action)
        elif isinstance(action, Restart):
            self.restart(job, action)
        else:
            log(describe(action, job))

    def claim(self, job: JobInfo, action: Claim) -> None:
        """Take a step and start its reducers, unless someone else was first."""
        record = self.record(job, action.grid, action.before.count)
        if not self.take(job, action.step, record):
            log(f"step {action.step} is someone else's")
            return
        events = reducer_events(job, action.step, action.grid, action.before, action.sizes)
        largest = max(len(event.keys) for event in events)
        log(f"Batch Size {largest}, Spawning this many reducers: {len(events)}")
        self.start_reducers(job, events)

    def restart(self, job: JobInfo, action: Restart) -> None:
        """Take over a claim whose reducers are lost and start those that are missing."""
        s3, step = self.clients.s3, action.step
        found, etag = read_step_record(s3, job, step)
        renewed = self.record(job, found.grid, found.inputs)
        if found != action.record or not self.take(job, step, renewed, replaces=etag):
            log(f"step {step} was taken over by someone else")
            return
        missing = missing_reducers(s3, job, step, found.grid)
        log(f"step {step}: starting again the reducers {[one.reducer_id for one in missing]}")
        self.start_reducers(job, missing)

    def take(self, job: JobInfo, step: int, record: StepRecord, replaces: str = "") -> bool:
        """Write a claim where there is none, or over the one with the ETag `replaces`."""
        s3, key, sleep = self.clients.s3, JobKeys(job.job_id).step_record(step), self.clients.sleep
        while not s3json.create_json(s3, job.job_bucket, key, record.to_json(), replaces, sleep):
            there, etag = read_step_record(s3, job, step)
            # One of another run is as if missing. And botocore repeats a write whose answer was
            # lost: the one that was first may be our own.
            if there.run_id == job.run_id:
                return there == record
            replaces = etag
        return True

    def record(self, job: JobInfo, grid: Grid, inputs: int) -> StepRecord:
        """The record of a claim of ours, made now."""
        now = self.clients.clock()
        expires = now + self.seconds_left + job.reducer_timeout
        return StepRecord(grid, inputs, self.request_id, now, expires, job.run_id)

    def start_reducers(self, job: JobInfo, events: Sequence[ReducerEvent]) -> None:
        """Invoke reducers of a step asynchronously. ClientError where one cannot be started: then
        this request fails, Lambda sends it again, and it starts what is missing.
        """

        def start(event: ReducerEvent) -> None:
            self.clients.functions.invoke(
                FunctionName=job.reducer_function,
                InvocationType="Event",
                Payload=json.dumps({**event.to_json(), INVOKED: self.clients.clock()}).encode(),
            )

        with self.clients.executor(self.threads) as threads:
            list(threads.map(start, events))


def describe(action: Wait | Finished, job: JobInfo) -> str:
    """The log line of an event after which nothing is due."""
    if isinstance(action, Finished):
        return f"Job done!!! Check the result file s3://{job.job_bucket}/{job.job_id}/result"
    more = "" if action.counted else " or more"
    if action.step == 0:
        return f"Mappers Done so far  {action.done}{more}"
    return f"Reducers of step {action.step} done so far  {action.done}{more} of {action.due}"
