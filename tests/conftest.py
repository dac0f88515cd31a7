"""What all tests share: the embedded AWS, started once a session, and clients for it."""

from __future__ import annotations

import contextlib
import resource
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import settings

from local.emulator import Emulator
from tests import cloud

# How long an example takes says nothing here: the machine is shared.
settings.register_profile("shared-machine", deadline=None)
settings.register_profile("long", deadline=None, max_examples=1000)
settings.load_profile("shared-machine")

LONGEST = (
    "test_faults.py",
    "test_spotwrap_trouble.py",
    "test_spotwrap.py",
    "test_exactly_once.py",
    "test_docs_commands.py",
)
"""They go first, so that no worker is left alone with one of them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """MiniStack on a free loopback port."""
    with Emulator() as running:
        yield running


@pytest.fixture(scope="session")
def aws_environment(emulator: Emulator) -> dict[str, str]:
    """The environment of a command run against the emulator, as in a user's second terminal."""
    return cloud.command_environment(emulator)


@pytest.fixture(scope="session")
def aws_client(emulator: Emulator) -> Callable[[str], Any]:
    """A factory of boto3 clients for the emulator: aws_client("s3")."""
    return cloud.client_factory(emulator)


@pytest.fixture
def small_disk():
    """No file may grow past so many bytes, as on a disk that is full."""

    @contextlib.contextmanager
    def limited(most: int) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        told = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, told)

    return limited
