"""Why a job did not end: what is missing, the failures it left in S3, the last errors in the logs.

All of it is lines for a person to read. What may not be read is said, and left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from aws.logs import by_request
from state.failures import SHOWN, failures
from state.opening import opens_other
from state.progress import Progress
from state.records import JobInfo

MAX_EVENTS = 10_000
"""Log lines that are looked through for errors."""
_ERROR_LINE = re.compile(r"\[ERROR\]|Task timed out|Runtime exited|^[A-Za-z_][\w.]*: ")
"""How Lambda marks an error, and how the last line of a traceback begins."""


def diagnose(
    s3: Any,
    logs: Any,
    job: JobInfo,
    progress: Progress,
    batches: Sequence[Sequence[str]],
    functions: Sequence[str],
    since: float,
) -> list[str]:
    """Everything that helps to find out why `job` has no result.

    `batches` are the keys of each mapper, `functions` those whose logs are looked at, for lines
    since `since` (seconds since the epoch).
    """
    lines = list(missing_batches(job, progress, batches))
    lines += failures(s3, job)
    for function in functions:
        lines += error_lines(logs, function, job, since)
    return lines


def missing_batches(
    job: JobInfo, progress: Progress, batches: Sequence[Sequence[str]]
) -> Iterator[str]:
    """The mappers without an output, and what they were to read; pure."""
    if progress.step:
        return
    for mapper_id in progress.missing[:SHOWN]:
        keys = batches[mapper_id - 1]
        yield f"mapper {mapper_id} of {job.map_count} was to read {keys[0]} to {keys[-1]}"


def error_lines(logs: Any, function: str, job: JobInfo, since: float) -> list[str]:
    """The last lines of a function's log that look like errors, without those of other runs. What
    fails before it says whose it is belongs to anyone.
    """
    group = f"/aws/lambda/{function}"
    try:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group,
            startTime=int(since * 1000),
            PaginationConfig={"MaxItems": MAX_EVENTS},
        )
        requests = by_request(event for page in pages for event in page["events"])
    except (ClientError, BotoCoreError) as error:
        return [f"log group {group} cannot be read: {error}"]
    lines = (line for request in requests for line in lines_of(request, job))
    found = [line for line in lines if _ERROR_LINE.search(line)]
    return [f"{group}: {line}" for line in found[-SHOWN:]]


def lines_of(request: Iterable[Mapping[str, Any]], job: JobInfo) -> list[str]:
    """What the events of a request say; nothing where it was for another run; pure."""
    lines = [event["message"].strip() for event in request]
    is_others = any(opens_other(line, job.run_id, job.job_id) for line in lines)
    return [] if is_others else lines
