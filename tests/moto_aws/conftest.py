"""What these tests share: the second AWS, started for each module that asks for it, and the
commands of setup/ against it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.cloud import command_environment, run
from tests.moto_aws.stand_in import StandIn


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """moto with IAM enforced."""
    with StandIn(tmp_path_factory.mktemp("moto")) as running:
        yield running


def setup(stand_in: StandIn, program: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of setup/ as the administrator."""
    return run([sys.executable, f"setup/{program}", *words], command_environment(stand_in))


def make_role(stand_in: StandIn, bucket: str, databkt: str, *names: str) -> str:
    """Make a role with create-role.py, `names` its own and its policy's; returns its ARN."""
    done = setup(stand_in, "create-role.py", "--bucket", bucket, "--databkt", databkt, *names)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[0]
