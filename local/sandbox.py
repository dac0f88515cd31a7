"""An AWS to play with, on loopback, until Ctrl-C: `make local`, and `make play` with input in it.

    python local/sandbox.py            # buckets and functions; how to reach it is in .local/env
    python local/sandbox.py --data     # and input to ask about
    python local/sandbox.py --keep     # what is in it is there again the next time

Its functions serve every job id, and job files may go with a run (`MR_JOB_FILES`): nobody but you
writes to these buckets.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.append(str(ROOT / "mr"))

from errors import JobError, log
from local import uservisits
from local.emulator import LOCAL_DIR, Emulator
from local.rehearsal import configuration
from terminal import program

PORT = 4599
"""Where it listens, if nobody else does."""
ENV = LOCAL_DIR / "env"
JOB_BUCKET = "local-jobs"
DATA_BUCKET = "local-data"
WORKERS = ("mapper.handler", "reducer.handler")
OBJECTS = 6
OBJECT_BYTES = 500_000
TEXTS = ("README.md", "LICENSE", "CHANGELOG.md", "docs/architecture.md", "docs/jobs.md")
"""Texts for counting words."""


def exports(variables: Mapping[str, str]) -> str:
    """Lines for a shell. The role is one that was chosen before, where there is one."""
    lines = {name: shlex.quote(value) for name, value in variables.items()}
    lines["AWSRole"] = f"${{AWSRole:-{variables['AWSRole']}}}"
    return "".join(f"export {name}={value}\n" for name, value in lines.items())


def deploy(own: Mapping[str, str]) -> None:
    """Deploy the functions. JobError where that fails."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scns.json"
        path.write_text(json.dumps(config()))
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("AWS")}
        command = [sys.executable, str(ROOT / "lambda-python/setupApps.py"), "-f", str(path)]
        done = subprocess.run(
            [*command, "--no_spotwrap"],
            env={**inherited, **own},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise JobError("the functions could not be deployed:", *done.stderr.splitlines()[-3:])


def client(endpoint: str, own: Mapping[str, str]) -> Any:
    """A client of its S3."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=own["AWS_DEFAULT_REGION"],
        aws_access_key_id=own["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=own["AWS_SECRET_ACCESS_KEY"],
    )


def make_buckets(s3: Any) -> None:
    """Make both buckets, of which S3 may have kept some."""
    place = {"LocationConstraint": s3.meta.region_name}
    for name in (JOB_BUCKET, DATA_BUCKET):
        try:
            s3.create_bucket(Bucket=name, CreateBucketConfiguration=place)
        except ClientError as error:
            if error.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
                raise


def put_data(s3: Any) -> None:
    """Put input there: tables under uservisits/, and texts under texts/."""
    for index in range(OBJECTS):
        body = b"".join(uservisits.generate(1, index, OBJECT_BYTES))
        s3.put_object(Bucket=DATA_BUCKET, Key=f"uservisits/part-{index:05}", Body=body)
    for name in TEXTS:
        path = ROOT / name
        s3.put_object(Bucket=DATA_BUCKET, Key=f"texts/{path.name}", Body=path.read_bytes())


def config() -> dict[str, Any]:
    """scns.json with the names filled in, and job files allowed."""
    made = configuration(JOB_BUCKET)
    for function in made["functions"]:
        if function["handler"] in WORKERS:
            function["environment"] = {"MR_JOB_FILES": "yes"}
    return made


def hints(with_data: bool) -> list[str]:
    """What to do next."""
    job = f"python mr/driver.py {JOB_BUCKET} job1 mapperNS reducerNS --databkt {DATA_BUCKET}"
    lines = [
        f"Buckets: {DATA_BUCKET} for input, {JOB_BUCKET} for jobs. Functions: mapperNS, reducerNS."
    ]
    if with_data:
        lines += [
            "In a second terminal:",
            "  source .local/env",
            f"  {job} --prefix uservisits/ --wait4reducers",
            f"  python mr/job.py result {JOB_BUCKET} job1 --sort value --top 5",
            f"  {job.replace('job1', 'job2')} --prefix texts/ --job wordcount --wait4reducers",
        ]
    else:
        lines.append("In a second terminal: `source .local/env`, or paste the lines above.")
    return [*lines, "Ctrl-C stops it."]


def stay(options: argparse.Namespace) -> None:
    """Run the server until somebody asks it to end, which is how it is meant to end."""
    log("Starting an embedded AWS, and deploying the functions ...")
    with Emulator(keep=options.keep, port=PORT) as emulator:
        own = emulator.client_environment()
        s3 = client(emulator.endpoint, own)
        make_buckets(s3)
        deploy(own)
        if options.data:
            put_data(s3)
        ENV.write_text(exports(own))
        try:
            print(exports(own), end="", flush=True)
            for line in hints(options.data):
                log(line)
            with contextlib.suppress(KeyboardInterrupt):
                signal.pause()
        finally:
            ENV.unlink(missing_ok=True)
    log("Stopped.")


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="local/sandbox.py",
        description="Run an embedded AWS to play with, on loopback, until Ctrl-C.",
        epilog="example: python local/sandbox.py --data --keep",
    )
    add = parser.add_argument
    add("--data", action="store_true", help="put input there to ask about")
    add("--keep", action="store_true", help="keep S3 and what is deployed, under .local")
    return parser


def main(argv: list[str] | None = None) -> int:
    """The command. Returns the exit status."""
    return program.run(make_parser(), stay, argv)


if __name__ == "__main__":
    raise SystemExit(main())
