"""One deployment for the tests of whole jobs: the shipped scns.json, names filled in."""

from __future__ import annotations

import pytest

from tests.cloud import Cloud, filled_in_config


@pytest.fixture(scope="session")
def cloud(aws_environment, aws_client, tmp_path_factory) -> Cloud:
    """All four functions, one deployment for every job id of the bucket."""
    folder = tmp_path_factory.mktemp("cloud")
    config = filled_in_config(folder, "my-job-bucket", timeout=60)
    made = Cloud(aws_environment, aws_client, config, "my-job-bucket", "my-data-bucket")
    made.make_buckets()
    made.deploy()
    return made
