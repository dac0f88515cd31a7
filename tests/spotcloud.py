"""SpotWrap in tests: a patched botocore, functions deployed with it, and the records they left."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import spotgraph
from tests.cloud import Cloud, run

CODE_BUCKET = "my-code-bucket"


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
    found = [spotgraph.plain(item) for page in pages for item in page["Items"]]
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
