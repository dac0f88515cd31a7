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
from invoker import Function, call_all
from jobrequest import JobRequest
from jobstate import JobInfo
from jobwatch import JobTimedOut, Progress
from lambdautils import JobError, JobKeys, log
from planning import Plan

READ_TIMEOUT_MARGIN = 60
"""Seconds a client waits for a function's answer past the function's own timeout."""

STARTING_THREADS = 32
LEAVE_SECONDS = 5
"""What a driver inside Lambda keeps of its time to say what is missing."""

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
    }
    lambdautils.write_json(s3, request.job_bucket, keys.jobdata, data)
    lambdautils.write_json(s3, request.job_bucket, keys.jobinfo, job.to_json())
    return job


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


def mapper_payload(request: JobRequest, mapper_id: int, keys: list[str]) -> dict[str, Any]:
    """The event of one mapper; ids count from 1."""
    payload = {
        "bucket": request.bucket,
        "keys": keys,
        "jobBucket": request.job_bucket,
        "jobId": request.job_id,
        "mapperId": mapper_id,
    }
    return {**payload, "eventSource": request.event_source} if request.event_source else payload


def naming_the_batch(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`call`, whose errors also say which mapper it was and what it was to read."""

    def named(payload: Mapping[str, Any]) -> Any:
        try:
            return call(payload)
        except JobError as error:
            keys = payload["keys"]
            batch = (
                f"mapper {payload['mapperId']}, {len(keys)} objects from {keys[0]} to {keys[-1]}"
            )
            raise type(error)(f"{error} ({batch})") from error

    return named


def run_mappers(request: JobRequest, plan: Plan, mapper: Function) -> MapperTotals:
    """Invoke every mapper: by Event and without answers, or waiting for each answer."""
    payloads = [
        mapper_payload(request, number, keys) for number, keys in enumerate(plan.batches, 1)
    ]
    totals = MapperTotals()
    if request.full_async:
        start = naming_the_batch(mapper.start)
        call_all(start, payloads, STARTING_THREADS, request.retries, lambda index, _: None)
        return totals

    def on_answer(index: int, answer: Any) -> None:
        totals.add(index + 1, answer)
        log(f"mapper {index + 1} done, {totals.done} of {len(payloads)}")

    call = naming_the_batch(mapper.call)
    call_all(call, payloads, request.concurrency, request.retries, on_answer)
    return totals


def run(request: JobRequest, seconds_left: float | None = None) -> str:
    """Run a job and return its timing line. `seconds_left`: what Lambda leaves this driver.

    JobError (UsageError for a wrong request) with what a user can do; nothing is started then.
    """
    start = time.monotonic()
    deadline = None if seconds_left is None else start + seconds_left
    s3 = lambdautils.client("s3", request.region, request.profile)
    plan = planning.plan_batches(
        list(lambdautils.list_objects(s3, request.bucket, request.prefix)), request
    )
    log(f"{plan.objects} objects, {plan.size} bytes in s3://{request.bucket}/{request.prefix}")
    log(f"Num. of Mappers (and Reducers)  {len(plan.batches)}")
    if request.dryrun:
        return f"TIMER:CALL:{_milliseconds_since(start)}:dryrun:0"

    job, mapper = prepare(s3, request, plan)
    totals = run_mappers(request, plan, mapper)
    if request.full_async:
        log(f"{job.map_count} mappers started; the result will be {_result_url(job)}")
        return f"TIMER:CALL:{_milliseconds_since(start)}:mappers:0:reducer:0"
    report_mappers(s3, job, totals)
    timeout: float = request.timeout
    if deadline is not None:
        timeout = min(timeout, max(0.0, deadline - LEAVE_SECONDS - time.monotonic()))
    try:
        jobwatch.wait_for_result(s3, job, timeout, lambda progress: log(str(progress)))
    except JobTimedOut as error:
        for hint in explain_timeout(s3, request, plan, job, error.progress, start):
            log(hint)
        raise
    log(f"the result is {_result_url(job)}")
    reducer_seconds = jobstate.reducer_seconds(s3, job)
    milliseconds = _milliseconds_since(start)
    return f"TIMER:CALL:{milliseconds}:mappers:{totals.seconds:.3f}:reducer:{reducer_seconds:.3f}"


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
    line = run(request, context.get_remaining_time_in_millis() / 1000)
    log(line)
    return line


def main(argv: list[str] | None = None) -> int:
    """The command. Its parts are imported here, since the function's zip does not hold them."""
    import commandline

    return commandline.main(argv)


if __name__ == "__main__":
    sys.exit(main())
