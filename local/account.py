"""A place of its own in somebody's account, for `make aws-check`: what is made there, and deleted.

All of it has one word in its name. The rest of the account and of the bucket stays as it is.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from aws.client import Clients
from deploy import contents
from errors import JobError, log
from local.rehearsal import ROOT, configuration, run, say

POLICY = "policy"
OBJECTS, SIZE = 3, 3_000_000
WHOLE_CORE = 1769
"""MB of memory that give a function a core: those of the probes."""
PROBE_SECONDS = 300


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
