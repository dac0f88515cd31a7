"""Running jobs in tests as a person would: the real commands, against the embedded AWS.

In: the environment and clients of the emulator. Out: a `Cloud` with a deployed set of functions,
whose methods run `setupApps.py`, `driver.py` and `aws` as subprocesses and read results back.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from local.emulator import Emulator
from tests import oracle

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 300
"""How long a command or a job may take here before a test fails: a bound, not a measure."""


def run(
    command: list[str], environment: dict[str, str], cwd: Path = ROOT, seconds: int = SECONDS
) -> subprocess.CompletedProcess[str]:
    """Run a command and return what it said; it never gets to ask anything."""
    return subprocess.run(
        command,
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=seconds,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def filled_in_config(
    folder: Path, bucket: str, suffix: str = "", job_id: str | None = None, **more: Any
) -> Path:
    """A copy of scns.json with the names filled in; `more` is set on every function."""
    config = json.loads((ROOT / "scns.json").read_text())
    for function in config["functions"]:
        function["name"] += suffix
        function["files_and_dirs"] = [str(ROOT / path) for path in function["files_and_dirs"]]
        function.update(more)
        if "permission" in function:
            function["permission"] = bucket
            function.pop("job_id")
            if job_id is not None:
                function["job_id"] = job_id
    path = folder / "scns.json"
    path.write_text(json.dumps(config, indent=2))
    return path


def client_factory(emulator: Emulator) -> Callable[[str], Any]:
    """A factory of boto3 clients for an emulator: make("s3")."""
    own = emulator.client_environment()
    session = boto3.Session(
        aws_access_key_id=own["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=own["AWS_SECRET_ACCESS_KEY"],
        region_name=own["AWS_DEFAULT_REGION"],
    )
    return lambda service: session.client(service, endpoint_url=emulator.endpoint)


def command_environment(emulator: Emulator) -> dict[str, str]:
    """The environment of a command run against an emulator, as in a user's second terminal."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS", "PYTHON"))
    }
    # `aws` and `python` are those of .venv, whoever started the tests.
    path = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{inherited.get('PATH', '')}"
    return {**inherited, **emulator.client_environment(), "PATH": path}


def cloud_on(emulator: Emulator, folder: Path, bucket: str, databkt: str, **fields: Any) -> Cloud:
    """Buckets on an emulator and a configuration for them; `fields` are set on every function."""
    config = filled_in_config(folder, bucket, **fields)
    cloud = Cloud(command_environment(emulator), client_factory(emulator), config, bucket, databkt)
    cloud.make_buckets()
    return cloud


@dataclass
class Cloud:
    """The functions of one deployment, its job bucket and its input bucket."""

    environment: dict[str, str]
    make_client: Callable[[str], Any]
    config: Path
    bucket: str
    databkt: str
    suffix: str = ""
    s3: Any = field(init=False)
    logs: Any = field(init=False)

    def __post_init__(self) -> None:
        self.s3 = self.make_client("s3")
        self.logs = self.make_client("logs")

    @property
    def functions(self) -> list[str]:
        return [f"mapperNS{self.suffix}", f"reducerNS{self.suffix}"]

    def make_buckets(self) -> None:
        region = {"LocationConstraint": self.s3.meta.region_name}
        for name in {self.bucket, self.databkt}:
            self.s3.create_bucket(Bucket=name, CreateBucketConfiguration=region)

    def setup_apps(self, *options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "lambda-python/setupApps.py", "-f", str(self.config), *options]
        return run(command, self.environment)

    def deploy(self) -> None:
        done = self.setup_apps("--no_spotwrap")
        assert done.returncode == 0, done.stderr

    def driver(self, job_id: str, *options: str, prefix: str = "", names: bool = True):
        """`driver.py BUCKET JOB mapper reducer ...` on the input under `prefix`."""
        command = [sys.executable, "mr/driver.py", self.bucket, job_id]
        command += self.functions if names else []
        command += ["--databkt", self.databkt, "--prefix", prefix, *options]
        return run(command, self.environment)

    def aws(self, *words: str) -> subprocess.CompletedProcess[str]:
        return run(["aws", *words], self.environment)

    def put_input(self, prefix: str, bodies: Iterable[bytes]) -> list[bytes]:
        """Upload objects as input; returns their bodies."""
        kept = list(bodies)
        for number, body in enumerate(kept):
            key = f"{prefix}part-{number:05}"
            self.s3.put_object(Bucket=self.databkt, Key=key, Body=body)
        return kept

    def keys(self, prefix: str) -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def read(self, key: str) -> Any:
        return json.loads(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def wait_for(self, key: str, seconds: float = SECONDS) -> None:
        """Wait until an object is there, as a user of an asynchronous job would."""
        deadline = time.monotonic() + seconds
        while key not in self.keys(key):
            assert time.monotonic() < deadline, (
                f"{key} not there after {seconds} s: {self.keys('')}"
            )
            time.sleep(0.2)

    def assert_result(self, job_id: str, bodies: Iterable[bytes]) -> None:
        """The job's result, group by group, against the independent sum."""
        self.wait_for(f"{job_id}/result")
        oracle.assert_same_groups(self.read(f"{job_id}/result"), oracle.answer(bodies).groups)

    def log_lines(self, function: str) -> list[str]:
        """Everything in a function's log group, in order; nothing where it never ran."""
        group = f"/aws/lambda/{function}{self.suffix}"
        found = self.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        if group not in [one["logGroupName"] for one in found]:
            return []
        pages = self.logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"].rstrip() for page in pages for event in page["events"]]

    def invocations(self, function: str) -> int:
        """How often a function was started, counted from the platform's own START lines."""
        lines = self.log_lines(function)
        return sum(line.startswith("START RequestId") for line in lines)

    def settled_invocations(self, function: str) -> int:
        """The number of invocations, once it no longer grows."""
        before, count = -1, self.invocations(function)
        while count != before:
            time.sleep(1)
            before, count = count, self.invocations(function)
        return count

    def planned_reducers(self, job_id: str) -> int:
        """How many reducers a job's step records plan in all."""
        records = [key for key in self.keys(f"{job_id}/") if "/reducerstate." in key]
        return sum(self.read(key)["reducerCount"] for key in records)
