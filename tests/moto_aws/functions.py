"""Lambda without containers: deployed functions run in this process, each with its own role.

In: a function of moto's registry and an event, by Invoke or from an S3 notification that moto
sends. Out: the handler's answer; or, for an asynchronous event, nothing, and the handler runs
later on a thread. As in Lambda, the environment holds the function's variables and the credentials
of its role, and the log is written with these. All functions share it: no two may set a variable
to different values.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import sys
import threading
import time
import traceback
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError
from moto.awslambda.models import LambdaFunction
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from local.emulator import ROOT

_LATER = ThreadPoolExecutor(16, "event")
_ONE_AT_A_TIME: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
"""For each function: an environment of Lambda's never has two invocations at once either."""


@dataclass(frozen=True)
class Context:
    """What Lambda tells a handler of its invocation; `deadline` is on the monotonic clock."""

    function_name: str
    memory_limit_in_mb: int
    aws_request_id: str
    deadline: float

    def get_remaining_time_in_millis(self) -> int:
        return round((self.deadline - time.monotonic()) * 1000)


def install() -> None:
    """Have moto's functions run here, and find what they import in mr/ alone."""
    sys.path.remove(str(ROOT / "local"))  # the folder of the script that started us
    sys.path.insert(0, str(ROOT / "mr"))
    LambdaFunction.invoke = invoke


def invoke(
    function: Any, body: str, request_headers: Mapping[str, str], response_headers: dict[str, str]
) -> bytes:
    """Run a function and return its answer, or start it where nobody waits for one.

    An S3 notification comes without headers.
    """
    take_role(function.role)
    event = json.loads(body or "{}")
    if not request_headers or request_headers.get("X-Amz-Invocation-Type") == "Event":
        _LATER.submit(run, function, event)
        return b""
    answer, failed = run(function, event)
    if failed:
        response_headers["x-amz-function-error"] = "Unhandled"
    return json.dumps(answer).encode()


def run(function: Any, event: Any) -> tuple[Any, bool]:
    """The handler's answer, or Lambda's own for an error, and whether it was one."""
    request_id = str(uuid.uuid4())
    deadline = time.monotonic() + int(function.timeout)
    context = Context(function.function_name, int(function.memory_size), request_id, deadline)
    lines = [f"START RequestId: {request_id} Version: $LATEST"]
    try:
        with _ONE_AT_A_TIME[function.function_name]:
            os.environ.update(getattr(function, "environment_vars", {}))
            answer, failed = handler_of(function)(event, context), False
    except Exception as error:  # noqa: BLE001 - whatever a handler raises is its answer
        answer, failed = {"errorType": type(error).__name__, "errorMessage": str(error)}, True
        lines.append(f"[ERROR] {type(error).__name__}: {error}\n{traceback.format_exc()}")
    write_log(function.function_name, request_id, [*lines, f"END RequestId: {request_id}"])
    return answer, failed


def handler_of(function: Any) -> Callable[[Any, Any], Any]:
    """The function that the registered handler, FILE.NAME, names."""
    module, _, name = function.handler.partition(".")
    handler: Callable[[Any, Any], Any] = getattr(importlib.import_module(module), name)
    return handler


@functools.cache
def take_role(arn: str) -> None:
    """Set the environment to credentials of the role. One process has one role, since handlers
    keep their clients.
    """
    assert "AWS_SESSION_TOKEN" not in os.environ, f"a function with another role, {arn}"
    account = arn.split(":")[4]
    trust = json.loads(
        iam_backends[account]["aws"].get_role_by_arn(arn).assume_role_policy_document
    )
    trusted = [one["Principal"]["Service"] for one in trust["Statement"]]
    assert trusted == ["lambda.amazonaws.com"], f"Lambda may not assume {arn}"
    role = sts_backends[account]["aws"].assume_role(
        region_name=os.environ["AWS_REGION"],
        role_session_name="function",
        role_arn=arn,
        policy="",
        duration=3600,
        external_id="",
    )
    os.environ["AWS_ACCESS_KEY_ID"] = role.access_key_id
    os.environ["AWS_SECRET_ACCESS_KEY"] = role.secret_access_key
    os.environ["AWS_SESSION_TOKEN"] = role.session_token


@functools.cache
def logs() -> Any:
    return boto3.client("logs")


def write_log(function: str, request_id: str, lines: list[str]) -> None:
    """Write the log as Lambda does, with the function's role; a role that may not has no log."""
    group, stream = f"/aws/lambda/{function}", f"[$LATEST]{request_id}"
    now = round(time.time() * 1000)
    events = [{"timestamp": now, "message": line} for line in lines]
    with suppress(ClientError):  # another invocation has made it already
        logs().create_log_group(logGroupName=group)
    with suppress(ClientError):
        logs().create_log_stream(logGroupName=group, logStreamName=stream)
        logs().put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
