"""SpotWrap in tests: a patched botocore, functions deployed with it, and the records they left."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from local.emulator import Emulator
from spotwrap.table import plain
from tests.cloud import Cloud, cloud_on, run

CODE_BUCKET = "my-code-bucket"
BUCKET, DATA = "traced-jobs", "traced-data"
ROWS = [f"1.1.1.{n},u,d,{n}.5,a\n".encode() for n in range(4)]
SETTLE_SECONDS = 120
FUNCTIONS = ("driverNS", "mapperNS", "reducerNS", "reducerCoordinatorNS")


def patch(folder: Path, *options: str) -> Path:
    """Make a patched botocore with the real command."""
    command = [sys.executable, "lambda-python/patch-botocore.py", str(folder), *options]
    done = run(command, {"PATH": "/usr/bin:/bin"})
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def patched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A patched botocore; not to be changed."""
    return patch(tmp_path_factory.mktemp("patched") / "botocore")


def traced(cloud: Cloud, patched: Path, bucket: str = CODE_BUCKET, **fields: Any) -> None:
    """Have the configuration of a cloud ask for SpotWrap, in every function."""
    written = json.loads(cloud.config.read_text())
    for function in written["functions"]:
        function.update(patched_botocore_dir=str(patched), s3bucket=bucket, **fields)
    cloud.config.write_text(json.dumps(written))


def records(cloud: Cloud, table: str = "spotFns") -> list[dict[str, Any]]:
    """All records of the table, by time."""
    pages = cloud.make_client("dynamodb").get_paginator("scan").paginate(TableName=table)
    found = [plain(item) for page in pages for item in page["Items"]]
    return sorted(found, key=lambda record: record["ts"])


def of_function(found: list[dict[str, Any]], function: str) -> list[dict[str, Any]]:
    """The records of a function."""
    return [record for record in found if record["thisFnARN"].endswith(f":function:{function}")]


def ending(found: list[dict[str, Any]], suffix: str) -> list[dict[str, Any]]:
    """Entry records (":entry") or exit records (":exit")."""
    return [record for record in found if record["requestID"].endswith(suffix)]


def calls(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records of API calls."""
    return [record for record in found if ":" not in record["requestID"]]


def drive(cloud: Cloud, job_id: str, **fields: Any) -> subprocess.CompletedProcess[str]:
    """Run a job of four mappers with the driver function; its answer is on standard output."""
    payload = {
        "eventSource": "ext:invokeCLI",
        "bucket": DATA,
        "prefix": "rows/",
        "jobBucket": BUCKET,
        "job_id": job_id,
        "mapper": "mapperNS",
        "reducer": "reducerNS",
        "batchSize": 1,
        **fields,
    }
    words = ["lambda", "invoke", "--function-name", "driverNS", "--payload", json.dumps(payload)]
    # Else the command sends an invocation again that takes longer than a minute.
    done = cloud.aws(*words, "--cli-read-timeout", "0", "/dev/stdout")
    assert "TIMER:CALL:" in done.stdout, (done.stdout, done.stderr, said(cloud))
    return done


def said(cloud: Cloud) -> list[str]:
    """What SpotWrap said in the functions' logs."""
    return [line for name in FUNCTIONS for line in cloud.log_lines(name) if "SpotWrap:" in line]


def settle(cloud: Cloud, job_id: str, under: str = "") -> None:
    """Wait until the coordinators that a job's objects woke are done.

    The trigger watches all objects of the job, or those `under` a further prefix.
    """
    cloud.wait_for(f"{job_id}/task/reducer/done")
    due = len(cloud.keys(f"{job_id}/{under}"))
    deadline = time.monotonic() + SETTLE_SECONDS
    while len(woken := woken_by(records(cloud), job_id)) < due:
        assert time.monotonic() < deadline, (woken, said(cloud))
        time.sleep(0.2)


def woken_by(found: list[dict[str, Any]], job_id: str) -> list[dict[str, Any]]:
    """The entry records of the coordinators that objects of a job woke."""
    entries = ending(of_function(found, "reducerCoordinatorNS"), ":entry")
    return [one for one in entries if one["message"].startswith(f"{BUCKET}:{job_id}/")]


def make_cloud(folder: Path, emulator: Emulator, library: Path, **fields: Any) -> Cloud:
    """Buckets, input, and a configuration that asks for SpotWrap; nothing is deployed."""
    cloud = cloud_on(emulator, folder, BUCKET, DATA, timeout=180, **fields)
    cloud.put_input("rows/", ROWS)
    traced(cloud, library)
    return cloud


def deploy(cloud: Cloud, *options: str) -> str:
    done = cloud.setup_apps(*options)
    assert done.returncode == 0, done.stderr
    return done.stderr
