"""The clients of AWS, and settings of AWS that are none."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.exceptions import InvalidRegionError
from urllib3.util import connection

from aws.client import ATTEMPTS, Clients
from errors import UsageError


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_MAX_ATTEMPTS", raising=False)


@pytest.mark.parametrize(("said", "attempts"), [(None, ATTEMPTS), ("1", 1), ("20", 20)])
def test_how_often_a_request_is_sent_is_for_the_environment_to_say(
    monkeypatch, said: str | None, attempts: int
) -> None:
    if said:
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", said)
    retries = Clients("us-west-2").s3.meta.config.retries
    assert (retries["total_max_attempts"], retries["mode"]) == (attempts, "standard")


@pytest.mark.parametrize("said", ["abc", "0", "-1", "", "1.5", "10000000"])
def test_a_number_of_attempts_that_is_none_is_wrong_usage(monkeypatch, said: str) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", said)
    with pytest.raises(UsageError, match=f"AWS_MAX_ATTEMPTS is '{said}', not a whole number"):
        _ = Clients("us-west-2").s3


@pytest.mark.parametrize("said", ["localhost:4566", "http://", "foo"])
def test_an_address_that_is_none_is_wrong_usage(monkeypatch, said: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", said)
    message = f"Invalid endpoint: {said}: correct AWS_ENDPOINT_URL, or unset it"
    with pytest.raises(UsageError, match=f"^{message}$"):
        _ = Clients("us-west-2").s3


def test_another_setting_that_is_none_does_not_blame_the_address(monkeypatch) -> None:
    monkeypatch.setenv("AWS_METADATA_SERVICE_TIMEOUT", "abc")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(UsageError, match="'abc': correct what the environment or"):
        _ = Clients("us-west-2").s3


def test_a_region_that_is_none_is_an_error_of_aws() -> None:
    with pytest.raises(InvalidRegionError, match="x y"):
        _ = Clients("x y").s3


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    """A Lambda of one answer, which keeps its connections open."""

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"null")

        def log_message(self, *_: object) -> None:
            """Nothing: what a test says is its own."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """The sockets that urllib3 opens, in order."""
    opened: list[socket.socket] = []
    create = connection.create_connection

    def recorded(*arguments: Any, **named: Any) -> socket.socket:
        opened.append(create(*arguments, **named))
        return opened[-1]

    monkeypatch.setattr(connection, "create_connection", recorded)
    return opened


def test_a_connection_that_waits_for_a_function_is_kept_alive(
    monkeypatch, server: ThreadingHTTPServer, sockets: list[socket.socket]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    client = Clients("us-west-2").make("lambda", 900)
    assert client.invoke(FunctionName="f")["Payload"].read() == b"null"
    (used,) = sockets
    assert used.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL):
        assert 0 < used.getsockopt(socket.IPPROTO_TCP, option) < 350
    assert used.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_each_client_is_made_once() -> None:
    clients = Clients("us-west-2")
    assert clients.s3 is clients.s3
    assert clients.s3.meta.region_name == clients.functions.meta.region_name == "us-west-2"
