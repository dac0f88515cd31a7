"""The clients of AWS: made at a door, and handed down from there."""

from __future__ import annotations

import functools
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from aws.hedging import ask_late_reads_again
from aws.keepalive import keep_alive
from aws.refused import give_up_soon
from aws.s3listing import read_pages_fast
from aws.threads import Threads
from aws.youngpolicy import DENIED, PAUSES, is_in_function, try_again
from errors import UsageError

ATTEMPTS = 8
"""How often botocore sends a request in all, unless AWS_MAX_ATTEMPTS says otherwise."""

CONNECT_SECONDS = 10


class Clients:
    """S3, Lambda and logs, for one region and one profile; each is made when first asked for.

    `region` and `profile` default to boto3's own resolution. Retries (throttling, 5xx, broken
    connections) are botocore's standard mode, set here for the whole project; inside a function
    what is denied is tried again too. Besides AWS it gives what else a simulation plays: the time
    (seconds since the epoch), and threads.
    """

    clock = staticmethod(time.time)
    sleep = staticmethod(time.sleep)
    threads = staticmethod(Threads)
    executor = staticmethod(ThreadPoolExecutor)

    def __init__(self, region: str | None = None, profile: str | None = None) -> None:
        self.region = region
        self.profile = profile

    @functools.cached_property
    def s3(self) -> Any:
        client = self.make("s3")
        read_pages_fast(client)
        ask_late_reads_again(client)
        return client

    @functools.cached_property
    def functions(self) -> Any:
        return self.make("lambda")

    @functools.cached_property
    def logs(self) -> Any:
        return self.make("logs")

    def make(self, service: str, read_timeout: float = 60, connections: int = 16) -> Any:
        """A client of its own: `read_timeout` is in seconds, `connections` is how many threads
        may call at once. UsageError where the environment has a setting that is none.
        """
        config = Config(
            retries={"mode": "standard", "total_max_attempts": attempts()},
            read_timeout=read_timeout,
            connect_timeout=CONNECT_SECONDS,
            max_pool_connections=connections,
            tcp_keepalive=True,
        )
        try:
            client = self._session.client(service, config=config)
        except BotoCoreError:
            raise
        except ValueError as error:
            raise UsageError(f"{error}: {remedy_for(error)}") from error
        keep_alive(client)
        give_up_soon(client)
        if is_in_function():
            try_again(client, PAUSES[: attempts() - 1])
        return client

    @functools.cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session(profile_name=self.profile, region_name=self.region)


def attempts() -> int:
    """How often botocore is to send a request in all. UsageError where that is no number."""
    said = os.environ.get("AWS_MAX_ATTEMPTS", str(ATTEMPTS))
    if not re.fullmatch(r"[1-9][0-9]{0,5}", said):
        raise UsageError(
            f"AWS_MAX_ATTEMPTS is {said!r}, not a whole number from 1: correct it, or unset it"
        )
    return int(said)


def remedy_for(error: ValueError) -> str:
    """Which of AWS's settings to correct, where botocore takes one for wrong; pure."""
    if "endpoint" in str(error):
        return "correct AWS_ENDPOINT_URL, or unset it"
    return "correct what the environment or AWS's configuration file sets it to"


def error_code(error: ClientError) -> str:
    """The code of an AWS error, e.g. "NoSuchKey"; HEAD requests give the bare status, "404"."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_denied(error: ClientError) -> bool:
    """Whether the credentials do not allow what was asked for."""
    return error_code(error) in DENIED
