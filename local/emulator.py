"""The embedded AWS: MiniStack on a free loopback port, for `make local`, the demo and the tests.

In: nothing but the `ministack` package. Out: a running server and the environment variables with
which boto3 and the `aws` command reach it. All its files live under `.local/` in the checkout and
go when it stops; so do its worker processes, also when the program that started it is killed.

    python local/emulator.py            # start, print the export lines, stay until Ctrl-C
    python local/emulator.py --keep     # keep the contents of S3 under .local/s3
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import shlex
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

from errors import JobError, log
from local import deployment, tethered
from terminal import program

LOCAL_DIR = ROOT / ".local"
REGION = "us-west-2"
ACCOUNT = "000000000000"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/mapreduce"
START_SECONDS = 30
STOP_SECONDS = 5


class NotStarted(JobError):
    """The server does not answer; the message has the end of its log."""


class Emulator:
    """One MiniStack server and its Lambda workers, in a process group of their own.

    `settings` are further environment variables of the server (MiniStack's own settings).
    Use it as a context manager, or call `start` and `stop`.
    """

    def __init__(self, settings: dict[str, str] | None = None, keep_s3: bool = False) -> None:
        self.settings = settings or {}
        self.keep_s3 = keep_s3
        self.port = 0
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
        self.port = free_port()
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
        keep = {"S3_PERSIST": "1", "S3_DATA_DIR": str(LOCAL_DIR / "s3")} if self.keep_s3 else {}
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
            **keep,
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


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
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


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="local/emulator.py",
        description="Run the embedded AWS on loopback until Ctrl-C.",
        epilog="example: python local/emulator.py --keep",
    )
    parser.add_argument("--keep", action="store_true", help="keep S3's contents under .local/s3")
    return parser


def main(argv: list[str] | None = None) -> int:
    """The command. Returns the exit status."""
    return program.run(make_parser(), stay, argv)


def stay(options: argparse.Namespace) -> None:
    """Run the server until somebody asks it to end, which is how it is meant to end."""
    with Emulator(keep_s3=options.keep) as emulator:
        deployment.deploy(emulator)
        for name, value in emulator.client_environment().items():
            print(f"export {name}={shlex.quote(value)}", flush=True)
        log("The embedded AWS is up. Paste the lines above into a second terminal.")
        log(
            f"Buckets: {deployment.DATA_BUCKET} for input, {deployment.JOB_BUCKET} for jobs. "
            "Functions: mapperNS, reducerNS, with job files allowed."
        )
        log("Ctrl-C stops it.")
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
    log("Stopped.")


if __name__ == "__main__":
    raise SystemExit(main())
