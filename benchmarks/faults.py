"""Jobs under faults, as a table: how many answers are exact, how many reducers were started.

    python benchmarks/faults.py --jobs 5

In: how many jobs of how many mappers; they take turns in the shapes of their reduce steps. Out:
Markdown on standard output, a row for each kind of fault; progress on standard error. Every job
runs on an emulator of its own making, with microburst between everything and it; reducers are
counted from the emulator's own log lines, not from ours.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "mr")]

from local import uservisits
from local.emulator import LOCAL_DIR, Emulator
from terminal import program
from tests import oracle
from tests.cloud import Cloud, cloud_on
from tests.faults import (
    FaultProxy,
    broken_downloads,
    in_turns,
    kill_as_jobs_go_on,
    slow,
    throttling,
)

PREFIX = "uservisits/"
OBJECT_BYTES = 20_000


@dataclass(frozen=True)
class Fault:
    """A kind of fault: rules for the proxy, or something done beside the jobs."""

    name: str
    rate: str
    rules: tuple[dict[str, Any], ...] = ()
    workers_killed: bool = False
    every_event_twice: bool = False


@dataclass(frozen=True)
class Row:
    """What came of the jobs under one kind of fault."""

    fault: Fault
    jobs: int
    exact: int
    planned: int
    started: int
    retries: int
    fired: int
    seconds: float

    def markdown(self) -> str:
        cells = [self.fault.name, self.fault.rate, self.jobs, self.exact, self.planned]
        cells += [self.started, self.retries, self.fired, f"{self.seconds:.1f}"]
        return "| " + " | ".join(map(str, cells)) + " |"


HEADER = (
    "| fault | rate | jobs | exact answers | reducers planned | reducers started "
    "| mapper retries | faults fired | s a job |\n" + "| --- " * 9 + "|"
)


FAULTS = (
    Fault("none", "-"),
    Fault("throttled or 5xx: S3, Lambda, logs", "10 %", tuple(throttling(0.10))),
    Fault("downloads broken off", "30 %", tuple(broken_downloads(0.30))),
    Fault("slow calls", "0-500 ms", tuple(slow(500))),
    Fault("every S3 event twice", "100 %", every_event_twice=True),
    Fault("workers killed", "a mapper for 2 outputs, a reducer a step", workers_killed=True),
)


@contextmanager
def twice(cloud: Cloud, wanted: bool) -> Iterator[None]:
    """Have S3 send every event of the job bucket two times."""
    found = cloud.s3.get_bucket_notification_configuration(Bucket=cloud.bucket)
    entry = found["LambdaFunctionConfigurations"][0]
    again = [{**entry, "Id": f"{entry['Id']}-again"}] if wanted else []

    def put(entries: list[dict[str, Any]]) -> None:
        cloud.s3.put_bucket_notification_configuration(
            Bucket=cloud.bucket,
            NotificationConfiguration={"LambdaFunctionConfigurations": entries},
        )

    put([entry, *again])
    try:
        yield
    finally:
        put([entry])


@contextmanager
def killing(cloud: Cloud, folder: Path, prefix: str, killed: list[int]) -> Iterator[None]:
    """Kill worker processes of the emulator with this folder while jobs run."""
    stop = threading.Event()
    thread = threading.Thread(target=kill_as_jobs_go_on, args=(cloud, folder, prefix, stop, killed))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def measure(
    cloud: Cloud, folder: Path, proxy: FaultProxy, fault: Fault, jobs: int, mappers: int
) -> Row:
    """Run the jobs under one kind of fault, one after another; `folder` is the emulator's own."""
    bodies = [b"".join(uservisits.generate(1, number, OBJECT_BYTES)) for number in range(mappers)]
    expected = oracle.answer(bodies).groups
    before = cloud.settled_invocations("reducerNS")
    mapped = cloud.settled_invocations("mapperNS")
    proxy.control("DELETE", "fired")
    proxy.rules(*fault.rules)
    through = replace(cloud, environment={**cloud.environment, "AWS_ENDPOINT_URL": proxy.endpoint})
    exact, start = 0, time.monotonic()
    name = fault.name.replace(" ", "-").replace(",", "").replace(":", "")
    job_ids = [f"{name}-{number}" for number in range(1, jobs + 1)]
    options = ("--wait4reducers", "--batchsize", "1", "--concurrency", "6", "--retries", "20")
    killed: list[int] = []
    kills = killing(cloud, folder, name, killed) if fault.workers_killed else nullcontext()
    with twice(cloud, fault.every_event_twice), kills:
        for job_id, shape in in_turns(job_ids).items():
            done = through.driver(job_id, *options, *shape, prefix=PREFIX)
            ok = done.returncode == 0 and same(cloud.read(f"{job_id}/result"), expected)
            exact += ok
            print(f"{job_id}: {'exact' if ok else done.stderr[-500:]}", file=sys.stderr)
    seconds = (time.monotonic() - start) / jobs
    fired = len(proxy.fired()) + len(killed)
    proxy.rules()
    started = cloud.settled_invocations("reducerNS") - before
    planned = sum(cloud.planned_reducers(job_id) for job_id in job_ids)
    retries = cloud.settled_invocations("mapperNS") - mapped - jobs * mappers
    return Row(fault, jobs, exact, planned, started, retries, fired, seconds)


def same(result: Any, expected: dict[str, float]) -> bool:
    """Whether a result is the independent sum's."""
    try:
        oracle.assert_same_groups(result, expected)
    except AssertionError as error:
        print(error, file=sys.stderr)
        return False
    return True


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="benchmarks/faults.py",
        description="Run jobs under faults on the embedded AWS and print what came of them.",
        epilog="examples:\n  every kind of fault, in some minutes:\n"
        "    python benchmarks/faults.py --jobs 5 --mappers 20\n  one kind:\n"
        "    python benchmarks/faults.py --jobs 1 --mappers 4 --only 'slow calls'",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--jobs", type=int, default=5, help="jobs of each kind (%(default)s)")
    parser.add_argument("--mappers", type=int, default=20, help="mappers a job (%(default)s)")
    names = [fault.name for fault in FAULTS]
    parser.add_argument("--only", action="append", choices=names, help="this kind (repeatable)")
    return parser


def main(argv: list[str] | None = None) -> int:
    """The command. Returns the exit status."""
    return program.run(make_parser(), run_faults, argv)


def run_faults(options: argparse.Namespace) -> int:
    """Every fault, on an emulator of its own. Returns the exit status."""
    LOCAL_DIR.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="faults-", dir=LOCAL_DIR) as name,
        Emulator() as emulator,
        FaultProxy(emulator.endpoint, Path(name) / "proxy.log") as proxy,
    ):
        fields = {"timeout": 10, "environment": {"AWS_ENDPOINT_URL": proxy.endpoint}}
        cloud = cloud_on(emulator, Path(name), "jobs-bucket", "data-bucket", **fields)
        cloud.deploy()
        cloud.put_input(
            PREFIX,
            (
                b"".join(uservisits.generate(1, number, OBJECT_BYTES))
                for number in range(options.mappers)
            ),
        )
        rows = []
        print(HEADER, flush=True)
        for fault in FAULTS:
            if options.only and fault.name not in options.only:
                continue
            rows.append(
                measure(cloud, emulator.log.parent, proxy, fault, options.jobs, options.mappers)
            )
            print(rows[-1].markdown(), flush=True)
    return 0 if all(row.exact == row.jobs for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
