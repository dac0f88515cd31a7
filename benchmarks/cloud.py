"""The embedded AWS for the benchmarks: buckets, objects, deployed functions, jobs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import boto3
from measure import ROOT, CaseFailed, Run

from local.emulator import Emulator

BUCKET = "bench-jobs"
DATA = "bench-data"


class Cloud:
    """A running emulator with the four functions deployed in it, of the checkout `root`."""

    def __init__(self, emulator: Emulator, folder: Path, root: Path = ROOT) -> None:
        self.variables = emulator.client_environment()
        self.folder = folder
        self.root = root
        self.s3 = boto3.client(
            "s3",
            endpoint_url=emulator.endpoint,
            region_name=self.variables["AWS_DEFAULT_REGION"],
            aws_access_key_id=self.variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.variables["AWS_SECRET_ACCESS_KEY"],
        )
        region = {"LocationConstraint": self.variables["AWS_DEFAULT_REGION"]}
        for bucket in (BUCKET, DATA):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=region)

    def deploy(self) -> None:
        config = json.loads((self.root / "scns.json").read_text())
        for function in config["functions"]:
            function["files_and_dirs"] = [
                str(self.root / name) for name in function["files_and_dirs"]
            ]
            function.pop("job_id", None)
            if "permission" in function:
                function["permission"] = BUCKET
        path = self.folder / "scns.json"
        path.write_text(json.dumps(config))
        self.command("lambda-python/setupApps.py", "-f", str(path), "--no_spotwrap")

    def command(self, *words: str) -> float:
        """Run one of the project's commands; seconds. CaseFailed."""
        begin = time.perf_counter()
        done = subprocess.run(
            [sys.executable, *words],
            cwd=self.root,
            env={**os.environ, **self.variables},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CaseFailed(f"{words[0]}: {done.stderr[-300:]}")
        return time.perf_counter() - begin

    def upload(self, prefix: str, files: Iterable[Path]) -> list[str]:
        keys = []
        for file in files:
            keys.append(f"{prefix}{file.name}")
            self.s3.upload_file(str(file), DATA, keys[-1])
        return keys

    def clear(self) -> None:
        """Forget all jobs, so that memory and listings stay as they were."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        for page in pages:
            keys = [{"Key": item["Key"]} for item in page.get("Contents", [])]
            if keys:
                self.s3.delete_objects(Bucket=BUCKET, Delete={"Objects": keys})

    def metadata(self, prefix: str) -> list[dict[str, str]]:
        """The metadata of the outputs under a prefix."""
        listed = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return [self.s3.head_object(Bucket=BUCKET, Key=one["Key"])["Metadata"] for one in listed]

    def job(self, prefix: str, *options: str) -> Run:
        """A whole job by driver.py, from the command to the answer."""
        seconds = self.command(
            "mr/driver.py", BUCKET, "bench", "mapperNS", "reducerNS", "--databkt", DATA,
            "--prefix", prefix, "--wait4reducers", "--overwrite", *options,
        )  # fmt: skip
        body: Any = self.s3.get_object(Bucket=BUCKET, Key="bench/result")["Body"].read()
        result = json.loads(body)
        return Run(seconds, 0.0, len(result), sum(result.values()))
