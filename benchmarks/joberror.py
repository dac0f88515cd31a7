"""What a job costs that breaks its contract in every mapper: its calls, its seconds, its lines.

    python benchmarks/joberror.py --mappers 200 --at-once 20

Out: one line on standard output. Calls are counted from the emulator's own log lines, not from
ours. Exit status 1 where a call was made after those that were under way at the first error, or
where the error is not told once.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "mr")]

from local.emulator import LOCAL_DIR, Emulator
from terminal import arguments, program
from tests.cloud import Cloud, cloud_on

JOB = "def map_line(line):\n    yield 3, 1\n\n\ndef combine(a, b):\n    return a + b\n"
ERROR = "job wrongkey: the key 3 is int, not str"
PREFIX = "rows/"


def deploy(emulator: Emulator, folder: Path) -> Cloud:
    """The functions, whose mappers and reducers run a job that yields a wrong key."""
    source = folder / "wrongkey.py"
    source.write_text(JOB)
    cloud = cloud_on(emulator, folder, "jobs-bucket", "data-bucket")
    config = json.loads(cloud.config.read_text())
    for function in config["functions"]:
        if function["handler"] in ("mapper.handler", "reducer.handler"):
            function["files_and_dirs"].append(str(source))
            function["environment"] = {"MR_JOB": source.stem}
    cloud.config.write_text(json.dumps(config))
    cloud.deploy()
    return cloud


def run_job(cloud: Cloud, mappers: int, at_once: int) -> bool:
    """Run the job and print what came of it; True where it ended as it should."""
    cloud.put_input(PREFIX, [b"x,1\n"] * mappers)
    options = ("--wait4reducers", "--batchsize", "1", "--concurrency", str(at_once))
    begin = time.monotonic()
    done = cloud.driver("wrong", *options, prefix=PREFIX)
    seconds = time.monotonic() - begin
    calls = cloud.settled_invocations("mapperNS")
    told = done.stderr.count(ERROR)
    print(
        f"{mappers} mappers due, {at_once} at once: {calls} calls, {seconds:.1f} s, the error told "
        f"{told} time{'s' * (told != 1)}, {len(done.stderr.splitlines())} lines, "
        f"status {done.returncode}"
    )
    return (told, done.returncode) == (1, 1) and calls <= at_once


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="benchmarks/joberror.py",
        description="Run a job that breaks its contract in every mapper, on the embedded AWS.",
        epilog="example: python benchmarks/joberror.py --mappers 200 --at-once 20",
    )
    count = arguments.number_from(1)
    parser.add_argument("--mappers", type=count, default=200, help="that are due (%(default)s)")
    parser.add_argument("--at-once", type=count, default=20, help="of them (%(default)s)")
    return parser


def main(argv: list[str] | None = None) -> int:
    """The command. Returns the exit status."""
    return program.run(make_parser(), run_once, argv)


def run_once(options: argparse.Namespace) -> int:
    """The job, on an emulator of its own. Returns the exit status."""
    LOCAL_DIR.mkdir(exist_ok=True)
    folder = tempfile.TemporaryDirectory(prefix="joberror-", dir=LOCAL_DIR)
    with folder as name, Emulator() as emulator:
        cloud = deploy(emulator, Path(name))
        return 0 if run_job(cloud, options.mappers, options.at_once) else 1


if __name__ == "__main__":
    sys.exit(main())
