"""`make demo`: the whole way, from nothing to a checked answer, on the embedded AWS.

It starts the emulator, makes the buckets, generates and uploads input, deploys with setupApps.py,
runs a job with driver.py as a person would, shows the answer, checks all of it against a sum of
its own over the same files, deletes everything again and stops. No account, no Docker, no network;
nothing is left but a report about the job, in the checkout's `.local/`.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import boto3

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.append(str(ROOT / "mr"))

from errors import JobError
from local.emulator import LOCAL_DIR, Emulator
from terminal import program

JOB_BUCKET = "demo-jobs"
DATA_BUCKET = "demo-data"
PREFIX = "uservisits/"
JOB_ID = "job1000"
OBJECTS = 10
SIZE = "5MB"
CONCURRENCY = "4"
SHOWN = 5
REPORT = LOCAL_DIR / "demo.html"
NEXT = f"""Next:
  look at the job:    open {REPORT.relative_to(ROOT)} in a browser
  play with it:       make play
  how it works:       README.md, "The files"
  on your account:    README.md, "On AWS, step by step\""""


class DemoFailed(JobError):
    """A command failed, or the answer is wrong."""


def say(line: str) -> None:
    print(f"\n\033[1m{line}\033[0m" if sys.stdout.isatty() else f"\n{line}", flush=True)


def run(environment: Mapping[str, str], *command: str) -> None:
    """Show a command, `python` or `aws`, and run it with this Python. DemoFailed where it fails.

    pip's script `aws` does not start where the checkout's path has a space: its first line cannot
    hold one.
    """
    print("$ " + shlex.join(command), flush=True)
    own = {"python": [], "aws": ["-m", "awscli"]}[command[0]]
    words = [sys.executable, *own, *command[1:]]
    status = subprocess.run(words, cwd=ROOT, env=dict(environment), check=False).returncode
    if status:
        raise DemoFailed(f"{shlex.join(command)} ended with status {status}")


def fill_in(folder: Path) -> Path:
    """A copy of scns.json with the demo's names."""
    config = json.loads((ROOT / "scns.json").read_text())
    for function in config["functions"]:
        function["files_and_dirs"] = [str(ROOT / path) for path in function["files_and_dirs"]]
        if "permission" in function:
            function["permission"] = JOB_BUCKET
            function["job_id"] = JOB_ID
    path = folder / "scns.json"
    path.write_text(json.dumps(config, indent=4))
    return path


def expected_sums(folder: Path) -> dict[str, float]:
    """The answer from the files themselves, line by line, without the project's code."""
    sums: defaultdict[str, list[float]] = defaultdict(list)
    for path in sorted(folder.iterdir()):
        for line in path.read_text().splitlines():
            columns = line.split(",")
            sums[columns[0][:8]].append(float(columns[3]))
    return {group: math.fsum(values) for group, values in sums.items()}


def check(result: Mapping[str, float], expected: Mapping[str, float]) -> None:
    """DemoFailed unless every group has the same sum, to 1e-9 of it."""
    if result.keys() != expected.keys():
        raise DemoFailed(f"{len(result)} groups in the result, {len(expected)} expected")
    wrong = [
        group
        for group, total in expected.items()
        if not math.isclose(result[group], total, rel_tol=1e-9)
    ]
    if wrong:
        raise DemoFailed(f"{len(wrong)} groups have a wrong sum, {wrong[0]!r} among them")


def show(result: Mapping[str, float]) -> None:
    """The answer's first groups, and its largest."""
    first = sorted(result)[:SHOWN]
    largest = sorted(result, key=lambda group: -result[group])[:SHOWN]
    print(f"{'first groups':<28}largest groups")
    for left, right in zip(first, largest, strict=True):
        print(f"{left:<10}{result[left]:>10.3f}        {right:<10}{result[right]:>10.3f}")


def demo(environment: Mapping[str, str], folder: Path) -> None:
    """Every step, in the order of the README."""
    os.environ.update(environment)
    s3 = boto3.client("s3")
    say("1. Two buckets: one for the input, one for the job")
    for bucket in (DATA_BUCKET, JOB_BUCKET):
        run(environment, "aws", "s3", "mb", f"s3://{bucket}")

    say(f"2. Input: {OBJECTS} objects of {SIZE}")
    data = folder / "data"
    run(
        environment, "python", "local/uservisits.py", f"--objects={OBJECTS}", f"--size={SIZE}",
        str(data.relative_to(ROOT)),
    )  # fmt: skip
    run(
        environment, "aws", "s3", "cp", "--recursive", "--only-show-errors",
        str(data.relative_to(ROOT)), f"s3://{DATA_BUCKET}/{PREFIX}",
    )  # fmt: skip

    say("3. Deploy the four functions and the S3 trigger")
    config = str(fill_in(folder).relative_to(ROOT))
    deploy = ("python", "lambda-python/setupApps.py", "-f", config)
    run(environment, *deploy, "--no_spotwrap")

    say("4. Run a job and wait for its result")
    run(
        environment, "python", "mr/driver.py", JOB_BUCKET, JOB_ID, "mapperNS", "reducerNS",
        "--databkt", DATA_BUCKET, "--prefix", PREFIX, "--batchsize", "2",
        "--concurrency", CONCURRENCY, "--wait4reducers",
        "--report", str(REPORT.relative_to(ROOT)),
    )  # fmt: skip

    say("5. The answer")
    body = s3.get_object(Bucket=JOB_BUCKET, Key=f"{JOB_ID}/result")["Body"].read()
    result = json.loads(body)
    show(result)
    check(result, expected_sums(data))
    print(f"all {len(result)} groups are what a sum over the same files gives")

    say("6. Delete everything")
    run(environment, *deploy, "--deleteAll")


def main(argv: list[str] | None = None) -> int:
    """The command. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="local/demo.py",
        description="The whole way, from nothing to a checked answer, on the embedded AWS.",
    )
    return program.run(parser, show_all, argv, lambda _: "interrupted, everything is stopped")


def show_all(options: argparse.Namespace) -> None:
    """The demo on an emulator of its own, in a folder of its own, both gone at its end."""
    start = time.monotonic()
    LOCAL_DIR.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="demo-", dir=LOCAL_DIR))
    try:
        with Emulator() as emulator:
            inherited = {k: v for k, v in os.environ.items() if not k.startswith("AWS")}
            demo({**inherited, **emulator.client_environment()}, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if not any(LOCAL_DIR.iterdir()):
            LOCAL_DIR.rmdir()
    say(f"Done in {time.monotonic() - start:.0f} s. Nothing is left running.")
    print(NEXT)


if __name__ == "__main__":
    raise SystemExit(main())
