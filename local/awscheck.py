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
import dataclasses
import functools
import json
import os
import re
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path += [str(ROOT / "lambda-python"), str(ROOT / "mr")]

from aws.client import Clients
from aws.logs import read_events
from deploy import clients as deployer
from deploy import contents
from deploy.config import bucket_fault
from errors import JobError, UsageError, log
from local.rehearsal import Failed, check, configuration, expected_sums, run, say
from local.simulated import measuring
from local.simulated.rates import Rates
from running import costs
from running.costs import FunctionUsage, S3Usage
from running.watching import wait_for_result
from state.runs import read_job
from terminal import arguments, program
from views import bill, calls, logs
from views.finished import FinishedJob, Task
from views.logs import LogLine
from views.summary import Summary, read_summary

OUTPUT = "aws-rates.json"
POLICY = "policy"
OBJECTS, SIZE = 3, 3_000_000
SPLIT = "2MB"
LESS = "--endearly=2"
"""The first two batches, which have an object each, are the whole job."""
WHOLE_CORE = 1769
"""MB of memory that give a function a core: the probes', and the mapper's at last."""
MEMORIES = (512, 1024, WHOLE_CORE)
PROBE_SECONDS = 300
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


@dataclasses.dataclass(frozen=True)
class Account:
    """Where everything is made: all of it has `name` in its name."""

    bucket: str
    region: str
    profile: str | None
    folder: Path
    name: str = dataclasses.field(default_factory=lambda: f"awscheck-{secrets.token_hex(4)}")
    begun: float = dataclasses.field(default_factory=time.time)

    @functools.cached_property
    def clients(self) -> Clients:
        return Clients(self.region, self.profile)

    @property
    def environment(self) -> dict[str, str]:
        """What leads a command to this account."""
        place = {"AWS_DEFAULT_REGION": self.region, "AWS_REGION": self.region}
        profile = {"AWS_PROFILE": self.profile} if self.profile else {}
        return {**os.environ, **place, **profile}

    @property
    def config(self) -> Path:
        """The configuration file of the functions, once it is written."""
        return self.folder / "scns.json"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def prefix(self) -> str:
        return f"{self.name}-input/"

    @property
    def probed(self) -> str:
        """What the probes write under, as a job does under its id."""
        return f"{self.name}-probe"

    def function(self, name: str) -> str:
        return f"{name}-{self.name}"

    @property
    def functions(self) -> list[str]:
        return [entry["name"] for entry in json.loads(self.config.read_text())["functions"]]


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


# ------------------------------------------------------------------------------------- making


def prepare(account: Account) -> None:
    """Input, a role and functions."""
    say(f"1. Input, in s3://{account.bucket}/{account.prefix}")
    run(
        account.environment, "python", "local/uservisits.py", f"--objects={OBJECTS}",
        f"--size={SIZE}", str(account.data),
    )  # fmt: skip
    run(
        account.environment, "aws", "s3", "cp", "--recursive", "--only-show-errors",
        str(account.data), f"s3://{account.bucket}/{account.prefix}",
    )  # fmt: skip
    account.config.write_text(json.dumps(configuration_of(account), indent=4))
    say("2. A role, and functions")
    made = run(
        account.environment, "python", "setup/create-role.py", "-f", str(account.config),
        "--bucket", account.bucket, "--databkt", account.bucket, account.name, POLICY,
    )  # fmt: skip
    role = {"AWSRole": made.splitlines()[0]}
    run({**account.environment, **role}, *setup_apps(account), "--no_spotwrap")


def configuration_of(account: Account) -> dict[str, Any]:
    """The four functions and the two probes, of which one is woken by the bucket."""
    config = configuration(account.bucket, account.name, f"-{account.name}")
    probe = {
        "lambdaMemory": WHOLE_CORE,
        "handler": "probe.handler",
        "zip": "probe.zip",
        "files_and_dirs": [str(ROOT / "local/simulated/probe.py")],
        "timeout": PROBE_SECONDS,
        "environment": {"PROBE": account.name},
    }
    caller = {**probe, "name": account.function("caller")}
    trigger = {"permission": account.bucket, "job_id": account.probed}
    called = {**probe, **trigger, "name": account.function("called")}
    return {**config, "region": account.region, "functions": [*config["functions"], caller, called]}


def setup_apps(account: Account) -> Sequence[str]:
    return "python", "lambda-python/setupApps.py", "-f", str(account.config)


def delete(account: Account) -> list[str]:
    """Delete everything that was made, as far as it is there; returns what could not be."""
    say("Delete everything that was made")
    environment, bucket = account.environment, account.bucket
    steps: dict[str, Callable[[], Any]] = {
        "role": lambda: run(environment, "python", "setup/delete-role.py", account.name, POLICY),
        "objects": lambda: contents.delete(account.clients.s3, bucket, account.name),
    }
    if account.config.exists():
        words = (*setup_apps(account), "--deleteAll", "--saveTriggerBucket")
        steps = {"functions": lambda: run(environment, *words), **steps}
    left = []
    for what, step in steps.items():
        try:
            step()
        except (JobError, ClientError, BotoCoreError) as error:
            left.append(f"NOT deleted: {what} with {account.name} in their names: {error}")
            log(left[-1])
    return left


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
    done = read_summary(account.clients, account.bucket, account.name, costs.Prices(), False)
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
    while fault := fault_of_logs(
        done, logs.read_job(account.clients, account.bucket, account.name)
    ):
        if time.monotonic() > deadline:
            raise Failed(f"after {LOG_SECONDS} s {fault}")
        time.sleep(1)
    print("the logs tell of every task, and bill the seconds that it recorded")


def fault_of_logs(done: FinishedJob, lines: Iterable[LogLine]) -> str:
    """What a run's logs do not say as they should; "" where they do; pure."""
    billed: collections.defaultdict[str, float] = collections.defaultdict(float)
    for line in lines:
        for found in calls.billed([line]).values():
            billed[line.task] += found.seconds
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
    found = measuring.rates_of(times, speeds)
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
        for memory, lines in by_memory(name, ended_events(account, name)).items():
            one = calls.billed(lines)[name]
            found.append(FunctionUsage("", name, one.calls, one.seconds, memory))
    return found


def ended_events(account: Account, name: str) -> list[dict[str, Any]]:
    """A function's log, once it tells of the end of every call that it tells the begin of."""
    deadline = time.monotonic() + LOG_SECONDS
    while True:
        events = read_events(account.clients.logs, name, account.begun)
        count = collections.Counter(event["message"].split(" ")[0] for event in events)
        if count["REPORT"] >= count["START"] or time.monotonic() > deadline:
            return events
        time.sleep(1)


_REPORT = re.compile(r"REPORT RequestId: (\S+)")


def by_memory(name: str, events: Iterable[Mapping[str, Any]]) -> dict[int, list[LogLine]]:
    """The lines of a function's log that bill a call, by the memory that it had, in MB; pure."""
    found: dict[int, list[LogLine]] = {}
    for event in events:
        if report := _REPORT.match(event["message"]):
            line = LogLine(0.0, name, "", event["message"], report[1])
            (call,) = calls.calls_of([line])
            if call.memory_mb is not None:
                found.setdefault(call.memory_mb, []).append(line)
    return found


if __name__ == "__main__":
    raise SystemExit(main())
