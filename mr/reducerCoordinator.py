"""The coordinator: woken by every output of a job, it starts the next reduce step, exactly once.

In: an S3 event (at least once, in any order). It keeps nothing between two events: the job's
listing and its step records tell where the job is. Out: `JOB/reducerstate.STEP`, created with a
conditional write before anything is started, so that of all coordinators that see the same
complete step one alone starts the next; then one asynchronous invocation for each reducer.
"""

from __future__ import annotations

import dataclasses
import json
import time
import urllib.parse
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from aws import s3json
from aws.client import Clients, error_code
from errors import BadRecord, JobError, brief, log
from shuffle.steps import Action, Claim, Finished, Restart, Wait, next_step
from state.fields import Fields
from state.keys import JobKeys, parse_key
from state.listing import list_job, read_step_record, read_step_records
from state.records import JobInfo, StepRecord
from state.tasks import reducer_payload

STARTING_THREADS = 8

CLIENTS = Clients()
"""Made once for each environment of the function: a warm start makes none."""


def handler(event: Any, context: Any) -> None:
    """The function's entry: an S3 event, whose records may be of several jobs."""
    coordinator = Coordinator(
        CLIENTS,
        context.aws_request_id,
        context.get_remaining_time_in_millis() / 1000,
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


def place_of(record: Any) -> tuple[str, str]:
    """Bucket and key of a record of an S3 event. BadRecord where it has none."""
    s3 = Fields(record, "S3 event").fields("s3")
    key = s3.fields("object").text("key")
    return s3.fields("bucket").text("name"), urllib.parse.unquote_plus(key)


@dataclasses.dataclass(frozen=True)
class Coordinator:
    """One request of the coordinator: its clients, its name as the owner of a claim, and the
    seconds it has left. `threads` start reducers side by side.
    """

    clients: Clients
    request_id: str
    seconds_left: float
    clock: Callable[[], float] = time.time
    threads: int = STARTING_THREADS

    def coordinate(self, bucket: str, job_id: str) -> None:
        """Look where a job is and do what is due. A record that cannot be read stops it."""
        log(f"job {job_id}: coordinator looks")
        try:
            job = self.read_job(bucket, job_id)
            self.act(job, self.look(job))
        except JobError as error:
            log(f"job {job_id}: {error}: nothing was started")

    def read_job(self, bucket: str, job_id: str) -> JobInfo:
        """The job's record. BadRecord where there is none, or one of another bucket."""
        key = JobKeys(job_id).jobinfo
        try:
            job = JobInfo.from_json(s3json.read_json(self.clients.s3, bucket, key), job_id)
        except ClientError as error:
            if error_code(error) != "NoSuchKey":
                raise
            raise BadRecord(f"s3://{bucket}/{key} is missing: no driver started this job") from None
        if job.job_bucket != bucket:
            named = brief(job.job_bucket)
            raise BadRecord(f"s3://{bucket}/{key}: jobBucket is {named}, not {bucket!r}")
        return job

    def look(self, job: JobInfo) -> Action:
        """Read where the job is and decide."""
        listing = list_job(self.clients.s3, job.job_bucket, job.job_id)
        for step in sorted(set(listing.outputs) - listing.records - {0}):
            log(f"job {job.job_id}: outputs of step {step}, which nobody claimed, are passed over")
        records = read_step_records(self.clients.s3, job.job_bucket, job.job_id, listing)
        return next_step(job, listing, records, self.request_id, self.clock())

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
        record = self.record(job, action.batches)
        if not self.take(job, action.step, record):
            log(f"step {action.step} is someone else's")
            return
        log(
            f"Batch Size {max(map(len, action.batches))}, "
            f"Spawning this many reducers: {record.reducer_count}"
        )
        self.start_reducers(job, action.step, record, range(1, record.reducer_count + 1))

    def restart(self, job: JobInfo, action: Restart) -> None:
        """Take over a claim whose reducers are lost and start those that are missing."""
        found, etag = read_step_record(self.clients.s3, job.job_bucket, job.job_id, action.step)
        renewed = self.record(job, found.batches)
        if found != action.record or not self.take(job, action.step, renewed, replaces=etag):
            log(f"step {action.step} was taken over by someone else")
            return
        log(f"step {action.step}: starting again the reducers {list(action.missing)}")
        self.start_reducers(job, action.step, renewed, action.missing)

    def take(self, job: JobInfo, step: int, record: StepRecord, replaces: str = "") -> bool:
        """Write a claim where there is none, or over the one with the ETag `replaces`."""
        key = JobKeys(job.job_id).step_record(step)
        if s3json.create_json(self.clients.s3, job.job_bucket, key, record.to_json(), replaces):
            return True
        # botocore repeats a write whose answer was lost: the one that was first may be our own.
        return read_step_record(self.clients.s3, job.job_bucket, job.job_id, step)[0] == record

    def record(self, job: JobInfo, batches: tuple[tuple[str, ...], ...]) -> StepRecord:
        """The record of a claim of ours, made now."""
        now = self.clock()
        expires = now + self.seconds_left + job.reducer_timeout
        return StepRecord(batches, self.request_id, now, expires)

    def start_reducers(
        self, job: JobInfo, step: int, record: StepRecord, reducer_ids: Sequence[int]
    ) -> None:
        """Invoke reducers of a step asynchronously. ClientError where one cannot be started: then
        this request fails, Lambda sends it again, and it starts what is missing.
        """

        def start(reducer_id: int) -> None:
            self.clients.functions.invoke(
                FunctionName=job.reducer_function,
                InvocationType="Event",
                Payload=json.dumps(reducer_payload(job, step, record, reducer_id)).encode(),
            )

        with ThreadPoolExecutor(self.threads) as threads:
            list(threads.map(start, reducer_ids))


def describe(action: Wait | Finished, job: JobInfo) -> str:
    """The log line of an event after which nothing is due."""
    if isinstance(action, Finished):
        return f"Job done!!! Check the result file s3://{job.job_bucket}/{job.job_id}/result"
    if action.step == 0:
        return f"Mappers Done so far  {action.done}"
    return f"Reducers of step {action.step} done so far  {action.done} of {action.due}"
