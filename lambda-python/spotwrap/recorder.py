"""The recorder inside the patched botocore: makes an API call, and a record of it.

In the patched copy this file is `botocore/spotrecorder.py`, and every API method of every client
ends in `call`. In: the client, the operation, its arguments. Out: the operation's own answer or
error, and, between `begin` and `end`, one record for `take`. What it writes into a text of a
record or of a payload is read back by the function that stands behind the one that writes it. It
needs nothing of botocore, nor of this folder, so that botocore's `client` can import it.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypedDict


class Record(TypedDict, total=False):
    """An item of SpotWrap's table: of an invocation's begin, of its end, or of an API call.

    `requestID` and `ts`, in ms since the epoch, are the key; `duration` is in ms. `caller` is the
    request that caused it, `eventSource`, `eventOp` and `sourceIP` what kind of request that was
    and where it came from, `message` what it was about. Where an event says otherwise than the
    function's own ARN, `region` and `accountID` have both, as A:B.
    """

    requestID: str
    ts: int | float | Decimal
    thisFnARN: str
    region: str
    accountID: str
    caller: str
    eventSource: str
    eventOp: str
    sourceIP: str
    message: str
    duration: float
    error: str
    awsRequestID: str


NO_ERROR = "SpotWrapPython"
"""The value of `error` where nothing failed; a failure's text follows it, after a colon."""

MAX_TEXT = 1000
"""Characters of a message or an error that are kept."""

OWN_WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems")
"""Operations that are not recorded when they change SpotWrap's own table."""

EVENT, SYNCHRONOUS = "Event", "RequestResponse"
PAYLOAD_LIMITS = {EVENT: 1 << 20, SYNCHRONOUS: 6 << 20}
"""Bytes that Lambda takes as the payload of an invocation, by its type."""

_SOURCE = "int:invokeCLI"


class Invocation:
    """The invocation that is under way: who it is, and when its records were made.

    `common` are the attributes that all its records share, `arn` is in it as `thisFnARN`.
    """

    def __init__(
        self,
        request_id: str,
        common: Record,
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
        return f"{_SOURCE}:{self.common['thisFnARN']}:{self.request_id}:{invocation_type}"


def caller_in(source: str) -> tuple[str, str] | None:
    """Who calls and in which request, where `Invocation.source` made an `eventSource`; pure."""
    who, _, rest = source.rpartition(":")
    if rest not in PAYLOAD_LIMITS or not who.startswith(f"{_SOURCE}:arn:"):
        return None
    who, _, request = who.rpartition(":")
    return who, request


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
    record: Record = {
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


def problem_in(record: Record) -> str:
    """What a record says went wrong; empty where nothing did; pure."""
    error = record.get("error", NO_ERROR)
    return "" if error == NO_ERROR else error.removeprefix(f"{NO_ERROR}:")


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


def object_in(call: Record) -> tuple[str, str] | None:
    """Bucket and key that the record of a call of S3 is about; pure."""
    parts = call.get("message", "").split(":", 2)
    if call.get("eventSource") != "aws:s3" or len(parts) < 3:
        return None
    return parts[1], parts[2]


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
    kind = arguments.get("InvocationType", SYNCHRONOUS)
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
