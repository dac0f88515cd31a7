"""The driver's command line: `python driver.py ...`. It is not part of the function's zip.

In: arguments. Out: data on standard output (the timing line, a status, a result, or with --json
one object), progress and errors on standard error, and the exit status: 0 done, 1 the job failed,
2 wrong usage.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
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

from aws.client import Clients, error_code, is_denied
from errors import JobError, UsageError, log
from report import page
from running import run
from running.request import JobRequest
from state.listing import read_records
from terminal import arguments, display
from views import costs, finished, forecast, functions, logs, result, summary
from views.costs import Prices
from views.logs import Billed, LogLine
from views.status import read_status
from views.summary import Summary

# --------------------------------------------------------------------------- running a job


def run_job(options: argparse.Namespace) -> None:
    """Run a job, and say what it did where it is waited for."""
    request = JobRequest.from_options(options)
    prices = costs.read_prices(options.prices)
    if options.report:
        page.check(options.report)
    if request.dryrun or request.full_async:
        outcome = run.run(clients_of(options), request)
    else:
        with display.for_terminal(options.quiet) as shown:
            outcome = run.run(clients_of(options), request, listener=shown)
    facts: dict[str, Any] = {"timer": outcome.timer}
    if request.dryrun:
        expected = forecast.forecast(outcome.plan, request.concurrency, prices)
        say(expected.lines())
        facts["plan"] = expected.to_json()
    elif not request.full_async:
        done = read_summary(options, prices)
        say(done.lines())
        facts["summary"] = done.to_json()
        if options.report:
            write_report(options, done)
    print(json.dumps(facts) if options.json else outcome.timer)
    if outcome.fault:
        raise JobError(outcome.fault)


def read_summary(options: argparse.Namespace, prices: Prices) -> Summary:
    """What the options' job did. JobError where it is not done.

    The logs, which may be long, are looked through for a report only.
    """
    s3 = clients_of(options).s3
    job = finished.read_finished_job(s3, options.jobbkt, options.jobid)
    billed = read_billed(options) if options.report else {}
    return summary.summarize(s3, clients_of(options).functions, job, prices, billed)


def read_billed(options: argparse.Namespace) -> dict[str, Billed]:
    """What Lambda billed for each function of the job; nothing where its logs may not be read."""
    try:
        return logs.billed(read_log(options))
    except JobError as error:
        log(f"going on without what was billed: {error}")
        return {}


def write_report(options: argparse.Namespace, done: Summary) -> None:
    """Write the page about a finished job."""
    groups = result.read_result(clients_of(options).s3, options.jobbkt, options.jobid)
    page.write(options.report, done, groups)
    log(f"the report is {options.report}")


def say(lines: list[str]) -> None:
    """Lines for a person, on standard error."""
    for line in lines:
        log(line)


# --------------------------------------------------------------------------- looking at a job


def show_status(options: argparse.Namespace) -> None:
    """Print where a job is."""
    status = read_status(clients_of(options).s3, options.jobbkt, options.jobid)
    print(json.dumps(status.to_json()) if options.json else "\n".join(status.lines()))


def show_result(options: argparse.Namespace) -> None:
    """Print a job's answer."""
    groups = result.read_result(clients_of(options).s3, options.jobbkt, options.jobid)
    chosen = result.choose(groups, options.sort or "key", options.top)
    result.write(chosen, "json" if options.json else options.format or "csv")


def show_logs(options: argparse.Namespace) -> None:
    """Print what a job's functions logged, or print it as it comes."""
    if options.follow:
        follow_log(options)
        return
    lines = read_log(options)
    if options.json:
        print(json.dumps({"lines": [dataclasses.asdict(line) for line in lines]}))
    else:
        print("".join(f"{line.text()}\n" for line in lines), end="")


def read_log(options: argparse.Namespace) -> list[LogLine]:
    """What the functions of the options' job logged, by time."""
    names, since = log_sources(options)
    return logs.job_lines(clients_of(options).logs, names, options.jobid, since)


def follow_log(options: argparse.Namespace) -> None:
    """Print what the functions log as it comes, until the job is done."""
    s3 = clients_of(options).s3
    names, since = log_sources(options)

    def is_done() -> bool:
        return read_status(s3, options.jobbkt, options.jobid).state == "done"

    for line in logs.follow(clients_of(options).logs, names, options.jobid, since, is_done):
        print(line.text(), flush=True)


def log_sources(options: argparse.Namespace) -> tuple[list[str], float]:
    """The functions of the options' job, and the time from which on they may have logged."""
    s3 = clients_of(options).s3
    job, data = read_records(s3, options.jobbkt, options.jobid)
    names = list(dict.fromkeys(functions.names_of(s3, job, data).values()))
    return names, data.number("startTime") - logs.OVERLAP_SECONDS


def show_report(options: argparse.Namespace) -> None:
    """Write the page about a job that is done; with --json, print its facts."""
    page.check(options.report)
    done = read_summary(options, costs.read_prices(options.prices))
    write_report(options, done)
    if options.json:
        print(json.dumps({"summary": done.to_json()}))


SHOW: dict[str | None, Callable[[argparse.Namespace], None]] = {
    "status": show_status,
    "result": show_result,
    "logs": show_logs,
    "report": show_report,
    None: run_job,
}
"""What is done for each of the command's forms."""


def clients_of(options: argparse.Namespace) -> Clients:
    """The clients of the options' region and profile."""
    return Clients(options.region, options.profile)


# --------------------------------------------------------------------------- the command


def main(argv: list[str] | None = None) -> int:
    """The command. Returns the exit status."""
    options = arguments.parse(argv)
    try:
        SHOW[arguments.view_of(options)](options)
        sys.stdout.flush()
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
        looking = arguments.view_of(options)
        log("driver.py: interrupted" if looking else interrupted(options))
        return 1
    except BrokenPipeError:
        # Whoever read our output has enough; Python must not try to write the rest at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
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
            either = f"{options.databkt} or {options.jobbkt}"
            suspect = options.jobbkt if arguments.view_of(options) else either
            name = error.response["Error"].get("BucketName") or suspect
            return f"there is no bucket {name}: make it with `aws s3 mb s3://NAME`"
        if is_denied(error):
            return f"{error}. Your credentials must allow {error.operation_name} here"
    return str(error)


def interrupted(options: argparse.Namespace) -> str:
    """What a user who pressed Ctrl-C must know."""
    return (
        f"driver.py: interrupted. What was started goes on by itself: functions under way end, and "
        f"job {options.jobid} in s3://{options.jobbkt}/{options.jobid}/ may still finish. "
        "`python setupApps.py -f scns.json --deleteAll` stops everything"
    )
