"""What these tests share: one deployment for whole jobs, the shipped scns.json with its names
filled in; and a copy of the checkout.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.emulator import Emulator
from tests.cloud import ROOT, Cloud, cloud_on, own_functions


@pytest.fixture(scope="session")
def cloud(emulator: Emulator, tmp_path_factory) -> Cloud:
    """All four functions, one deployment for every job id of the bucket."""
    folder = tmp_path_factory.mktemp("cloud")
    made = cloud_on(emulator, folder, "my-job-bucket", "my-data-bucket", timeout=60)
    made.deploy()
    return made


@pytest.fixture
def job_cloud(cloud: Cloud, tmp_path: Path, request):
    """Deploys a mapper and a reducer of their own, with more files and another environment."""

    def deploy(files: tuple[str, ...] = (), fields: Any = (), **environment: str) -> Cloud:
        suffix = f"-{abs(hash(request.node.name)) % 10**8}"
        return own_functions(cloud, tmp_path, suffix, files, dict(fields), environment)

    return deploy


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
