"""moto on loopback as a second AWS for the tests: nobody but its owner may do anything unasked.

In: a folder for its logs. Out: an endpoint and an administrator's environment, as local/emulator.py
has them, and the record of every call: who, which permission, on what, allowed or denied.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import boto3

from local import tethered
from local.emulator import REGION, ROOT, end_group, free_port

START_SECONDS = 30
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


@dataclass(frozen=True)
class Call:
    """A call as IAM sees it: `who` is the caller's ARN, `action` the permission it takes."""

    who: str
    action: str
    resource: str
    allowed: bool

    @property
    def is_of_a_function(self) -> bool:
        """Whether a function made it, with its role, and not the administrator."""
        return ":assumed-role/" in self.who

    @property
    def writes(self) -> bool:
        """Whether it may change anything, told from the verb of its permission."""
        verb = self.action.partition(":")[2]
        return not verb.startswith(("Get", "List", "Head", "Describe", "Filter"))


class StandIn:
    """One moto server. Use it as a context manager; it ends with the tests, however they end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.role = ""
        self._keys: dict[str, str] = {}

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> StandIn:
        with (self.folder / "moto.log").open("wb") as log:
            command = tethered.command("tests.moto_aws.server", str(self.port), str(self._record))
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self._server_environment(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        with contextlib.ExitStack() as undo:
            undo.callback(self.__exit__)
            self._wait()
            self._keys = self._administrator()
            self._request("/moto-api/reset-auth", b"0")  # from now on IAM is enforced
            undo.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        end_group(self._process)

    def client_environment(self) -> dict[str, str]:
        """The variables that lead boto3 and our commands here, as the administrator."""
        role = {"AWSRole": self.role} if self.role else {}
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": REGION,
            **self._keys,
            **role,
        }

    def calls(self, since: int = 0) -> list[Call]:
        """The calls that were made, without the first `since` of them."""
        lines = self._record.read_text().splitlines()[since:]
        return [Call(**json.loads(line)) for line in lines]

    @property
    def _record(self) -> Path:
        return self.folder / "calls.jsonl"

    def _server_environment(self) -> dict[str, str]:
        # The functions run in the server's process: these are what Lambda sets for them.
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS", "PYTHON", "COV_", "MOTO", "MR_"))
        }
        return {
            **inherited,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "PYTHONPATH": str(ROOT),
        }

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                return self._request("/moto-api/data.json")
            except urllib.error.URLError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    output = (self.folder / "moto.log").read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"moto did not start:\n{output}") from None
                time.sleep(0.05)

    def _request(self, path: str, body: bytes | None = None) -> None:
        headers = {"Content-Type": "text/plain"}
        request = urllib.request.Request(f"{self.endpoint}{path}", body, headers)  # noqa: S310
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 - http on loopback

    def _administrator(self) -> dict[str, str]:
        """Make a user who may do everything; the variables with its keys."""
        iam = boto3.client(
            "iam",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="first",
            aws_secret_access_key="first",
        )
        iam.create_user(UserName="admin")
        document = json.dumps(EVERYTHING)
        iam.put_user_policy(UserName="admin", PolicyName="all", PolicyDocument=document)
        made = iam.create_access_key(UserName="admin")["AccessKey"]
        return {
            "AWS_ACCESS_KEY_ID": made["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
        }
