"""What these tests share: one deployment for whole jobs, the shipped scns.json with its names
filled in; and a copy of the checkout.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.emulator import Emulator
from tests.cloud import ROOT, Cloud, cloud_on


@pytest.fixture(scope="session")
def cloud(emulator: Emulator, tmp_path_factory) -> Cloud:
    """All four functions, one deployment for every job id of the bucket."""
    folder = tmp_path_factory.mktemp("cloud")
    made = cloud_on(emulator, folder, "my-job-bucket", "my-data-bucket", timeout=60)
    made.deploy()
    return made


@pytest.fixture
def job_cloud(cloud: Cloud, tmp_path: Path, request):
    """A mapper and a reducer of their own, with another environment, in the shared deployment."""

    def deploy(files: tuple[str, ...] = (), fields: Any = (), **environment: str) -> Cloud:
        config = json.loads(cloud.config.read_text())
        suffix = f"-{abs(hash(request.node.name)) % 10**8}"
        config["functions"] = [
            {
                **function,
                **dict(fields),
                "name": function["name"].removesuffix(cloud.suffix) + suffix,
                "files_and_dirs": [*function["files_and_dirs"], *files],
                "environment": environment,
            }
            for function in config["functions"]
            if function["handler"] in ("mapper.handler", "reducer.handler")
        ]
        path = tmp_path / "scns.json"
        path.write_text(json.dumps(config))
        made = replace(cloud, config=path, suffix=suffix)
        made.deploy()
        name_in_coordinator(cloud, f"reducerNS{suffix}")
        return made

    return deploy


def name_in_coordinator(cloud: Cloud, reducer: str) -> None:
    """Have the shared coordinator start another reducer, as MR_REDUCERS in scns.json would."""
    functions, name = cloud.make_client("lambda"), "reducerCoordinatorNS"
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    names = f"{variables['MR_REDUCERS']} {reducer}"
    functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": {**variables, "MR_REDUCERS": names}}
    )
    functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """What git would clone, with the environment that `make setup` has made already."""
    copy = tmp_path_factory.mktemp("readme") / "checkout"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    (copy / ".venv").symlink_to(ROOT / ".venv")
    return copy
