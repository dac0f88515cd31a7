"""What all tests share: the embedded AWS, started once a session, and clients for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from local.emulator import Emulator

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """MiniStack on a free loopback port."""
    with Emulator() as running:
        yield running


@pytest.fixture(scope="session")
def aws_environment(emulator: Emulator) -> dict[str, str]:
    """The environment of a command run against the emulator, as in a user's second terminal."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS", "PYTHON"))
    }
    # `aws` and `python` are those of .venv, whoever started the tests.
    path = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{inherited.get('PATH', '')}"
    return {**inherited, **emulator.client_environment(), "PATH": path}


@pytest.fixture(scope="session")
def aws_client(emulator: Emulator):
    """A factory of boto3 clients for the emulator: aws_client("s3")."""
    environment = emulator.client_environment()

    def make(service: str):
        return boto3.client(
            service,
            endpoint_url=environment["AWS_ENDPOINT_URL"],
            region_name=environment["AWS_DEFAULT_REGION"],
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        )

    return make
