"""The driver: plans a job, starts its mappers and, if asked to, waits for the result.

It is both a command and a Lambda function:

    python driver.py MY-BUCKET-NAME job1000 mapperNS reducerNS --wait4reducers
    aws lambda invoke --function-name driverNS --payload '{"job_id": "job1000", ...}' out

In: the objects under a prefix of the input bucket. Out: `JOB/jobdata` and `JOB/jobinfo.json` in
the job bucket, one mapper invocation a batch, and the timing line that scripts parse,
`TIMER:CALL:<ms>:mappers:<s>:reducer:<s>` or `TIMER:CALL:<ms>:dryrun:0`.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

import diagnosis
import jobrequest
import jobstate
import jobwatch
import lambdautils
import planning
import preflight
from invoker import Function, call_all
from jobrequest import JobRequest, UsageError
from jobstate import JobInfo
from jobwatch import JobTimedOut, Progress
from lambdautils import JobError, JobKeys, error_code, log
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


def make_parser() -> argparse.ArgumentParser:
    """The command line, as the original has it, and what was added."""
    parser = argparse.ArgumentParser(
        prog="driver.py",
        description="MRDriver: run a MapReduce job on AWS Lambda and S3.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="""examples:
  see how many mappers a job takes, and run nothing:
    python driver.py MY-BUCKET-NAME job1000 --dryrun
  run two batches and wait for the result:
    python driver.py MY-BUCKET-NAME job1000 mapperNS reducerNS --wait4reducers --endearly 2
  run the whole job and do not wait:
    python driver.py MY-BUCKET-NAME job1000 mapperNS reducerNS
  your own input:
    python driver.py MY-BUCKET-NAME job1000 mapperNS reducerNS --databkt MY-DATA --prefix visits/

exit status: 0 done, 1 the job failed, 2 wrong usage""",
    )
    add = parser.add_argument
    add("jobbkt", help="job bucket for output files (that trigger reducers)")
    add(
        "jobid",
        help="unique job id; must match job_id of reducerCoordinator in scns.json, if that has one",
    )
    add("mapper_function", nargs="?", help="name of the mapper function (not for --dryrun)")
    add("reducer_function", nargs="?", help="name of the reducer function (not for --dryrun)")
    add("--profile", help="AWS profile (default: as boto3 finds it)")
    add("--databkt", default=jobrequest.DATA_BUCKET, help="input data bucket (%(default)s)")
    add("--prefix", default=jobrequest.DATA_PREFIX, help="prefix of the input (%(default)s)")
    add(
        "--region",
        default=jobrequest.REGION,
        help="region of the functions and the job bucket (%(default)s)",
    )
    add("--wait4reducers", action="store_true", help="wait for the result and report timings")
    add("--dryrun", action="store_true", help="see how many mappers are needed, run nothing")
    add("--endearly", type=_number_from(1), metavar="N", help="run the first N batches only")
    add(
        "--batchsize",
        type=_number_from(1),
        metavar="N",
        help="input objects a mapper (default: from their mean size)",
    )
    add(
        "--concurrency",
        type=_number_from(1),
        metavar="N",
        default=jobrequest.CONCURRENCY,
        help="mappers at once with --wait4reducers (%(default)s)",
    )
    add("--overwrite", action="store_true", help="delete the outputs of an earlier run first")
    add(
        "--timeout",
        type=_number_from(1),
        metavar="S",
        default=jobrequest.TIMEOUT,
        help="seconds to wait for the reducers (%(default)s)",
    )
    add(
        "--retries",
        type=_number_from(0),
        metavar="N",
        default=jobrequest.RETRIES,
        help="further tries of a mapper that fails (%(default)s)",
    )
    return parser


def _number_from(least: int) -> Any:
    def number(text: str) -> int:
        try:
            return jobrequest.whole_number(text, least)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return number


def main(argv: list[str] | None = None) -> int:
    """The command. Returns the exit status."""
    options = make_parser().parse_args(argv)
    try:
        print(run(JobRequest.from_options(options)))
    except UsageError as error:
        log(f"driver.py: {error}")
        return 2
    except JobError as error:
        log(f"driver.py: {error}")
        return 1
    except (ClientError, BotoCoreError) as error:
        log(f"driver.py: {explain(error, options)}")
        return 1
    except KeyboardInterrupt:
        log(interrupted(options))
        return 1
    return 0


def explain(error: ClientError | BotoCoreError, options: argparse.Namespace) -> str:
    """What an AWS error means to the user, and what helps."""
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return f"{error}: run `aws configure`, or set AWS_PROFILE, or pass --profile"
    if isinstance(error, ProfileNotFound):
        return f"{error}: `aws configure list-profiles` shows those there are"
    if isinstance(error, EndpointConnectionError):
        return f"{error}: check the network, --region and AWS_ENDPOINT_URL"
    if isinstance(error, ClientError):
        if error_code(error) == "NoSuchBucket":
            name = error.response["Error"].get("BucketName") or (
                f"{options.databkt} or {options.jobbkt}"
            )
            return f"there is no bucket {name}: make it with `aws s3 mb s3://NAME`"
        if error_code(error) in ("AccessDenied", "AccessDeniedException", "403"):
            return f"{error}. Your credentials must allow {error.operation_name} here"
    return str(error)


def interrupted(options: argparse.Namespace) -> str:
    """What a user who pressed Ctrl-C must know."""
    return (
        f"driver.py: interrupted. What was started goes on by itself: functions under way end, and "
        f"job {options.jobid} in s3://{options.jobbkt}/{options.jobid}/ may still finish. "
        "`python setupApps.py -f scns.json --deleteAll` stops everything"
    )


if __name__ == "__main__":
    sys.exit(main())
