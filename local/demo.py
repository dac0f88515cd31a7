"""`make demo`: the whole way, from nothing to a checked answer, on the embedded AWS.

It starts the emulator, makes the buckets, generates and uploads input, deploys with setupApps.py,
runs a job with driver.py as a person would, shows the answer, checks all of it against a sum of
its own over the same files, deletes everything again and stops. No account, no Docker, no network;
nothing is left but a report about the job, in the checkout's `.local/`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import boto3

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.append(str(ROOT / "mr"))

from local.emulator import LOCAL_DIR, Emulator
from local.rehearsal import check, configuration, expected_sums, run, say
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
    config = folder / "scns.json"
    config.write_text(json.dumps(configuration(JOB_BUCKET, JOB_ID), indent=4))
    deploy = ("python", "lambda-python/setupApps.py", "-f", str(config.relative_to(ROOT)))
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
    check(result, expected_sums(sorted(data.iterdir())))

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
