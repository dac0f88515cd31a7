"""A job's timings in the forms that tools for traces open.

`trace_events` is Chrome's trace event format, which Perfetto opens:
https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
`spans` is OpenTelemetry's OTLP in JSON: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any

from views.timings import FAILED, Timing

PLACE = ("run_id", "job_id", "started_unix_s", "ended_unix_s")
"""Columns that a trace has in another form."""
KINDS = ("driver", "mapper", "coordinator", "reducer")
INTERNAL, ERROR = 1, 2
"""SpanKind.INTERNAL, and the status code of a span that failed."""


def trace_events(rows: Sequence[Timing]) -> dict[str, Any]:
    """One track for each kind of function, on as many lanes as it needs; pure."""
    events: list[dict[str, Any]] = [
        {"name": "process_name", "ph": "M", "pid": pid, "tid": 0, "args": {"name": kind}}
        for pid, kind in enumerate(KINDS, 1)
    ]
    lanes: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for row in rows:
        if row.started_unix_s is None or row.ended_unix_s is None:
            continue
        events.append(
            {
                "name": row.name,
                "cat": row.outcome,
                "ph": "X",
                "ts": round(row.started_unix_s * 1e6),
                "dur": round((row.ended_unix_s - row.started_unix_s) * 1e6),
                "pid": KINDS.index(row.kind) + 1,
                "tid": _lane(lanes[row.kind], row.started_unix_s, row.ended_unix_s),
                "args": attributes(row),
            }
        )
    return {"traceEvents": events, "displayTimeUnit": "ms"}


def _lane(free_at: list[float], start: float, end: float) -> int:
    """The first lane, from 1, on which nothing runs at `start`."""
    for lane, free in enumerate(free_at):
        if free <= start:
            free_at[lane] = end
            return lane + 1
    free_at.append(end)
    return len(free_at)


def attributes(row: Timing) -> dict[str, Any]:
    """What is known of a call, besides where and when it was."""
    told = dataclasses.asdict(row)
    return {name: value for name, value in told.items() if value is not None and name not in PLACE}


def spans(rows: Sequence[Timing]) -> dict[str, Any]:
    """One span a call, under one for the job; pure. The trace's id is the run's."""
    ended = [row for row in rows if row.started_unix_s is not None and row.ended_unix_s is not None]
    made = [_span(row, number) for number, row in enumerate(ended)]
    if ended:
        made.insert(0, _root(ended))
    service = {"key": "service.name", "value": {"stringValue": "mapreduce-in-lambda"}}
    scope = {"scope": {"name": "views.traces"}, "spans": made}
    return {"resourceSpans": [{"resource": {"attributes": [service]}, "scopeSpans": [scope]}]}


def _root(rows: Sequence[Timing]) -> dict[str, Any]:
    first = rows[0]
    return {
        "traceId": _trace_id(first),
        "spanId": _digest(first.run_id, 16),
        "name": f"job {first.job_id}",
        "kind": INTERNAL,
        "startTimeUnixNano": _nanoseconds(min(row.started_unix_s or 0.0 for row in rows)),
        "endTimeUnixNano": _nanoseconds(max(row.ended_unix_s or 0.0 for row in rows)),
        "attributes": [],
        "status": {},
    }


def _span(row: Timing, number: int) -> dict[str, Any]:
    return {
        "traceId": _trace_id(row),
        "spanId": _digest(f"{row.run_id} {number}", 16),
        "parentSpanId": _digest(row.run_id, 16),
        "name": row.name,
        "kind": INTERNAL,
        "startTimeUnixNano": _nanoseconds(row.started_unix_s or 0.0),
        "endTimeUnixNano": _nanoseconds(row.ended_unix_s or 0.0),
        "attributes": [
            {"key": name, "value": _value(value)} for name, value in attributes(row).items()
        ],
        "status": {"code": ERROR} if row.outcome == FAILED else {},
    }


def _trace_id(row: Timing) -> str:
    return _digest(row.run_id, 32)


def _digest(text: str, letters: int) -> str:
    """So many hexadecimal letters that are a text's."""
    return hashlib.sha256(text.encode()).hexdigest()[:letters]


def _nanoseconds(seconds: float) -> str:
    return str(round(seconds * 1e9))


def _value(value: Any) -> dict[str, Any]:
    """An attribute's value as OTLP has it: a 64-bit integer is a text there."""
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}
