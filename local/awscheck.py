"""`make aws-check BUCKET=NAME`: everything once on an account of one's own, for some cents.

In: a bucket, whose other contents and notifications stay as they are. It makes a role, functions,
a trigger and objects, whose names all have one word in them; runs a small job three times, waiting
and not waiting, over the run before, in splits; checks answers, logs and recorded seconds; measures
how long things take there; says what it cost; and deletes what it made, also after a failure or
Ctrl-C. Out: a file of rates for `local/simulator.py --rates`.
"""

from __future__ import annotations

import argparse
import collections
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path += [str(ROOT / "lambda-python"), str(ROOT / "mr")]

from aws.logs import START, by_request, read_events
from deploy import clients as deployer
from deploy.config import bucket_fault
from errors import UsageError
from local.account import OBJECTS, PROBE_SECONDS, WHOLE_CORE, Account, delete, prepare
from local.rehearsal import Failed, check, expected_sums, run, say
from local.simulated import measuring
from local.simulated.rates import Rates
from running import costs
from running.costs import FunctionUsage, S3Usage
from running.preflight import functions_at_once
from running.watching import wait_for_result
from state.runs import read_job
from terminal import arguments, program
from views import bill, logs
from views.calls import Call, calls_of
from views.finished import FinishedJob, Task
from views.logs import LogLine
from views.summary import Summary, read_summary

OUTPUT = "aws-rates.json"
SPLIT = "2MB"
LESS = "--endearly=2"
"""The first two batches, which have an object each, are the whole job."""
MEMORIES = (512, 1024, WHOLE_CORE)
WAIT_SECONDS = 600
LOG_SECONDS = 120
"""How long the last lines of a log may take until they can be read."""
MOST_DOLLARS = 0.05

RUNS = {
    "Run a job and wait for its result": ("--batchsize=1", "--wait4reducers"),
    "Run it over that, asynchronously, on less input": ("--batchsize=1", "--overwrite", LESS),
    "Run it over that, in splits": (f"--splitsize={SPLIT}", "--overwrite", "--wait4reducers"),
}
"""What is done with the job, and the options of the driver that do it."""


def main(argv: list[str] | None = None) -> int:
    """The command. Returns the exit status."""
    return program.run(make_parser(), check_account, argv, lambda _: "interrupted")


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="local/awscheck.py",
        description="Check everything on an AWS account, for some cents, and measure its rates.",
        epilog="example: python local/awscheck.py --profile me MY-BUCKET-NAME",
    )
    add = parser.add_argument
    add("bucket", metavar="BUCKET", help="a bucket of yours: what is in it stays as it is")
    arguments.add_aws(add)
    add("--output", metavar="FILE", default=OUTPUT, help="the measured rates (%(default)s)")
    return parser


def check_account(options: argparse.Namespace) -> None:
    """Check everything, and delete what was made for that. Failed where something is wrong."""
    look_before(options)
    with tempfile.TemporaryDirectory(prefix="awscheck-") as folder:
        account = Account(options.bucket, options.region, options.profile, Path(folder))
        try:
            prepare(account)
            summaries = [run_job(account, *one) for one in RUNS.items()]
            measure(account, Path(options.output))
            tell_cost(account, summaries)
        finally:
            left = delete(account)
    if left:
        raise Failed(*left)
    say(f"All is well, and deleted. The rates: python local/simulator.py --rates {options.output}")


def look_before(options: argparse.Namespace) -> None:
    """UsageError, or DeployError, where nothing can come of it; nothing has been made then."""
    if not options.bucket:
        raise UsageError("no bucket is named: `make aws-check BUCKET=NAME`, with one of yours")
    if fault := bucket_fault(options.bucket):
        raise UsageError(fault)
    if not Path(options.output).absolute().parent.is_dir() or Path(options.output).is_dir():
        raise UsageError(f"{options.output} can be no file: name another with --output")
    deployer.Clients(options.region, options.profile).check_bucket(options.bucket, "BUCKET")


# ------------------------------------------------------------------------------------ checking


def run_job(account: Account, what: str, options: Sequence[str]) -> Summary:
    """Run the job, and check its answer, its logs and the seconds that it recorded."""
    say(what)
    printed = run(
        account.environment, "python", "mr/driver.py", account.bucket, account.name,
        account.function("mapperNS"), account.function("reducerNS"), "--databkt", account.bucket,
        "--prefix", account.prefix, "--region", account.region, *options,
    )  # fmt: skip
    s3 = account.clients.s3
    job, _ = read_job(s3, account.bucket, account.name)
    wait_for_result(s3, job, WAIT_SECONDS)
    body = s3.get_object(Bucket=account.bucket, Key=f"{account.name}/result")["Body"].read()
    files = sorted(account.data.iterdir())
    check(json.loads(body), expected_sums(files[:2] if LESS in options else files))
    done = read_summary(account.clients, account.bucket, account.name)
    if "--wait4reducers" in options and (fault := fault_of_timer(printed, done.job)):
        raise Failed(fault)
    check_logs(account, done.job)
    return done


_TIMER = re.compile(r"^TIMER:CALL:\d+:mappers:(\d+\.\d+):reducer:(\d+\.\d+)$", re.MULTILINE)


def fault_of_timer(printed: str, done: FinishedJob) -> str:
    """How a waiting driver's timing line differs from what the tasks recorded, or ""; pure."""
    recorded = [sum(one.seconds for one in tasks) for tasks in (done.mappers, done.reducers)]
    found = _TIMER.search(printed)
    said = [float(seconds) for seconds in found.groups()] if found else []
    same = said and all(abs(a - b) < 0.01 for a, b in zip(said, recorded, strict=True))
    return "" if same else f"the driver says {said} s, and the tasks recorded {recorded} s"


def check_logs(account: Account, done: FinishedJob) -> None:
    """Failed unless the logs tell, in time, of every task, and bill the seconds it recorded."""
    deadline = time.monotonic() + LOG_SECONDS
    names, since = account.functions, account.begun
    while fault := fault_of_logs(
        done, logs.job_lines(account.clients.logs, names, done.info, since)
    ):
        if time.monotonic() > deadline:
            raise Failed(f"after {LOG_SECONDS} s {fault}")
        time.sleep(1)
    print("the logs tell of every task, and bill the seconds that it recorded")


def fault_of_logs(done: FinishedJob, lines: Iterable[LogLine]) -> str:
    """What a run's logs do not say as they should; "" where they do; pure."""
    billed: collections.defaultdict[str, float] = collections.defaultdict(float)
    for call in calls_of(lines):
        if call.billed_ms is not None:
            billed[call.task] += call.billed_ms / 1000
    if "coordinator" not in billed:
        return "the logs tell of no coordinator"
    for task in done.tasks:
        name = name_in_logs(task)
        if name not in billed:
            return f"the logs do not tell of the end of {name}"
        if not 0 < task.seconds <= billed[name]:
            return f"{name} recorded {task.seconds} s, and {billed[name]} s are billed"
    return ""


def name_in_logs(task: Task) -> str:
    """A task as the log's lines name it."""
    return f"step {task.step} reducer {task.number}" if task.step else f"mapper {task.number}"


# ----------------------------------------------------------------------------------- measuring


def measure(account: Account, output: Path) -> None:
    """Measure the account's rates, show them, and write them down."""
    say("Measure")
    patient = account.clients.make("lambda", read_timeout=PROBE_SECONDS + 60)
    caller, called = (account.function(name) for name in ("caller", "called"))
    probes = measuring.Probes(patient, caller, called, account.bucket, account.probed)
    times = measuring.measure(probes)
    speeds = measuring.speed_by_memory(
        patient, account.function("mapperNS"), MEMORIES, mapper_event(account), sizes(account)
    )
    at_once = functions_at_once(account.clients.functions)
    found = {**measuring.rates_of(times, speeds), "concurrency": at_once}
    rates = {name: rate for name, rate in Rates(**found).to_json().items() if name in found}
    for line in lines_of(rates, speeds):
        print(line)
    output.write_text(json.dumps(rates, indent=1) + "\n", encoding="utf-8")


def mapper_event(account: Account) -> dict[str, Any]:
    """What a measured mapper is given: all of the input, for a job of which it is all."""
    keys = [f"{account.prefix}{path.name}" for path in sorted(account.data.iterdir())]
    own = {"jobBucket": account.bucket, "jobId": f"{account.name}-measured", "mapperId": 1}
    return {**own, "bucket": account.bucket, "keys": keys}


def sizes(account: Account) -> int:
    """The bytes of all input but its first object."""
    return sum(path.stat().st_size for path in sorted(account.data.iterdir())[1:])


def lines_of(rates: Mapping[str, Any], speeds: Mapping[int, float]) -> list[str]:
    """What was measured, for a person; pure."""
    spreads = {name: found for name, found in rates.items() if isinstance(found, list)}
    return [
        *(
            f"{name}: median {1000 * median:.1f} ms, 99th percentile {1000 * p99:.1f} ms"
            for name, (median, p99) in spreads.items()
        ),
        f"functions at once: {rates['concurrency']:,}",
        *(f"a mapper of {memory} MB: {speed / 1e6:.1f} MB/s" for memory, speed in speeds.items()),
    ]


# ----------------------------------------------------------------------------------- the bill


def tell_cost(account: Account, summaries: Sequence[Summary]) -> None:
    """Say what all of it cost. Failed where that is more than it may be."""
    prices = costs.Prices()
    items = tuple(costs.bill(used(account), asked(summaries), prices))
    for line in bill.bill_lines(items, prices.date):
        print(line)
    if costs.total(items) > MOST_DOLLARS:
        raise Failed(f"that is more than the {MOST_DOLLARS} dollars that this may cost")


def asked(summaries: Sequence[Summary]) -> S3Usage:
    """The requests to S3: those of the jobs and of what was measured, about; pure."""
    calls = 8 * len(MEMORIES)
    writes = sum(one.s3.writes for one in summaries) + OBJECTS + measuring.WRITES + calls
    reads = sum(one.s3.reads for one in summaries) + measuring.READS + calls * (OBJECTS + 2)
    return S3Usage(writes, reads)


def used(account: Account) -> list[FunctionUsage]:
    """What was billed of each function, with each memory that it had, as the logs tell."""
    found = []
    for name in account.functions:
        ended = ended_calls(name, ended_events(account, name))
        for memory in sorted({call.memory_mb or 0 for call in ended}):
            seconds = [call.billed_ms or 0.0 for call in ended if call.memory_mb == memory]
            found.append(FunctionUsage("", name, len(seconds), sum(seconds) / 1000, memory))
    return found


def ended_events(account: Account, name: str) -> list[dict[str, Any]]:
    """A function's log, once it tells of the end of every call that it tells the begin of."""
    deadline = time.monotonic() + LOG_SECONDS
    while True:
        events = read_events(account.clients.logs, name, account.begun)
        begun = sum(bool(START.match(event["message"])) for event in events)
        if len(ended_calls(name, events)) >= begun or time.monotonic() > deadline:
            return events
        time.sleep(1)


def ended_calls(name: str, events: Iterable[Mapping[str, Any]]) -> list[Call]:
    """The calls of a function, whoever made them, whose end its log tells; pure."""
    found: list[Call] = []
    for request in by_request(events):
        if start := START.match(request[0]["message"]):
            said = [(event["timestamp"] / 1000, event["message"].rstrip()) for event in request]
            found += calls_of(LogLine(when, name, "", text, start[1]) for when, text in said)
    return [call for call in found if call.billed_ms is not None]


if __name__ == "__main__":
    raise SystemExit(main())
