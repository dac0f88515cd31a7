"""An endpoint that refuses connections: on this machine that is said soon."""

from __future__ import annotations

import socket
import time

import pytest
from botocore.exceptions import EndpointConnectionError

from aws.client import Clients
from aws.refused import is_local


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:4566", True),
        ("http://localhost:4566", True),
        ("http://[::1]:4566", True),
        ("http://s3.localhost", True),
        ("https://s3.us-west-2.amazonaws.com", False),
        ("https://localhost.example.com", False),
        ("http://10.0.0.1", False),
        ("", False),
    ],
)
def test_what_is_on_this_machine(url: str, local: bool) -> None:
    assert is_local(url) is local


def test_a_refused_connection_is_said_within_three_seconds(monkeypatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    clients = Clients("us-west-2")
    began = time.monotonic()
    with pytest.raises(EndpointConnectionError):
        clients.s3.list_objects_v2(Bucket="b")
    assert time.monotonic() - began < 3
