"""SpotWrap's table: its key, its items, and how records get into it, in batches.

In: records and the seconds there are for them. Out: items in DynamoDB, or a line in the log:
whatever is wrong with the table, the function goes on, and it never waits longer than that.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, cast

from spotwrap.recorder import Record

KEY = {"requestID": ("HASH", "S"), "ts": ("RANGE", "N")}
"""The table's key: attributes, what each is in the key, and its type."""

TEXTS = ("requestID", "thisFnARN", "eventOp", "message", "error")
TIMES = ("ts", "duration")
"""What every record has of what is read. Times are in ms, and all that is no time is a text."""

LATEST = 253_402_300_799_999
"""The last moment of the year 9999, in ms since the epoch: what dates can show."""

BATCH = 25
"""Items that one BatchWriteItem takes."""

THREADS = 4
FIRST_PAUSE = 0.05
REST_SECONDS = 60
"""How long nothing is written after a table did not answer: waiting for it costs a job its time."""


def log(line: str) -> None:
    """A line in the function's log."""
    print(f"SpotWrap: {line}", file=sys.stderr, flush=True)


def make_client(region: str, patience: float) -> Any:
    """A DynamoDB client that gives up within some seconds."""
    import boto3
    from botocore.config import Config

    retries = {"mode": "standard", "total_max_attempts": 2}
    config = Config(connect_timeout=2, read_timeout=patience, retries=retries)
    return boto3.client("dynamodb", region_name=region, config=config)


def item(record: Record) -> dict[str, Any]:
    """A record in DynamoDB's own form; pure."""
    return {
        name: {"S": value} if isinstance(value, str) else {"N": str(value)}
        for name, value in record.items()
    }


def plain(item: Any) -> Record:
    """A record out of DynamoDB's own form, its numbers as floats; pure.

    ValueError where an item is none that `item` makes: anybody may write to a table.
    """
    if not isinstance(item, dict):
        raise ValueError(f"it is no object but {type(item).__name__}")
    record = {name: _value(name, value) for name, value in item.items()}
    if missing := [name for name in (*TEXTS, *TIMES) if name not in record]:
        raise ValueError(f"it has no {', '.join(missing)}")
    return cast(Record, record)


def _value(name: str, value: Any) -> str | float:
    """An attribute's value: a time, or a text. ValueError."""
    kind = "N" if name in TIMES else "S"
    told = value.get(kind) if isinstance(value, dict) else None
    if not isinstance(told, str):
        raise ValueError(f"its {name} is no {'number' if kind == 'N' else 'text'}")
    if kind == "S":
        return told
    number = float(told)
    if not 0 <= number <= LATEST:
        raise ValueError(f"its {name} is no time: {number:g} ms")
    return number


class SpotTable:
    """The table, through `client`. `sleep` and `clock` are for waiting."""

    def __init__(
        self,
        client: Any,
        name: str,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.client = client
        self.name = name
        self._sleep = sleep
        self._clock = clock
        self._rest_until = clock()

    def write(self, records: Sequence[Record], seconds: float) -> int:
        """Write records, and wait for that some seconds at most; returns how many are not there.

        What is still under way then goes on behind the function, and may yet arrive.
        """
        if not records or self._clock() < self._rest_until:
            return len(records)
        if seconds <= 0:
            log(f"{len(records)} records were not written to {self.name}: no time was left")
            return len(records)
        deadline = self._clock() + seconds
        requests = [{"PutRequest": {"Item": item(record)}} for record in records]
        batches = [requests[start : start + BATCH] for start in range(0, len(requests), BATCH)]
        threads = ThreadPoolExecutor(min(THREADS, len(batches)))
        writing = [threads.submit(self._write_batch, batch, deadline) for batch in batches]
        done, slow = wait(writing, seconds)
        threads.shutdown(wait=False, cancel_futures=True)
        if slow:
            self._rest(f"{self.name} did not answer within {seconds:.1f} s")
        return sum(
            future.result() if future in done else len(batch)
            for future, batch in zip(writing, batches, strict=True)
        )

    def _rest(self, why: str) -> None:
        self._rest_until = self._clock() + REST_SECONDS
        log(f"{why}: nothing is recorded for {REST_SECONDS} s")

    def _write_batch(self, requests: list[Any], deadline: float) -> int:
        """Write one batch, what DynamoDB leaves of it again; returns how many are left."""
        from botocore.exceptions import (
            BotoCoreError,
            ClientError,
            ConnectionError,
            HTTPClientError,
        )

        pause = FIRST_PAUSE
        while self._clock() < deadline:
            try:
                answer = self.client.batch_write_item(RequestItems={self.name: requests})
            except (ClientError, BotoCoreError, HTTPClientError) as error:
                log(f"{len(requests)} records were not written to {self.name}: {error}")
                if isinstance(error, ConnectionError | HTTPClientError):
                    self._rest(f"{self.name} is out of reach")
                return len(requests)
            requests = answer.get("UnprocessedItems", {}).get(self.name, [])
            if not requests:
                return 0
            self._sleep(random.uniform(pause / 2, pause))  # noqa: S311 - jitter, not a secret
            pause *= 2
        log(f"{len(requests)} records were not written to {self.name}: no time was left")
        return len(requests)
