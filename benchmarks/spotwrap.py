"""What SpotWrap costs: a job and single invocations, traced and not.

    python benchmarks/spotwrap.py --jobs 10 --mappers 8

Three deployments take turns on one embedded AWS: plain; with SpotWrap; and with one synchronous
PutItem for each record, as the original writes them. Out: a Markdown table on standard output, of
medians and of ratios to plain. Cold is the first invocation of a function made just now, in a
process of its own; warm is any later one.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "mr"), str(ROOT / "lambda-python")]

import botocore
from measure import ratios

from deploy import botocorepatch
from local import uservisits
from local.emulator import Emulator
from terminal import program
from tests.cloud import Cloud, client_factory, command_environment, filled_in_config

DATA, PREFIX = "spot-data", "uservisits/"
CODE_BUCKET = "spot-code"
KINDS = ("plain", "SpotWrap", "PutItem each")
GOAL = 1.10
"""A traced job may take this many times the time of a plain one."""

ONE_BY_ONE = """

# For the benchmark: every record is written at once, in a request of its own.
_table = None


class _OneByOne(deque):
    def append(self, record):
        global _table
        if _table is None:
            import boto3  # not earlier: botocore imports this module

            _table = boto3.resource("dynamodb").Table(_current.table)
        _table.put_item(Item=record)


_kept = _OneByOne()
"""
"""What is added to the recorder for the third kind. It leaves nothing for the batch but the entry
and the exit."""

WARM_PAYLOAD = {"Records": []}
"""An event that the coordinator finds nothing to do for."""


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def patched(folder: Path, one_by_one: bool) -> Path:
    """A patched botocore; `one_by_one` with a recorder that writes as the original does."""
    made = folder / ("each" if one_by_one else "batches")
    installed = Path(botocore.__file__).parent
    botocorepatch.make_copy(installed, botocore.__version__, made, botocorepatch.SERVICES)
    if one_by_one:
        recorder = made / botocorepatch.RECORDER_NAME
        recorder.write_text(recorder.read_text() + ONE_BY_ONE)
    return made


def make_cloud(emulator: Emulator, folder: Path, kind: str, library: Path | None) -> Cloud:
    """A deployment of one kind, with a job bucket of its own."""
    number = KINDS.index(kind)
    more = {"patched_botocore_dir": str(library), "s3bucket": CODE_BUCKET} if library else {}
    own = folder / str(number)
    own.mkdir()
    bucket, suffix = f"spot-jobs-{number}", f"-{number}"
    config = filled_in_config(own, bucket, suffix, timeout=120, **more)
    cloud = Cloud(
        command_environment(emulator), client_factory(emulator), config, bucket, DATA, suffix
    )
    region = {"LocationConstraint": cloud.s3.meta.region_name}
    cloud.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=region)
    return cloud


def deploy(cloud: Cloud) -> None:
    done = cloud.setup_apps()
    if done.returncode:
        raise SystemExit(done.stderr)


def job_seconds(cloud: Cloud, job_id: str, mappers: int) -> float:
    """A job from the driver's command to its result, without the command's own start."""
    options = ("--wait4reducers", "--batchsize", "1", "--concurrency", str(min(mappers, 4)))
    done = cloud.driver(job_id, *options, prefix=PREFIX)
    if done.returncode:
        raise SystemExit(done.stderr)
    return int(done.stdout.split(":")[2]) / 1000


def invocation_seconds(cloud: Cloud) -> float:
    """One invocation of the coordinator, which looks at nothing and starts nothing."""
    functions = cloud.make_client("lambda")
    payload = json.dumps(WARM_PAYLOAD).encode()
    begin = time.perf_counter()
    answer = functions.invoke(FunctionName=f"reducerCoordinatorNS{cloud.suffix}", Payload=payload)
    seconds = time.perf_counter() - begin
    if "FunctionError" in answer:
        raise SystemExit(answer["Payload"].read().decode())
    return seconds


def forget_environments(cloud: Cloud, turn: int, folder: Path) -> None:
    """Have the next invocation be a cold one: new code needs new processes.

    In Lambda each environment has a temporary folder of its own; here they share one, so the
    library in it goes too.
    """
    (folder / "turn.txt").write_text(str(turn))
    written = json.loads(cloud.config.read_text())
    for function in written["functions"]:
        listed = set(function["files_and_dirs"]) | {str(folder / "turn.txt")}
        function["files_and_dirs"] = sorted(listed)
    cloud.config.write_text(json.dumps(written))
    done = cloud.setup_apps("--update")
    if done.returncode:
        raise SystemExit(done.stderr)


def measure(options: argparse.Namespace, emulator: Emulator, folder: Path) -> dict[str, dict]:
    """Seconds by what was measured and by kind, each in turns."""
    libraries = [None, patched(folder, False), patched(folder, True)]
    clouds = {
        kind: make_cloud(emulator, folder, kind, library)
        for kind, library in zip(KINDS, libraries, strict=True)
    }
    first = clouds["plain"]
    region = {"LocationConstraint": first.s3.meta.region_name}
    first.s3.create_bucket(Bucket=DATA, CreateBucketConfiguration=region)
    size = options.megabytes * 1_000_000
    bodies = (b"".join(uservisits.generate(1, n, size)) for n in range(options.mappers))
    first.put_input(PREFIX, bodies)
    for cloud in clouds.values():
        deploy(cloud)
    seconds: defaultdict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))

    def turns(what: str, count: int, one: Callable[[Cloud, int], float], skip: int = 0) -> None:
        for turn in range(count + skip):
            # Who begins changes, too: what one leaves warm would always serve the next.
            for shift in range(len(KINDS)):
                kind = KINDS[(turn + shift) % len(KINDS)]
                found = one(clouds[kind], turn)
                if turn >= skip:
                    seconds[what][kind].append(found)
                say(f"{what} {turn + 1 - skip} {kind}: {found:.3f} s")

    turns("a job, warm", options.jobs, lambda c, n: job_seconds(c, f"job-{n}", options.mappers), 2)
    turns("an invocation, warm", options.invocations, lambda c, _: invocation_seconds(c), 3)

    def cold(cloud: Cloud, turn: int) -> float:
        forget_environments(cloud, turn, folder)
        for library in emulator.log.parent.glob("spotlibs-*"):
            shutil.rmtree(library)
        return invocation_seconds(cloud)

    turns("an invocation, cold", options.cold, cold)
    return seconds


def table(seconds: dict[str, dict[str, list[float]]]) -> list[str]:
    """Medians in ms, and the median of the ratios within each turn; as Markdown."""
    lines = [
        "| what | turns | plain, ms | SpotWrap, ms | PutItem each, ms | SpotWrap / plain "
        "| PutItem each / plain |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for what, kinds in seconds.items():
        medians = [f"{statistics.median(kinds[kind]) * 1000:,.1f}" for kind in KINDS]
        ratios = [f"{ratio(kinds, kind):.3f}" for kind in KINDS[1:]]
        cells = [what, str(len(kinds["plain"])), *medians, *ratios]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def ratio(kinds: dict[str, list[float]], kind: str) -> float:
    """The median over the turns of this kind's time over the plain one's."""
    return statistics.median(ratios(kinds[kind], kinds["plain"]))


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="benchmarks/spotwrap.py",
        description="Measure what SpotWrap costs a job and a single invocation.",
        epilog="example: python benchmarks/spotwrap.py --jobs 10 --mappers 8",
    )
    parser.add_argument("--jobs", type=int, default=10, help="jobs of each kind (%(default)s)")
    parser.add_argument("--mappers", type=int, default=8, help="mappers of a job (%(default)s)")
    parser.add_argument(
        "--megabytes", type=int, default=20, help="input of each mapper (%(default)s)"
    )
    parser.add_argument(
        "--invocations", type=int, default=60, help="warm ones of each kind (%(default)s)"
    )
    parser.add_argument("--cold", type=int, default=6, help="cold ones of each kind (%(default)s)")
    return parser


def main(argv: list[str] | None = None) -> int:
    """The command. Returns the exit status."""
    return program.run(make_parser(), compare, argv)


def compare(options: argparse.Namespace) -> None:
    """Measure, and print the table."""
    with tempfile.TemporaryDirectory() as folder, Emulator() as emulator:
        seconds = measure(options, emulator, Path(folder))
    print("\n".join(table(seconds)))
    found = ratio(seconds["a job, warm"], "SpotWrap")
    said = "within" if found <= GOAL else "OVER"
    print(f"\nSpotWrap's share of a job: {found - 1:+.1%}, {said} the goal of {GOAL - 1:.0%}.")


if __name__ == "__main__":
    sys.exit(main())
