# PYTHON_ARGCOMPLETE_OK: the shell may complete this command's options
"""The driver: plans a job, starts its mappers and, if asked to, waits for the result.

It is both a command and a Lambda function:

    python driver.py MY-BUCKET-NAME job1000 mapperNS reducerNS --wait4reducers
    aws lambda invoke --function-name driverNS --payload '{"job_id": "job1000", ...}' out

In: the objects under a prefix of the input bucket. Out: `JOB/jobdata` and `JOB/jobinfo.json` in
the job bucket, one mapper invocation a batch, and the timing line that scripts parse,
`TIMER:CALL:<ms>:mappers:<s>:reducer:<s>` or `TIMER:CALL:<ms>:dryrun:0`.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import diagnosis
import jobrequest
import jobstate
import jobwatch
import lambdautils
import planning
import preflight
import s3json
from invoker import Function, call_all
from jobrequest import JobRequest
from jobstate import JobInfo
from jobwatch import JobTimedOut, Progress
from lambdautils import JobError, JobKeys, log
from planning import Plan
from splits import Range

READ_TIMEOUT_MARGIN = 60
"""Seconds a client waits for a function's answer past the function's own timeout."""

STARTING_THREADS = 32
LEAVE_SECONDS = 5
"""What a driver inside Lambda keeps of its time to say what is missing."""

# --------------------------------------------------------------------------- what a run tells


@dataclasses.dataclass
class MapperTotals:
    """The sum of the mappers' answers: rows, seconds of all functions, bad rows."""

    done: int = 0
    lines: int = 0
    seconds: float = 0.0
    errors: int = 0
    first_with_errors: int | None = None

    def add(self, mapper_id: int, answer: Any) -> None:
        """Add one answer, [objects, rows, seconds, bad rows]. JobError where it is not that."""
        try:
            _, lines, seconds, errors = answer
            self.lines += int(lines)
            self.seconds += float(seconds)
            self.errors += int(errors)
        except (TypeError, ValueError) as error:
            raise JobError(
                f"mapper {mapper_id} answered {str(answer)[:200]}, not "
                "[objects, rows, seconds, bad rows]: is the mapper function the right one?"
            ) from error
        self.done += 1
        if errors and self.first_with_errors is None:
            self.first_with_errors = mapper_id


class Listener:
    """Told what happens while a job runs; this one writes it to the log.

    `mapper_started` and `mapper_failed` are called from many threads at once.
    """

    def planned(self, request: JobRequest, plan: Plan) -> None:
        """The plan is made, nothing has been started."""

    def mapper_started(self, mapper_id: int) -> None:
        """A try of a mapper begins."""

    def mapper_failed(self, mapper_id: int, error: JobError) -> None:
        """A try of a mapper has failed; another may follow."""

    def mapper_done(self, mapper_id: int, totals: MapperTotals, count: int) -> None:
        """A mapper has answered; `totals` is the sum of all answers, of `count` that are due."""
        log(f"mapper {mapper_id} done, {totals.done} of {count}")

    def mapped(self, s3: Any, job: JobInfo, totals: MapperTotals) -> None:
        """Every mapper has answered."""
        report_mappers(s3, job, totals)

    def moved(self, progress: Progress) -> None:
        """The job's state in S3 has changed."""
        log(str(progress))

    def finished(self, job: JobInfo) -> None:
        """The result is there."""
        log(f"the result is {_result_url(job)}")


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run ended: its timing line, its plan, and the job unless it was a dry run."""

    timer: str
    plan: Plan
    job: JobInfo | None = None


# --------------------------------------------------------------------------- running


def record_job(s3: Any, request: JobRequest, plan: Plan, reducer_timeout: int) -> JobInfo:
    """Write the job's two records."""
    keys = JobKeys(request.job_id)
    job = JobInfo(
        request.job_id,
        request.job_bucket,
        len(plan.batches),
        request.reducer,
        reducer_timeout=reducer_timeout,
    )
    data = {
        "mapCount": job.map_count,
        "totalS3Files": plan.objects,
        "startTime": time.time(),
        "totalBytes": plan.size,
        "inputReads": sum(map(len, plan.batches)),
        "mapperFunction": request.mapper,
        "driverFunction": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
    }
    s3json.write_json(s3, request.job_bucket, keys.jobdata, data)
    s3json.write_json(s3, request.job_bucket, keys.jobinfo, job.to_json())
    return job


def mapper_payload(
    request: JobRequest, mapper_id: int, keys: list[str], ranges: list[Range | None] | None = None
) -> dict[str, Any]:
    """The event of one mapper; ids count from 1. Only with splits does it have `ranges`."""
    payload: dict[str, Any] = {
        "bucket": request.bucket,
        "keys": keys,
        "jobBucket": request.job_bucket,
        "jobId": request.job_id,
        "mapperId": mapper_id,
    }
    if ranges is not None:
        payload["ranges"] = [part and part.to_json() for part in ranges]
    return {**payload, "eventSource": request.event_source} if request.event_source else payload


def told(call: Callable[[Any], Any], listener: Listener) -> Callable[[Any], Any]:
    """`call`, of which the listener hears; its errors also say which mapper was to read what."""

    def named(payload: Mapping[str, Any]) -> Any:
        listener.mapper_started(payload["mapperId"])
        try:
            return call(payload)
        except JobError as error:
            listener.mapper_failed(payload["mapperId"], error)
            keys = payload["keys"]
            batch = (
                f"mapper {payload['mapperId']}, {len(keys)} objects from {keys[0]} to {keys[-1]}"
            )
            raise type(error)(f"{error} ({batch})") from error

    return named


def run_mappers(
    request: JobRequest, plan: Plan, mapper: Function, listener: Listener
) -> MapperTotals:
    """Invoke every mapper: by Event and without answers, or waiting for each answer."""
    ranges = plan.ranges or itertools.repeat(None, len(plan.batches))
    payloads = [
        mapper_payload(request, number, keys, parts)
        for number, (keys, parts) in enumerate(zip(plan.batches, ranges, strict=True), 1)
    ]
    totals = MapperTotals()
    if request.full_async:
        start = told(mapper.start, listener)
        call_all(start, payloads, STARTING_THREADS, request.retries, lambda index, _: None)
        return totals

    def on_answer(index: int, answer: Any) -> None:
        totals.add(index + 1, answer)
        listener.mapper_done(index + 1, totals, len(payloads))

    call = told(mapper.call, listener)
    call_all(call, payloads, request.concurrency, request.retries, on_answer)
    return totals


def run(
    request: JobRequest, seconds_left: float | None = None, listener: Listener | None = None
) -> Outcome:
    """Run a job. `seconds_left`: what Lambda leaves this driver.

    JobError (UsageError for a wrong request) with what a user can do; nothing is started then.
    """
    start = time.monotonic()
    deadline = None if seconds_left is None else start + seconds_left
    listener = listener or Listener()
    s3 = lambdautils.client("s3", request.region, request.profile)
    plan = planning.plan_batches(
        list(lambdautils.list_objects(s3, request.bucket, request.prefix)), request
    )
    log(f"{plan.objects} objects, {plan.size} bytes in s3://{request.bucket}/{request.prefix}")
    log(f"Num. of Mappers (and Reducers)  {len(plan.batches)}")
    listener.planned(request, plan)
    if request.dryrun:
        return Outcome(f"TIMER:CALL:{_milliseconds_since(start)}:dryrun:0", plan)

    job, mapper = prepare(s3, request, plan)
    log(f"job {request.job_id}: driver starts {job.map_count} mappers")
    totals = run_mappers(request, plan, mapper, listener)
    if request.full_async:
        log(f"{job.map_count} mappers started; the result will be {_result_url(job)}")
        return Outcome(f"TIMER:CALL:{_milliseconds_since(start)}:mappers:0:reducer:0", plan, job)
    listener.mapped(s3, job, totals)
    timeout: float = request.timeout
    if deadline is not None:
        timeout = min(timeout, max(0.0, deadline - LEAVE_SECONDS - time.monotonic()))
    try:
        jobwatch.wait_for_result(s3, job, timeout, listener.moved)
    except JobTimedOut as error:
        for hint in explain_timeout(s3, request, plan, job, error.progress, start):
            log(hint)
        raise
    listener.finished(job)
    reducer_seconds = jobstate.reducer_seconds(s3, job)
    seconds = f"mappers:{totals.seconds:.3f}:reducer:{reducer_seconds:.3f}"
    return Outcome(f"TIMER:CALL:{_milliseconds_since(start)}:{seconds}", plan, job)


def explain_timeout(
    s3: Any, request: JobRequest, plan: Plan, job: JobInfo, progress: Progress, start: float
) -> list[str]:
    """What helps to find out why a job, started at `start` on the monotonic clock, did not end."""
    return diagnosis.diagnose(
        s3,
        lambdautils.client("logs", request.region, request.profile),
        job,
        progress,
        plan.batches,
        [request.mapper, request.reducer],
        time.time() - (time.monotonic() - start),
    )


def prepare(s3: Any, request: JobRequest, plan: Plan) -> tuple[JobInfo, Function]:
    """Check everything a run needs, then write its records; returns them and the mapper."""
    functions = lambdautils.client("lambda", request.region, request.profile)
    mapper_timeout = preflight.function_timeout(functions, request.mapper)
    reducer_timeout = preflight.function_timeout(functions, request.reducer)
    preflight.check_trigger(s3, request)
    preflight.clear_job(s3, request)
    job = record_job(s3, request, plan, reducer_timeout)
    # The answer always comes before this client gives up, so a call that botocore sends again
    # finds no other one of the same mapper at work.
    patient = lambdautils.client(
        "lambda",
        request.region,
        request.profile,
        read_timeout=mapper_timeout + READ_TIMEOUT_MARGIN,
        connections=max(request.concurrency, STARTING_THREADS),
    )
    return job, Function(patient, request.mapper)


def report_mappers(s3: Any, job: JobInfo, totals: MapperTotals) -> None:
    """Say what the mappers did, with one of the bad rows where there were any."""
    log(f"{totals.done} mappers done: {totals.lines} rows, {totals.errors} bad")
    if totals.first_with_errors is not None:
        example = jobstate.bad_row(s3, job, totals.first_with_errors)
        log(f"a bad row, in s3 object {example.key}: {example.line}")


def _milliseconds_since(start: float) -> int:
    return round((time.monotonic() - start) * 1000)


def _result_url(job: JobInfo) -> str:
    return f"s3://{job.job_bucket}/{JobKeys(job.job_id).result}"


# --------------------------------------------------------------------------- the two ways in


def handler(event: Any, context: Any) -> str:
    """The function's entry: a JSON payload in, the timing line out."""
    request = JobRequest.from_payload(event, os.environ.get("AWS_REGION", jobrequest.REGION))
    outcome = run(request, context.get_remaining_time_in_millis() / 1000)
    log(outcome.timer)
    return outcome.timer


def main(argv: list[str] | None = None) -> int:
    """The command. Its parts are imported here, since the function's zip does not hold them."""
    import commandline

    return commandline.main(argv)


if __name__ == "__main__":
    sys.exit(main())
