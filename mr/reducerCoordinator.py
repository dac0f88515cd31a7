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
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

import jobstate
import lambdautils
import s3json
from jobstate import JobInfo, JobListing, StepRecord
from lambdautils import BadRecord, JobError, JobKeys, error_code, log

STARTING_THREADS = 8

# --------------------------------------------------------------------------- decisions


@dataclasses.dataclass(frozen=True)
class Wait:
    """Outputs of `step` are still missing, and whoever makes them is at work."""

    step: int
    done: int
    due: int


@dataclasses.dataclass(frozen=True)
class Claim:
    """All inputs of `step` are there and nobody has it: claim it, then start every batch."""

    step: int
    batches: tuple[tuple[str, ...], ...]


@dataclasses.dataclass(frozen=True)
class Restart:
    """`step` was claimed, but reducers are lost: take the claim over, start the `missing` ones."""

    step: int
    record: StepRecord
    missing: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Finished:
    """The result is there."""


Action = Wait | Claim | Restart | Finished


def next_step(
    job: JobInfo,
    listing: JobListing,
    records: Mapping[int, StepRecord],
    request_id: str,
    now: float,
) -> Action:
    """What to do for a job in this state; pure.

    A step is complete when it has as many outputs as its record says (step 0: `map_count`). The
    step with a single reducer writes the result instead, so there it is never complete.
    `records` holds the records of the steps in `listing.records`, `now` is in seconds since the
    epoch. JobError where the steps are used up.
    """
    if listing.has_result:
        return Finished()
    step, due = 0, job.map_count
    while True:
        sizes = listing.outputs.get(step, {})
        missing = tuple(number for number in range(1, due + 1) if number not in sizes)
        if missing:
            return _unfinished(step, due, missing, records.get(step), request_id, now)
        if step + 1 not in records:
            return Claim(step + 1, plan_step(job.job_id, step + 1, sizes, due))
        step, due = step + 1, records[step + 1].reducer_count


def _unfinished(
    step: int,
    due: int,
    missing: tuple[int, ...],
    record: StepRecord | None,
    request_id: str,
    now: float,
) -> Action:
    # The same request comes again only after it failed: it may have started nothing yet.
    # Others wait until every reducer of the claim must have ended.
    if record is not None and (record.owner == request_id or now > record.expires):
        return Restart(step, record, missing)
    return Wait(step, due - len(missing), due)


def plan_step(
    job_id: str, step: int, sizes: Mapping[int, int], due: int
) -> tuple[tuple[str, ...], ...]:
    """Batches of the outputs 1..due of the step before, for the reducers of `step`.

    `sizes` are the outputs' bytes. Batches are sized as a mapper's, but hold at least 2.
    """
    keys = JobKeys(job_id)
    outputs = [
        {"Key": keys.output(step - 1, number), "Size": sizes[number]}
        for number in range(1, due + 1)
    ]
    batch_size = lambdautils.compute_batch_size(outputs)
    fan_in = lambdautils.reduce_fan_in(due, batch_size, step)
    return tuple(map(tuple, lambdautils.batch_creator(outputs, fan_in)))


# --------------------------------------------------------------------------- carrying them out


def handler(event: Any, context: Any) -> None:
    """The function's entry: an S3 event, whose records may be of several jobs."""
    coordinator = Coordinator(
        lambdautils.client("s3"),
        lambdautils.client("lambda"),
        context.aws_request_id,
        context.get_remaining_time_in_millis() / 1000,
    )
    for bucket, job_id in jobs_of(event):
        coordinator.coordinate(bucket, job_id)


def jobs_of(event: Any) -> list[tuple[str, str]]:
    """(bucket, job id) of each job an S3 event tells of, once each; foreign keys are logged."""
    jobs: dict[tuple[str, str], None] = {}
    for record in event.get("Records", []):
        bucket = record["s3"]["bucket"]["name"]
        key = urllib.parse.unquote_plus(record["s3"]["object"]["key"])
        parsed = lambdautils.parse_key(key)
        if parsed is None or parsed.kind not in ("output", "done"):
            log(f"s3://{bucket}/{key} is not an output of a job: nothing to do")
        else:
            jobs[bucket, parsed.job_id] = None
    return list(jobs)


@dataclasses.dataclass(frozen=True)
class Coordinator:
    """One request of the coordinator: its clients, its name as the owner of a claim, and the
    seconds it has left. `threads` start reducers side by side.
    """

    s3: Any
    functions: Any
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
            job = JobInfo.from_json(s3json.read_json(self.s3, bucket, key), job_id)
        except ClientError as error:
            if error_code(error) != "NoSuchKey":
                raise
            raise BadRecord(f"s3://{bucket}/{key} is missing: no driver started this job") from None
        if job.job_bucket != bucket:
            raise BadRecord(f"s3://{bucket}/{key}: jobBucket is {job.job_bucket!r}, not {bucket!r}")
        return job

    def look(self, job: JobInfo) -> Action:
        """Read where the job is and decide."""
        listing = jobstate.list_job(self.s3, job.job_bucket, job.job_id)
        for step in sorted(set(listing.outputs) - listing.records - {0}):
            log(f"job {job.job_id}: outputs of step {step}, which nobody claimed, are passed over")
        records = jobstate.read_step_records(self.s3, job.job_bucket, job.job_id, listing)
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
        found, etag = jobstate.read_step_record(self.s3, job.job_bucket, job.job_id, action.step)
        renewed = self.record(job, found.batches)
        if found != action.record or not self.take(job, action.step, renewed, replaces=etag):
            log(f"step {action.step} was taken over by someone else")
            return
        log(f"step {action.step}: starting again the reducers {list(action.missing)}")
        self.start_reducers(job, action.step, renewed, action.missing)

    def take(self, job: JobInfo, step: int, record: StepRecord, replaces: str = "") -> bool:
        """Write a claim where there is none, or over the one with the ETag `replaces`."""
        key = JobKeys(job.job_id).step_record(step)
        if s3json.create_json(self.s3, job.job_bucket, key, record.to_json(), replaces):
            return True
        # botocore repeats a write whose answer was lost: the one that was first may be our own.
        return jobstate.read_step_record(self.s3, job.job_bucket, job.job_id, step)[0] == record

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
            self.functions.invoke(
                FunctionName=job.reducer_function,
                InvocationType="Event",
                Payload=json.dumps(reducer_payload(job, step, record, reducer_id)).encode(),
            )

        with ThreadPoolExecutor(self.threads) as threads:
            list(threads.map(start, reducer_ids))


def reducer_payload(job: JobInfo, step: int, record: StepRecord, reducer_id: int) -> dict[str, Any]:
    """The event of one reducer of a step."""
    return {
        "bucket": job.job_bucket,
        "keys": record.batches[reducer_id - 1],
        "jobBucket": job.job_bucket,
        "jobId": job.job_id,
        "nReducers": record.reducer_count,
        "stepId": step,
        "reducerId": reducer_id,
    }


def describe(action: Wait | Finished, job: JobInfo) -> str:
    """The log line of an event after which nothing is due."""
    if isinstance(action, Finished):
        return f"Job done!!! Check the result file s3://{job.job_bucket}/{job.job_id}/result"
    if action.step == 0:
        return f"Mappers Done so far  {action.done}"
    return f"Reducers of step {action.step} done so far  {action.done} of {action.due}"
