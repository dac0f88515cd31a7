"""The wrapper: a function's own handler, between an entry and an exit record.

In: the settings beside the code. Out: a handler that answers {"statusCode": "200",
"body": ANSWER}, and whose records are in the table before it returns. Where the library cannot be
had, it is the function's own handler, unwrapped. No trouble of the tracing reaches the function.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from spotwrap import library, records, settings
from spotwrap.recorder import Record, error_text
from spotwrap.settings import Settings
from spotwrap.table import SpotTable, log, make_client

Handler = Callable[[Any, Any], Any]

SPARE_SECONDS = 0.5
"""What is left of the function's time when its records are given up."""


def start(folder: Path) -> Handler:
    """The handler of a deployed function: wrapped, or plain where tracing cannot be had."""
    told = Settings.parse((folder / settings.FILE).read_text(encoding="utf-8"))
    recorder = table = None
    try:
        recorder = library.install(told.library, told.owner, told.patience)
        table = SpotTable(make_client(told.table_region, told.patience), told.table)
    except Exception as error:  # noqa: BLE001 - whatever it is, the function must run
        log(f"runs unwrapped, {told.library} cannot be used: {error}")
    # Only now: its clients are to be made by the botocore that records.
    module, _, name = told.handler.rpartition(".")
    handler: Handler = getattr(importlib.import_module(module), name)
    return Wrapper(handler, recorder, table, told.patience) if recorder and table else handler


def envelope(answer: Any) -> dict[str, Any]:
    """The answer as callers get it; one that has a statusCode and a body already stays; pure."""
    if isinstance(answer, dict) and {"statusCode", "body"} <= answer.keys():
        return answer
    return {"statusCode": "200", "body": answer}


def refusal(answer: dict[str, Any]) -> str:
    """What `error` says of an answer's statusCode; pure."""
    status = str(answer["statusCode"])
    return "" if status.startswith("2") else f"error_unknown:status:{status}"


class Wrapper:
    """A handler around a handler; writing its records takes `patience` seconds at most."""

    def __init__(
        self, handler: Handler, recorder: ModuleType, table: SpotTable, patience: float
    ) -> None:
        self.handler = handler
        self.recorder = recorder
        self.table = table
        self.patience = patience

    def __call__(self, event: Any, context: Any) -> Any:
        """Call the function's own handler; its error rises again unless the caller waits."""
        shared = records.common(context)
        request_id = str(context.aws_request_id)
        kept = [records.entry(shared, request_id, event, records.milliseconds())]
        self.recorder.begin(self.recorder.Invocation(request_id, shared, self.table.name))
        begun = time.monotonic()
        # What an event is must not be read after the handler had it in its hands.
        waits = records.is_synchronous(event)
        problem = "SpotWrap_exception:the function was stopped"
        try:
            answer = envelope(self.handler(event, context))
            problem = refusal(answer)
            return answer
        except Exception as error:
            problem = records.failure(error)
            if not waits:
                raise
            return {"statusCode": "400", "body": {"SpotWrapError": error_text(problem)}}
        finally:
            self.recorder.end()
            duration = round((time.monotonic() - begun) * 1000)
            now = records.milliseconds()
            kept += self.recorder.take()
            kept.append(records.exit_(shared, request_id, now, duration, problem))
            self._write(kept, context)

    def _write(self, kept: list[Record], context: Any) -> None:
        left = context.get_remaining_time_in_millis() / 1000 - SPARE_SECONDS
        try:
            self.table.write(kept, min(self.patience, left))
        except Exception as error:  # noqa: BLE001 - the answer is there; a record is not worth it
            log(f"{len(kept)} records were not written to {self.table.name}: {error!r}")
