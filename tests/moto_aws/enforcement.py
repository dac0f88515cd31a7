"""What moto's IAM is told of a call: the permission it takes and the resources it touches.

moto checks signature, credentials and policy, but asks for lambda:Invoke where AWS asks for
lambda:InvokeFunction, and outside of S3 for any resource. In: moto's request. Out: pairs of
permission and ARN after AWS's Service Authorization Reference, each checked by moto and recorded.
"""

from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import xmltodict
from moto.iam.access_control import IAMRequestBase

PERMISSIONS = {"lambda:Invoke": "lambda:InvokeFunction", "s3:HeadBucket": "s3:ListBucket"}
"""Calls whose permission has another name than the one moto asks for."""

_MOTOS_SIGNATURE = IAMRequestBase.check_signature
_MOTOS_CHECK = IAMRequestBase.check_action_permitted
_ONE_WRITER = threading.Lock()


def needed(request: Any, resource: str) -> Iterator[tuple[str, str]]:
    """(permission, ARN) of everything a call must be allowed; `resource` is what moto takes it for.

    A deletion of many objects takes a permission for each, a copy one for its source.
    """
    action = PERMISSIONS.get(request._action, request._action)
    headers = {name.lower(): value for name, value in request._headers.items()}
    if action == "s3:DeleteObject" and "/" not in resource:
        yield from ((action, f"{resource}/{key}") for key in deleted_keys(request._body))
        return
    yield action, ARNS.get(request._service, lambda request, resource: resource)(request, resource)
    if source := headers.get("x-amz-copy-source"):
        yield "s3:GetObject", f"arn:aws:s3:::{urllib.parse.unquote(source).lstrip('/')}"


def deleted_keys(body: bytes) -> list[str]:
    """The keys in the body of S3's DeleteObjects."""
    asked = xmltodict.parse(body, strip_whitespace=False, force_list=["Object"])
    return [one["Key"] for one in asked["Delete"]["Object"]]


def function_arn(request: Any, resource: str) -> str:
    """The function in a path of Lambda's, /2015-03-31/functions/NAME/...; else `resource`."""
    parts = urllib.parse.unquote(request._path.partition("?")[0]).split("/")
    if parts[2:3] != ["functions"] or not any(parts[3:]):
        return resource
    name = parts[3].rpartition(":function:")[2]
    return f"arn:aws:lambda:{request._region}:{request.account_id}:function:{name}"


def log_arn(request: Any, resource: str) -> str:
    """A log group or stream as IAM names it: without a stream its name is empty."""
    asked = json.loads(request._body)
    if "logGroupName" not in asked:
        return resource
    group, stream = asked["logGroupName"], asked.get("logStreamName", "")
    account = f"{request._region}:{request.account_id}"
    return f"arn:aws:logs:{account}:log-group:{group}:log-stream:{stream}"


ARNS = {"lambda": function_arn, "logs": log_arn}


def install(record: Path) -> None:
    """Have moto check what AWS would, and leave a line in `record` for each check."""
    record.touch()

    def check_signature(request: Any) -> None:
        if request._method in ("GET", "DELETE") and request._service != "s3":
            request._data = {}  # moto has the headers here, and would sign them as the body
        _MOTOS_SIGNATURE(request)

    def check(request: Any, resource: str) -> None:
        for action, arn in list(needed(request, resource)):
            request._action, allowed = action, False
            try:
                _MOTOS_CHECK(request, arn)
                allowed = True
            finally:
                write(record, request, arn, allowed)

    IAMRequestBase.check_signature = check_signature
    IAMRequestBase.check_action_permitted = check


def write(record: Path, request: Any, arn: str, allowed: bool) -> None:
    """One line of JSON, the fields of `stand_in.Call`."""
    call = {
        "who": request._access_key.arn,
        "action": request._action,
        "resource": arn,
        "allowed": allowed,
    }
    with _ONE_WRITER, record.open("a") as file:
        file.write(json.dumps(call) + "\n")
