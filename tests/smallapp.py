"""A small deployment for the tests of setupApps.py: one function with a trigger, one without.

In: a folder, the environment and clients of the emulator, a name. Out: a `Cloud` whose
configuration lists two one-line handlers, and ways to look at what was deployed.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cloud import Cloud
from tests.faults import FaultProxy

HANDLER = "def handler(event, context):\n    return {number}\n"


def make_app(folder: Path, environment: dict[str, str], make_client: Any, name: str) -> Cloud:
    """The two handlers and their configuration, and the buckets; nothing is deployed yet."""
    (folder / "coordinator.py").write_text(HANDLER.format(number=1))
    (folder / "plain.py").write_text(HANDLER.format(number=2))
    made = Cloud(environment, make_client, folder / "scns.json", f"jobs-{name}", f"data-{name}")
    made.make_buckets()
    made.suffix = f"-{name}"
    write_config(made)
    return made


@contextmanager
def through_proxy(app: Cloud) -> Iterator[FaultProxy]:
    """A proxy between the app's commands and AWS, which records calls and refuses them as told."""
    log = app.config.parent / "proxy.log"
    with FaultProxy(app.environment["AWS_ENDPOINT_URL"], log) as running:
        app.environment = {**app.environment, "AWS_ENDPOINT_URL": running.endpoint}
        yield running


def unique_name(request: Any) -> str:
    """A name for what one test makes, so that tests share an emulator."""
    return f"{abs(hash(request.node.nodeid)) % 10**8}"


def write_config(app: Cloud, job_id: str | None = "job1000", **more: Any) -> None:
    def entry(name: str, **fields: Any) -> dict[str, Any]:
        return {
            "name": f"{name}{app.suffix}",
            "lambdaMemory": 128,
            "handler": f"{name}.handler",
            "zip": f"{name}.zip",
            "files_and_dirs": [f"{name}.py"],
            **fields,
        }

    trigger = {"permission": app.bucket} | ({"job_id": job_id} if job_id else {})
    functions = [entry("plain", **more), entry("coordinator", **trigger)]
    app.config.write_text(json.dumps({"region": "us-west-2", "functions": functions}))


def check(done: subprocess.CompletedProcess[str], status: int, *messages: str) -> None:
    assert done.returncode == status, done.stderr
    assert all(message in done.stderr for message in messages), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def found(app: Cloud, name: str) -> dict[str, Any]:
    function = app.make_client("lambda").get_function_configuration(
        FunctionName=f"{name}{app.suffix}"
    )
    function.pop("ResponseMetadata")
    return function


def names(app: Cloud) -> set[str]:
    pages = app.make_client("lambda").get_paginator("list_functions").paginate()
    listed = {item["FunctionName"] for page in pages for item in page["Functions"]}
    return {name for name in listed if name.endswith(app.suffix)}


def notifications(app: Cloud) -> dict[str, Any]:
    found = app.s3.get_bucket_notification_configuration(Bucket=app.bucket)
    found.pop("ResponseMetadata")
    return found
