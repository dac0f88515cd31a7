"""microburst between everything and the emulator: AWS errors in AWS's own wire format.

In: an upstream URL and rules (microburst's own form). Out: an endpoint through which calls fail as
told, and the record of the faults that fired.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3

from local import tethered
from local.emulator import end_group, free_port
from tests.cloud import Cloud

START_SECONDS = 20

SHAPES = {
    "tree": ("--fanin", "8"),
    "partitioned": ("--reducers", "3"),
    "two-level": ("--reducers", "2", "--fanin", "10"),
    "planned": (),
}
"""Shapes of the reduce steps, and the options of the driver that force each."""


def in_turns(job_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """A shape's options for each job: all shapes in turns."""
    return dict(zip(job_ids, itertools.cycle(SHAPES.values()), strict=False))


class FaultProxy:
    """A microburst process on a free loopback port. Use it as a context manager."""

    def __init__(self, upstream: str, log: Path) -> None:
        self.upstream = upstream
        self.log = log
        self.port = free_port()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> FaultProxy:
        address = ["--host", "127.0.0.1", "--port", str(self.port)]
        command = tethered.command("microburst", *address, "--upstream", self.upstream)
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.control("GET", "health")
                return self
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.__exit__()
                    raise RuntimeError(
                        f"microburst did not start:\n{self.log.read_text()}"
                    ) from None
                time.sleep(0.05)

    def __exit__(self, *exception: object) -> None:
        end_group(self._process)

    def control(self, method: str, what: str, body: Any = None) -> Any:
        """A request to microburst's own API; returns its JSON answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            text = None if body is None else json.dumps(body)
            headers = {"Content-Type": "application/json"} if text else {}
            connection.request(method, f"/_microburst/{what}", text, headers)
            answer = connection.getresponse()
            content = answer.read()
            assert answer.status < 300, content
            return json.loads(content) if content else None
        finally:
            connection.close()

    def rules(self, *rules: dict[str, Any]) -> None:
        """Replace all rules."""
        self.control("POST", "rules", list(rules))

    def fired(self) -> list[dict[str, Any]]:
        """The faults that fired, oldest first."""
        return self.control("GET", "fired?limit=100000")


def client_through(cloud: Cloud, proxy: FaultProxy) -> Any:
    """An S3 client that goes through the proxy."""
    return boto3.client(
        "s3",
        endpoint_url=proxy.endpoint,
        region_name=cloud.environment["AWS_DEFAULT_REGION"],
        aws_access_key_id=cloud.environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=cloud.environment["AWS_SECRET_ACCESS_KEY"],
    )


def throttling(rate: float) -> list[dict[str, Any]]:
    """Throttles and server errors on this share of all S3, Lambda and logs calls."""
    half = {"probability": rate / 2}
    return [
        {"service": "s3", "error": {"code": "SlowDown", "status": 503}, **half},
        {"service": "s3", "error": {"code": "InternalError", "status": 500}, **half},
        {"service": "lambda", "error": {"code": "TooManyRequestsException", "status": 429}, **half},
        {"service": "lambda", "error": {"code": "ServiceException", "status": 500}, **half},
        {"service": "logs", "error": {"code": "ThrottlingException", "status": 400}, **half},
        {
            "service": "logs",
            "error": {"code": "ServiceUnavailableException", "status": 500},
            **half,
        },
    ]


def broken_downloads(rate: float) -> list[dict[str, Any]]:
    """Connections that break in the middle of an object's body."""
    broken = {"service": "s3", "operation": "GetObject", "probability": rate}
    return [{**broken, "response": {"abort_frac": 0.6}}]


def slow(most: int) -> list[dict[str, Any]]:
    """0 to `most` milliseconds on every call."""
    return [{"service": "*", "latency": {"min": 0, "max": most}}]


def workers(root: Path, function: str) -> list[int]:
    """An emulator's worker processes of a function; `root` is that emulator's own folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                folder = (entry / "cwd").resolve()
            except OSError:
                continue
            if root in folder.parents and f"ministack-lambda-{function}-" in str(folder):
                found.append(int(entry.name))
    return found


def kill_as_jobs_go_on(
    cloud: Cloud, root: Path, prefix: str, stop: threading.Event, killed: list[int]
) -> None:
    """Kill a mapper's process for every second mapper output, and a reducer's for every step, of
    the jobs whose ids begin with `prefix`, until told to stop; `killed` gets their ids.

    By what the jobs have done, not by the clock: on a slow machine a process that is killed every
    half second never gets to its first line.
    """
    choice = random.Random(1)
    mapped = claimed = 0
    while not stop.wait(0.05):
        keys = cloud.keys(prefix)
        outputs = sum("/task/mapper/" in key for key in keys)
        claims = sum("/reducerstate." in key for key in keys)
        due = ["mapperNS"] * (outputs - mapped >= 2) + ["reducerNS"] * (claims > claimed)
        for function in due:
            found = workers(root, function)
            if found:
                pid = choice.choice(found)
                with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)
        mapped = outputs if "mapperNS" in due else mapped
        claimed = claims
