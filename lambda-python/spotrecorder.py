"""The recorder inside the patched botocore: makes an API call, and a record of it.

In the patched copy this file is `botocore/spotrecorder.py`, and every API method of every client
ends in `call`. In: the client, the operation, its arguments. Out: the operation's own answer or
error, and, between `begin` and `end`, one record for `take`. A record is a plain dict, as it goes
into SpotWrap's table. It needs nothing of botocore, so that its `client` module can import it.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

Record = dict[str, Any]

NO_ERROR = "SpotWrapPython"
"""The value of `error` where nothing failed; a failure's text follows it, after a colon."""

MAX_TEXT = 1000
"""Characters of a message or an error that are kept."""

OWN_WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems")
"""Operations that are not recorded when they change SpotWrap's own table."""

PAYLOAD_LIMITS = {"Event": 1 << 20, "RequestResponse": 6 << 20}
"""Bytes that Lambda takes as the payload of an invocation."""


class Invocation:
    """The invocation that is under way: who it is, and when its records were made.

    `common` are the attributes that all its records share, `arn` is in it as `thisFnARN`.
    """

    def __init__(
        self,
        request_id: str,
        common: Mapping[str, str],
        table: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.request_id = request_id
        self.common = common
        self.table = table
        self._clock = clock
        self._last = 0
        self._lock = threading.Lock()

    def stamp(self) -> int | Decimal:
        """Milliseconds since the epoch, another one on each call: requestID and ts are the key.

        A whole number, unless a call has it already: then it is a thousandth or more later.
        """
        with self._lock:
            self._last = max(self._last + 1, int(self._clock() * 1000) * 1000)
            whole, part = divmod(self._last, 1000)
            return Decimal(f"{whole}.{part:03}") if part else whole

    def source(self, invocation_type: str) -> str:
        """What a function that is invoked from here is told as its `eventSource`."""
        return f"int:invokeCLI:{self.common['thisFnARN']}:{self.request_id}:{invocation_type}"


_current: Invocation | None = None
_kept: deque[Record] = deque()


def begin(invocation: Invocation) -> None:
    """Record calls from now on, as calls of this invocation."""
    global _current
    _current = invocation


def end() -> None:
    """Record no more calls."""
    global _current
    _current = None


def take() -> list[Record]:
    """The records that were made and not taken yet; also late ones of earlier invocations."""
    return [_kept.popleft() for _ in range(len(_kept))]


def call(client: Any, operation: str, arguments: dict[str, Any]) -> Any:
    """Make an API call; what botocore's API methods do in the patched copy."""
    invocation = _current
    service = str(client.meta.service_model.service_name)
    if invocation is None or is_own_write(invocation.table, service, operation, arguments):
        return client._make_api_call(operation, arguments)
    if (service, operation) == ("lambda", "Invoke"):
        arguments = with_source(arguments, invocation.source)
    record = {
        **invocation.common,
        "requestID": invocation.request_id,
        "ts": invocation.stamp(),
        "caller": invocation.request_id,
        "eventSource": f"aws:{service}",
        "eventOp": operation,
        "region": str(client.meta.region_name),
        "message": message(arguments),
    }
    start = time.monotonic()
    try:
        response = client._make_api_call(operation, arguments)
    except Exception as error:
        _keep(record, start, getattr(error, "response", None), error)
        raise
    _keep(record, start, response, None)
    return response


def _keep(record: Record, start: float, response: Any, error: Exception | None) -> None:
    """Keep the record of a call that has ended."""
    metadata = response.get("ResponseMetadata", {}) if isinstance(response, dict) else {}
    record["awsRequestID"] = str(metadata.get("RequestId", "unknown"))
    record["duration"] = round((time.monotonic() - start) * 1000)
    record["error"] = error_text(f"{type(error).__name__}: {error}" if error else "")
    _kept.append(record)


# --------------------------------------------------------------------------- pure


def error_text(problem: str) -> str:
    """The value of `error`; pure."""
    return clipped(f"{NO_ERROR}:{problem}" if problem else NO_ERROR)


def clipped(text: str) -> str:
    """A text that DynamoDB takes, of bounded length; pure."""
    return text[:MAX_TEXT].encode("utf-8", "replace").decode("utf-8")


def message(arguments: Mapping[str, Any]) -> str:
    """What a call is about: "SW:BUCKET:KEY", "SW:FUNCTION", "SW:TABLE:KEY"; pure."""
    parts = [
        arguments.get("Bucket"),
        arguments.get("Key") if "Bucket" in arguments else None,
        arguments.get("Prefix"),
        arguments.get("FunctionName"),
        ",".join(tables(arguments)),
        arguments.get("Key") if "TableName" in arguments else None,
        arguments.get("TopicArn"),
        arguments.get("QueueUrl"),
        arguments.get("logGroupName"),
    ]
    return clipped(":".join(["SW", *(str(part) for part in parts if part)]))


def tables(arguments: Mapping[str, Any]) -> list[str]:
    """The names of the DynamoDB tables in a call's arguments; pure."""
    named = [arguments.get("TableName")]
    # Of the wrong type they are botocore's to refuse.
    if isinstance(requests := arguments.get("RequestItems"), dict):
        named += requests
    if isinstance(items := arguments.get("TransactItems"), list):
        actions = [action for item in items if isinstance(item, dict) for action in item.values()]
        named += [action.get("TableName") for action in actions if isinstance(action, dict)]
    # A table may be named by its ARN.
    return sorted({str(name).rpartition(":table/")[2] for name in named if name})


def is_own_write(table: str, service: str, operation: str, arguments: Mapping[str, Any]) -> bool:
    """Whether a call changes SpotWrap's own table, and no other; pure."""
    return service == "dynamodb" and operation in OWN_WRITES and tables(arguments) == [table]


def with_source(arguments: dict[str, Any], source: Callable[[str], str]) -> dict[str, Any]:
    """The arguments of an Invoke whose payload says who calls, in `eventSource`; pure.

    Only a JSON object can say so, and only if it stays small enough: any other payload stays.
    """
    payload = arguments.get("Payload")
    kind = arguments.get("InvocationType", "RequestResponse")
    if kind not in PAYLOAD_LIMITS or not isinstance(payload, bytes | bytearray | str):
        return arguments
    try:
        value = json.loads(payload)
        if not isinstance(value, dict):
            return arguments
        value["eventSource"] = source(kind)
        carried = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        return arguments
    return {**arguments, "Payload": carried} if len(carried) <= PAYLOAD_LIMITS[kind] else arguments
