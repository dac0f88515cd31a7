"""A simulated account: buckets, functions, the trigger between them, and who asked for what.

In: rates and a seed. Out: clients for the project's own code, which takes them for boto3's; every
request takes a drawn time on virtual time, is counted, and is refused when there are too many.
"""

from __future__ import annotations

import dataclasses
import io
import random
import urllib.parse
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from aws.client import ATTEMPTS, error_code
from aws.notifications import covering_entry
from local.simulated.clock import Clock, SimulatedExecutor, SimulatedThreads
from local.simulated.functions import Invocation, Lambda, LambdaClient
from local.simulated.machine import Machine
from local.simulated.objects import Bucket, client_error
from local.simulated.rates import Allowance, Rates
from local.simulated.s3 import REGION, S3Client

LONGEST_BACKOFF = 20.0
"""Seconds, as botocore has it."""
THROTTLED = ("SlowDown", "TooManyRequestsException")


@dataclasses.dataclass(frozen=True)
class Kind:
    """An operation: which rate its time is, which of S3's limits it is under, its price, whose."""

    time: str
    limit: str = ""
    price: str = ""
    service: str = "s3"


OPERATIONS = {
    "GetObject": Kind("get", "gets", "read"),
    "HeadObject": Kind("head", "gets", "read"),
    "ListObjectsV2": Kind("list", "gets", "write"),
    "PutObject": Kind("put", "puts", "write"),
    "CopyObject": Kind("copy", "puts", "write"),
    "DeleteObject": Kind("delete", "puts"),
    "DeleteObjects": Kind("delete", "puts"),
    "CreateMultipartUpload": Kind("multipart", "puts", "write"),
    "UploadPart": Kind("put", "puts", "write"),
    "UploadPartCopy": Kind("copy", "puts", "write"),
    "CompleteMultipartUpload": Kind("multipart", "puts", "write"),
    "AbortMultipartUpload": Kind("delete", "puts"),
    "GetBucketNotificationConfiguration": Kind("get", "", "read"),
    "Invoke": Kind("accept", service="lambda"),
    "GetFunctionConfiguration": Kind("accept", service="lambda"),
    "GetAccountSettings": Kind("accept", service="lambda"),
}


class Cloud:
    """An account of which everything is drawn from one seed."""

    def __init__(self, rates: Rates, seed: int) -> None:
        self.clock = Clock()
        self.rates = rates
        self.numbers = random.Random(seed)
        self.functions = Lambda(self.clock, rates, self.numbers)
        self.buckets: dict[str, Bucket] = {}
        self.requests: Counter[tuple[str, str]] = Counter()
        """(role, operation) -> how often it was sent, tries again included."""
        self.refused: Counter[str] = Counter()
        """Error code -> how many requests were refused for their number."""
        self.unpaid: Counter[str] = Counter()
        """Operation -> how many of its requests S3 refused: it asks no money for those."""
        self.log: list[tuple[str, float, str]] = []
        """(role, time, line) of everything that was logged."""
        self._limits: dict[tuple[str, str], Allowance] = {}

    def make_bucket(self, name: str) -> Bucket:
        """Add a bucket, of one partition: S3 splits none as fast as a job runs."""
        self.buckets[name] = Bucket(self.clock.time)
        for limit in ("gets", "puts"):
            rate = getattr(self.rates, limit)
            self._limits[name, limit] = Allowance(rate, rate, self.clock.now)
        return self.buckets[name]

    def trigger(self, bucket: str, prefix: str, function: str) -> None:
        """Have each write under a prefix wake a function."""
        rules = [{"Name": "prefix", "Value": prefix}]
        entry = {
            "LambdaFunctionArn": f"arn:aws:lambda:{REGION}:000000000000:function:{function}",
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": rules}},
        }
        self.buckets[bucket].notifications = {"LambdaFunctionConfigurations": [entry]}

        def on_write(key: str) -> None:
            if key.startswith(prefix):
                self._send_event(bucket, key, function)

        self.buckets[bucket].on_write = on_write
        assert covering_entry(self.buckets[bucket].notifications, prefix)

    def _send_event(self, bucket: str, key: str, function: str) -> None:
        chance = self.numbers.random()
        copies = 0 if chance < self.rates.lost else 2 if chance > 1 - self.rates.twice else 1
        record = {"bucket": {"name": bucket}, "object": {"key": urllib.parse.quote_plus(key)}}
        for _ in range(copies):
            self.clock.after(
                self.rates.event.draw(self.numbers),
                lambda: self.functions.accept(function, {"Records": [{"s3": record}]}),
            )

    def request(
        self, invocation: Invocation, operation: str, bucket: str, effect: Callable[[], Any]
    ) -> Any:
        """One call of a client, with botocore's tries again. ClientError as AWS would raise it."""
        kind = OPERATIONS[operation]
        for attempt in range(ATTEMPTS):
            self.requests[invocation.role, operation] += 1
            sending = invocation.machine.handle(self.rates.request + self._making(invocation, kind))
            invocation.wait(sending + getattr(self.rates, kind.time).draw(self.numbers))
            try:
                self._admit(kind, operation, bucket)
                answer = effect()
            except ClientError as error:
                if error_code(error) not in THROTTLED or attempt == ATTEMPTS - 1:
                    raise
                self.refused[error_code(error)] += 1
                self.unpaid[operation] += 1
                invocation.wait(min(LONGEST_BACKOFF, self.numbers.random() * 2**attempt))
                continue
            if operation == "ListObjectsV2":
                invocation.machine.handle(self.rates.listed * answer["KeyCount"])
            return answer
        raise AssertionError("unreachable: the last try returns or raises")

    def _making(self, invocation: Invocation, kind: Kind) -> float:
        """Core seconds that making the client takes, where its machine has none yet."""
        clients = invocation.machine.clients
        if kind.service in clients:
            return 0.0
        clients.add(kind.service)
        return self.rates.client if len(clients) == 1 else self.rates.next_client

    def _admit(self, kind: Kind, operation: str, bucket: str) -> None:
        limit = self._limits.get((bucket, kind.limit))
        if limit is not None and not limit.take(self.clock.now):
            raise client_error("SlowDown", operation)

    def computer(self) -> Invocation:
        """A program that runs on a whole core, in the same region, and is not paid for."""
        return Invocation(self.clock, Machine(self.clock, self.rates, 1.0), "computer")

    def count(self, price: str) -> int:
        """How many requests of a price, "read" or "write", are paid for."""
        asked = sum(
            count
            for (_, operation), count in self.requests.items()
            if OPERATIONS[operation].price == price
        )
        refused = sum(
            count
            for operation, count in self.unpaid.items()
            if OPERATIONS[operation].price == price
        )
        return asked - refused


class SimulatedClients:
    """`aws.client.Clients` for one invocation of a simulated account."""

    def __init__(self, cloud: Cloud, invocation: Invocation) -> None:
        def call(operation: str, bucket: str, effect: Callable[[], Any]) -> Any:
            return cloud.request(invocation, operation, bucket, effect)

        self.s3 = S3Client(cloud.buckets, call)
        self.functions = LambdaClient(cloud.functions, cloud.clock, call)
        self.logs = LogsClient(cloud)
        self.clock = cloud.clock.time
        self.sleep = invocation.wait
        self._cloud = cloud

    def threads(self) -> SimulatedThreads:
        return SimulatedThreads(self._cloud.clock)

    def executor(self, threads: int) -> SimulatedExecutor:
        return SimulatedExecutor(self._cloud.clock, threads)

    def make(self, service: str, read_timeout: float = 60, connections: int = 16) -> Any:
        """The client of a service; none gives up waiting here."""
        return {"s3": self.s3, "lambda": self.functions, "logs": self.logs}[service]


class LogsClient:
    """boto3's CloudWatch Logs client, as far as this project uses it. Asking takes no time."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def get_paginator(self, operation: str) -> LogsClient:
        if operation != "filter_log_events":
            raise NotImplementedError(f"no pages of {operation} are simulated")
        return self

    def paginate(
        self,
        logGroupName: str,  # noqa: N803 - boto3's names
        startTime: int,  # noqa: N803
        **_: Any,
    ) -> Iterator[dict[str, Any]]:
        events = [
            {"message": line, "timestamp": int(when * 1000)}
            for name, when, line in self._cloud.log
            if logGroupName == f"/aws/lambda/{name}" and when * 1000 >= startTime
        ]
        yield {"events": events}


class LogSink(io.TextIOBase):
    """Takes what simulated code writes to standard error."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._open: dict[Any, str] = defaultdict(str)

    def write(self, text: str) -> int:
        owner = self._cloud.clock.owner
        function = owner.function if owner else None
        name = function.name if function else ""
        *lines, self._open[owner] = (self._open[owner] + text).split("\n")
        self._cloud.log += [(name, self._cloud.clock.now, line) for line in lines]
        return len(text)
