"""The entry and the exit record of an invocation; all of it pure.

In: the event that a function was given and Lambda's context. Out: records with the attributes of
SpotWrap's table. Who called, and for what, is read from the event as far as it tells: events of
S3, DynamoDB, SNS and other sources of `Records`, of API Gateway, of the command line ("ext:...")
and of other functions ("int:...", which the recorder writes into the payload of an Invoke).
Whatever an event looks like, there is a record. Its `requestID` is REQUEST:entry or REQUEST:exit;
that of an API call, which the recorder makes, is the REQUEST alone.
"""

from __future__ import annotations

import re
import time
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any, cast

from spotwrap.recorder import (
    NO_ERROR,
    PAYLOAD_LIMITS,
    SYNCHRONOUS,
    Record,
    caller_in,
    clipped,
    error_text,
)

UNKNOWN = "unknown"
ENTRY, EXIT = ":entry", ":exit"
"""Ends of the `requestID` of an invocation's own records."""


def milliseconds(clock: Callable[[], float] = time.time) -> int:
    return int(clock() * 1000)


def common(context: Any) -> Record:
    """The attributes that all records of an invocation share, out of Lambda's context."""
    arn = str(context.invoked_function_arn)
    parts = arn.split(":")
    return {
        "thisFnARN": arn,
        "caller": UNKNOWN,
        "eventSource": UNKNOWN,
        "eventOp": UNKNOWN,
        "region": parts[3] if len(parts) > 4 else UNKNOWN,
        "accountID": parts[4] if len(parts) > 4 else UNKNOWN,
        "sourceIP": UNKNOWN,
        "message": "unset",
        "duration": 0,
        "error": NO_ERROR,
    }


def entry(shared: Record, request_id: str, event: Any, ts: int) -> Record:
    """The record of an invocation's begin; `ts` in ms since the epoch."""
    told = origin(event)
    for name, own in (("region", shared["region"]), ("accountID", shared["accountID"])):
        if name in told and told[name] not in (UNKNOWN, own):
            told[name] = f"{own}:{told[name]}"
        else:
            told.pop(name, None)
    if told.get("eventSource", UNKNOWN) == UNKNOWN:
        told["eventSource"] = f"unknown_source:{function_name(shared['thisFnARN'])}"
    texts = {name: clipped(value) for name, value in told.items()}
    return cast(Record, {**shared, **texts, "requestID": f"{request_id}{ENTRY}", "ts": ts})


def exit_(shared: Record, request_id: str, ts: int, duration: int, problem: str) -> Record:
    """The record of an invocation's end; `duration` in ms, `problem` empty where all went well."""
    return {
        **shared,
        "requestID": f"{request_id}{EXIT}",
        "ts": ts,
        "duration": duration,
        "error": error_text(problem),
    }


def request_of(record: Record) -> str:
    """The request that a record belongs to: of an invocation's begin, of its end, or of a call."""
    return record["requestID"].removesuffix(ENTRY).removesuffix(EXIT)


def failure(error: BaseException) -> str:
    """How an exception is told in `error` and in the answer."""
    return f"SpotWrap_exception:{type(error).__name__}: {error}:status:400"


def function_name(arn: str) -> str:
    """The name in a function's ARN, without version or alias."""
    return arn.partition(":function:")[2].partition(":")[0] or arn


def is_synchronous(event: Any) -> bool:
    """Whether the caller is known to wait for the answer.

    Lambda does not tell its functions. API Gateway waits; a wrapped function that invokes another
    says so at the end of `eventSource`, and so may anybody.
    """
    if not isinstance(event, dict):
        return False
    source = event.get("eventSource")
    waits = isinstance(source, str) and source.endswith(f":{SYNCHRONOUS}")
    return waits or "requestContext" in event


# --------------------------------------------------------------------------- where from


def origin(event: Any) -> dict[str, str]:
    """The attributes of an entry record that an event tells."""
    if not isinstance(event, dict):
        return {}
    if isinstance(event.get("requestContext"), dict):
        return _api_gateway(event)
    records = event.get("Records")
    if isinstance(records, list) and records and isinstance(records[0], dict):
        return _records(records)
    return _invoke(event)


def at(value: Any, *path: str, default: str = UNKNOWN) -> str:
    """The text or number at a path of names within nested objects, as a text."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return str(value) if isinstance(value, str | int | float) else default


def _records(records: list[Any]) -> dict[str, str]:
    """Services that send `Records`: what the first one says, and how many more there are."""
    first = records[0]
    source = at(first, "eventSource", default=at(first, "EventSource"))
    told = _SERVICES.get(source, _stream)(first)
    if len(records) > 1:
        told["message"] = f"{told['message']} and {len(records) - 1} more"
    return told


def _s3(record: Mapping[str, Any]) -> dict[str, str]:
    operation = at(record, "eventName")
    bucket = at(record, "s3", "bucket", "name")
    key = urllib.parse.unquote_plus(at(record, "s3", "object", "key"))
    size = at(record, "s3", "object", "size", default="0")
    request = at(record, "responseElements", "x-amz-request-id")
    return {
        "caller": f"{request}:{at(record, 's3', 'object', 'sequencer')}",
        "eventSource": f"{at(record, 's3', 'bucket', 'arn', default='aws:s3')}:{operation}",
        "eventOp": operation,
        "region": at(record, "awsRegion"),
        "sourceIP": at(record, "requestParameters", "sourceIPAddress"),
        "message": f"{bucket}:{key}:{size}:{at(record, 'eventTime')}",
    }


_S3_MESSAGE = re.compile(r"(?P<bucket>[^:]+):(?P<key>.*):\d+:[^:]*:[^:]*:[^:]*", re.DOTALL)


def woken_by(entry: Record) -> tuple[str, str] | None:
    """Bucket and key of the object whose event an entry record tells; None for other events."""
    if ":s3:::" not in entry.get("eventSource", ""):
        return None
    found = _S3_MESSAGE.fullmatch(entry.get("message", ""))
    return (found["bucket"], found["key"]) if found else None


def _dynamodb(record: Mapping[str, Any]) -> dict[str, str]:
    change = record.get("dynamodb")
    images = change if isinstance(change, dict) else {}
    told = [
        f"{label}:{images[name]}"
        for label, name in (("New", "NewImage"), ("Old", "OldImage"))
        if name in images
    ]
    sequence = at(record, "dynamodb", "SequenceNumber")
    return {
        **_stream(record),
        "caller": f"{at(record, 'eventID')}:{sequence}",
        "message": ":".join(told) or "unset",
    }


def _sns(record: Mapping[str, Any]) -> dict[str, str]:
    subject = at(record, "Sns", "Subject", default="")
    return {
        "caller": at(record, "Sns", "MessageId"),
        "eventSource": at(record, "EventSubscriptionArn", default="aws:sns"),
        "eventOp": at(record, "Sns", "Type"),
        "message": f"{subject}:{at(record, 'Sns', 'Message', default='')}",
    }


def _stream(record: Mapping[str, Any]) -> dict[str, str]:
    """SQS, Kinesis and whatever else names its ARN."""
    arn = at(record, "eventSourceARN", default=at(record, "eventSource"))
    parts = arn.split(":")
    return {
        "caller": at(record, "messageId", default=at(record, "eventID")),
        "eventSource": arn,
        "eventOp": at(record, "eventName"),
        "region": parts[3] if len(parts) > 5 else UNKNOWN,
        "accountID": parts[4] if len(parts) > 5 else UNKNOWN,
        "message": at(record, "body", default="unset"),
    }


_SERVICES = {"aws:s3": _s3, "aws:dynamodb": _dynamodb, "aws:sns": _sns}


def _api_gateway(event: Mapping[str, Any]) -> dict[str, str]:
    """A REST API (payload 1.0), or an HTTP API or a function's URL (payload 2.0)."""
    context = event["requestContext"]
    resource = at(context, "resourceId", default=at(context, "routeKey", default=""))
    said = at(event, "queryStringParameters", "msg", default=at(event, "body", default=""))
    return {
        "caller": at(context, "requestId"),
        "eventSource": f"aws:APIGateway:{at(context, 'apiId')}",
        "eventOp": at(context, "path", default=at(context, "http", "path")),
        "accountID": at(context, "accountId"),
        "sourceIP": at(context, "identity", "sourceIp", default=at(context, "http", "sourceIp")),
        "message": f"{resource}:{said}" if said else resource,
    }


def _invoke(event: Mapping[str, Any]) -> dict[str, str]:
    """A direct invocation that says who calls: int:invokeCLI:ARN:REQUEST:TYPE, or ext:invokeCLI."""
    source = at(event, "eventSource")
    told = {"caller": at(event, "requestId"), "message": at(event, "msg", default="unset")}
    if not source.startswith(("int:", "ext:")):
        return told
    kind = source.rpartition(":")[2]
    told["eventOp"] = kind if kind in PAYLOAD_LIMITS else at(event, "functionName", default=source)
    if caller := caller_in(source):
        source, told["caller"] = caller
    told["eventSource"] = f"aws:CLIInvoke:{source}"
    return told
