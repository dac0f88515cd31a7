"""The embedded AWS: MiniStack on a loopback port, for the sandbox, the demo and the tests.

In: nothing but the `ministack` package. Out: a running server and the environment variables with
which boto3 and the `aws` command reach it. All its files live under `.local/` in the checkout and
go when it stops; so do its worker processes, also when the program that started it is killed.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.append(str(ROOT / "mr"))

from errors import JobError
from local import tethered

LOCAL_DIR = ROOT / ".local"
REGION = "us-west-2"
ACCOUNT = "000000000000"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/mapreduce"
KEPT = {
    "S3_PERSIST": "1",
    "S3_DATA_DIR": str(LOCAL_DIR / "s3"),
    "PERSIST_STATE": "1",
    "STATE_DIR": str(LOCAL_DIR / "state"),
}
START_SECONDS = 30
STOP_SECONDS = 5


class NotStarted(JobError):
    """The server does not answer; the message has the end of its log."""


class Emulator:
    """One MiniStack server and its Lambda workers, in a process group of their own.

    `settings` are further environment variables of the server (MiniStack's own settings). With
    `keep`, what is in it is there again when it starts the next time. `port` is taken where it is
    free. Use it as a context manager, or call `start` and `stop`.
    """

    def __init__(
        self, settings: dict[str, str] | None = None, keep: bool = False, port: int = 0
    ) -> None:
        self.settings = settings or {}
        self.keep = keep
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None

    @property
    def endpoint(self) -> str:
        """The URL of the server, e.g. http://127.0.0.1:40123."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """The file with the server's own output."""
        assert self._folder is not None, "the emulator has not been started"
        return self._folder / "emulator.log"

    def client_environment(self) -> dict[str, str]:
        """The variables that lead boto3, the `aws` command and setupApps here."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWSRole": ROLE_ARN,
        }

    def start(self) -> Emulator:
        """Start the server; returns when it answers. NotStarted."""
        LOCAL_DIR.mkdir(exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix="emulator-", dir=LOCAL_DIR))
        self.port = free_port(self.port)
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                tethered.command("ministack"),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._server_environment(self._folder),
                start_new_session=True,
            )
        try:
            self._wait_until_it_answers(self._process)
        except BaseException:  # Ctrl-C too: nothing may be left behind
            self.stop()
            raise
        return self

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                output = self.log.read_text(errors="replace")[-2000:]
                raise NotStarted(f"MiniStack did not start on port {self.port}:\n{output}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server and every worker it started, and remove its files."""
        if self._process is not None:
            end_group(self._process)
            self._process = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        with contextlib.suppress(OSError):  # others may still be using it
            LOCAL_DIR.rmdir()

    def __enter__(self) -> Emulator:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _server_environment(self, folder: Path) -> dict[str, str]:
        # The user's own AWS settings and Python path must not reach the functions.
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS", "PYTHON", "COV_"))
        }
        return {
            **inherited,
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            "TMPDIR": str(folder),
            **(KEPT if self.keep else {}),
            **self.settings,
        }

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/_ministack/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def free_port(wanted: int = 0) -> int:
    """A TCP port of the loopback interface that nobody listens on: the wanted one if it can be."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ask the server to end, then end what is left of its process group (the workers)."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.stdin is not None:  # not earlier: its end is what makes the child kill itself
        process.stdin.close()
