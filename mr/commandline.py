"""The driver's command line: `python driver.py ...`. It is not part of the function's zip.

In: arguments. Out: data on standard output (the timing line, a status, a result), progress and
errors on standard error, and the exit status: 0 done, 1 the job failed, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

import driver
import jobrequest
import jobstatus
import lambdautils
import resultview
from jobrequest import JobRequest, UsageError
from lambdautils import JobError, error_code, log


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
  where a job is, and its ten largest groups:
    python driver.py --status MY-BUCKET-NAME job1000
    python driver.py --result MY-BUCKET-NAME job1000 --sort value --top 10
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
    view = parser.add_mutually_exclusive_group()
    view.add_argument("--status", action="store_true", help="show where a job is, from S3 alone")
    view.add_argument("--result", action="store_true", help="print a job's answer as CSV")
    add("--json", action="store_true", help="with --status, --result: print JSON")
    add("--sort", choices=("key", "value"), default="key", help="with --result: by what")
    add("--top", type=_number_from(1), metavar="N", help="with --result: the first N only")
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


def run(options: argparse.Namespace) -> None:
    """Do what the options ask for. JobError, or AWS's own errors."""
    for view in VIEWS:
        if getattr(options, view):
            VIEWS[view](options)
            return
    print(driver.run(JobRequest.from_options(options)))


def show_status(options: argparse.Namespace) -> None:
    """Print where a job is."""
    status = jobstatus.read_status(s3_client(options), options.jobbkt, options.jobid)
    print(json.dumps(status.to_json()) if options.json else "\n".join(status.lines()))


def show_result(options: argparse.Namespace) -> None:
    """Print a job's answer."""
    groups = resultview.read_result(s3_client(options), options.jobbkt, options.jobid)
    chosen = resultview.choose(groups, options.sort, options.top)
    resultview.write(chosen, "json" if options.json else "csv")


VIEWS: dict[str, Callable[[argparse.Namespace], None]] = {
    "status": show_status,
    "result": show_result,
}
"""The options that look at a job instead of running one."""


def s3_client(options: argparse.Namespace) -> Any:
    """The S3 client of the options' region and profile."""
    return lambdautils.client("s3", options.region, options.profile)


def main(argv: list[str] | None = None) -> int:
    """The command. Returns the exit status."""
    options = make_parser().parse_args(argv)
    try:
        run(options)
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
    except BrokenPipeError:
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
