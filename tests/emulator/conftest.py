"""One deployment for the tests of whole jobs: the shipped scns.json, names filled in."""

from __future__ import annotations

import pytest

from local.emulator import Emulator
from tests.cloud import Cloud, cloud_on


@pytest.fixture(scope="session")
def cloud(emulator: Emulator, tmp_path_factory) -> Cloud:
    """All four functions, one deployment for every job id of the bucket."""
    folder = tmp_path_factory.mktemp("cloud")
    made = cloud_on(emulator, folder, "my-job-bucket", "my-data-bucket", timeout=60)
    made.deploy()
    return made
