"""What `make local` begins with: two buckets, and the functions of scns.json for every job id.

Job files may go with a run here (`MR_JOB_FILES`): nobody but you writes to these buckets.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from errors import JobError

if TYPE_CHECKING:
    from local.emulator import Emulator

ROOT = Path(__file__).resolve().parent.parent
JOB_BUCKET = "local-jobs"
DATA_BUCKET = "local-data"
WORKERS = ("mapper.handler", "reducer.handler")


def deploy(emulator: Emulator) -> None:
    """Make the buckets and deploy the functions. JobError where that fails."""
    own = emulator.client_environment()
    make_buckets(emulator.endpoint, own)
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


def make_buckets(endpoint: str, own: Mapping[str, str]) -> None:
    """Make both buckets, of which S3 may have kept some."""
    region = own["AWS_DEFAULT_REGION"]
    s3 = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=own["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=own["AWS_SECRET_ACCESS_KEY"],
    )
    for name in (JOB_BUCKET, DATA_BUCKET):
        try:
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
        except ClientError as error:
            if error.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
                raise


def config() -> dict[str, Any]:
    """scns.json with the names filled in, and job files allowed."""
    made: dict[str, Any] = json.loads((ROOT / "scns.json").read_text())
    for function in made["functions"]:
        function["files_and_dirs"] = [str(ROOT / path) for path in function["files_and_dirs"]]
        if function["handler"] in WORKERS:
            function["environment"] = {"MR_JOB_FILES": "yes"}
        if "permission" in function:
            function["permission"] = JOB_BUCKET
            del function["job_id"]
    return made
