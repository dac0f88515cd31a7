"""What functions logged, as CloudWatch Logs gives it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from aws.client import error_code, is_denied
from errors import JobError

START = re.compile(r"START RequestId: ?(\S*)")
"""Lambda's own line, at the begin of each request, which it names."""


def by_request(events: Iterable[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """A function's log events, those of each request together; pure.

    A stream holds one request after the other, from its START line on.
    """
    found: list[list[Mapping[str, Any]]] = []
    last: dict[str, list[Mapping[str, Any]]] = {}
    for event in events:
        stream = event.get("logStreamName", "")
        if stream not in last or START.match(event["message"]):
            last[stream] = []
            found.append(last[stream])
        last[stream].append(event)
    return found


def read_events(logs: Any, function: str, since: float) -> list[dict[str, Any]]:
    """A function's log events since a time (seconds since the epoch); none where it never ran.

    JobError where they may not be read.
    """
    group = f"/aws/lambda/{function}"
    try:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=int(since * 1000)
        )
        return [event for page in pages for event in page["events"]]
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            return []
        if is_denied(error):
            raise JobError(
                f"log group {group} may not be read: {error}. "
                "Your credentials must allow logs:FilterLogEvents there"
            ) from error
        raise
