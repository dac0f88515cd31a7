"""SpotWrap's table as a wrapped function sees it: records go in, in batches.

In: records and the seconds there are for them. Out: items in DynamoDB, or one line in the log:
whatever is wrong with the table, the function goes on.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

BATCH = 25
"""Items that one BatchWriteItem takes."""

THREADS = 4
FIRST_PAUSE = 0.05


def log(line: str) -> None:
    """A line in the function's log."""
    print(f"SpotWrap: {line}", file=sys.stderr, flush=True)


def make_client(region: str) -> Any:
    """A DynamoDB client that gives up soon: nobody waits for a record."""
    import boto3
    from botocore.config import Config

    retries = {"mode": "standard", "total_max_attempts": 2}
    config = Config(connect_timeout=1, read_timeout=3, retries=retries)
    return boto3.client("dynamodb", region_name=region, config=config)


def item(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record in DynamoDB's own form; pure."""
    return {
        name: {"S": value} if isinstance(value, str) else {"N": str(value)}
        for name, value in record.items()
    }


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
        self._is_out_of_reach = False

    def write(self, records: Sequence[Mapping[str, Any]], seconds: float) -> int:
        """Write records within some seconds; returns how many could not be written."""
        if self._is_out_of_reach or not records:
            return len(records)
        deadline = self._clock() + seconds
        requests = [{"PutRequest": {"Item": item(record)}} for record in records]
        batches = [requests[start : start + BATCH] for start in range(0, len(requests), BATCH)]
        if len(batches) == 1:
            return self._write_batch(batches[0], deadline)
        with ThreadPoolExecutor(THREADS) as threads:
            return sum(threads.map(lambda batch: self._write_batch(batch, deadline), batches))

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
                # A table that cannot be reached costs seconds: this environment asks once.
                self._is_out_of_reach |= isinstance(error, ConnectionError | HTTPClientError)
                log(f"{len(requests)} records were not written to {self.name}: {error}")
                return len(requests)
            requests = answer.get("UnprocessedItems", {}).get(self.name, [])
            if not requests:
                return 0
            self._sleep(random.uniform(pause / 2, pause))  # noqa: S311 - jitter, not a secret
            pause *= 2
        log(f"{len(requests)} records were not written to {self.name}: no time was left")
        return len(requests)
