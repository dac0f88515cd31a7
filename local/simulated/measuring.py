"""Rates of a real account, or of the embedded AWS: measured by a function that is deployed there.

In: boto3 clients, a role, a bucket that is free to use. Out: `Rates` of requests, starts and
events. What a function's core computes is not measured here, and counts as nothing: the times of
requests are taken inside the function, and have it in them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import statistics
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from local.simulated.rates import Rates, Spread

PROBE = Path(__file__).parent / "probe.py"
NAME = "mapreduce-probe"
ROUNDS = 10
"""Calls and events of each kind."""
COLD = 3
SECONDS = 60.0
"""How long an event may take here before the measurement is given up."""
PLENTY = 1e12


@dataclasses.dataclass(frozen=True)
class Account:
    """Where is measured: clients, a role for the probe, an empty bucket, its environment."""

    s3: Any
    functions: Any
    role: str
    bucket: str
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)


def measure(account: Account, rounds: int = 50) -> Rates:
    """The rates of an account; the bucket's notifications are written anew."""
    cold = [_cold_start(account) for _ in range(COLD)]
    with probe(account) as arn:
        _invoke(account, {})
        called = [_timed(lambda: _invoke(account, {})) for _ in range(ROUNDS)]
        asked = {"bucket": account.bucket, "rounds": rounds}
        requests = json.loads(_invoke(account, asked)["Payload"].read())
        sent = [_sent(account, number) for number in range(ROUNDS)]
        accept = spread([accepted for accepted, _ in sent])
        warm = spread([one - accept.median for one in called])
        queued = spread([begun - warm.median for _, begun in sent])
        _notify(account, arn)
        woken = [_woken(account, number) for number in range(ROUNDS)]
        event = spread([one - queued.median - warm.median for one in woken])
    return dataclasses.replace(
        Rates(),
        **{name: spread(found) for name, found in requests.items()},
        multipart=spread(requests["put"]),
        accept=accept,
        cold=spread([one - accept.median for one in cold]),
        warm=warm,
        queued=queued,
        event=event,
        gets=PLENTY, puts=PLENTY, burst_bytes=PLENTY, burst_rate=PLENTY,
        straggler_share=0.0, speed=0.0, twice=0.0,
        client=0.0, next_client=0.0, request=0.0, listed=0.0, receive=PLENTY,
    )  # fmt: skip


def spread(seconds: Sequence[float]) -> Spread:
    """The spread of some times; the 99th percentile of few is their largest."""
    ordered = sorted(max(0.0001, one) for one in seconds)
    return Spread(statistics.median(ordered), ordered[round(0.99 * (len(ordered) - 1))])


@contextlib.contextmanager
def probe(account: Account) -> Iterator[str]:
    """Deploy the probe; yields its ARN, and removes it again."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(PROBE, PROBE.name)
    account.functions.create_function(
        FunctionName=NAME, Runtime="python3.13", Role=account.role, Handler="probe.handler",
        Code={"ZipFile": packed.getvalue()}, Timeout=300, MemorySize=1536,
        Environment={"Variables": dict(account.variables)},
    )  # fmt: skip
    try:
        account.functions.get_waiter("function_active_v2").wait(FunctionName=NAME)
        found = account.functions.get_function_configuration(FunctionName=NAME)
        account.functions.add_permission(
            FunctionName=NAME, StatementId="s3", Action="lambda:InvokeFunction",
            Principal="s3.amazonaws.com", SourceArn=f"arn:aws:s3:::{account.bucket}",
        )  # fmt: skip
        yield found["FunctionArn"]
    finally:
        account.functions.delete_function(FunctionName=NAME)


def _timed(call: Any) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def _invoke(account: Account, payload: Any, kind: str = "RequestResponse") -> dict[str, Any]:
    return dict(
        account.functions.invoke(
            FunctionName=NAME, InvocationType=kind, Payload=json.dumps(payload).encode()
        )
    )


def _cold_start(account: Account) -> float:
    """Seconds of the first call of a function that has just been made."""
    with probe(account):
        return _timed(lambda: _invoke(account, {}))


def _sent(account: Account, number: int) -> tuple[float, float]:
    """Seconds until an asynchronous invocation was accepted, and from there to its begin."""
    begin = time.time()
    _invoke(account, {"bucket": account.bucket, "key": f"queued-{number}"}, "Event")
    accepted = time.time()
    return accepted - begin, _seen(account, f"queued-{number}") - accepted


def _woken(account: Account, number: int) -> float:
    """Seconds from the answer to a write to the begin of the function that it wakes."""
    key = f"woken/{number}"
    account.s3.put_object(Bucket=account.bucket, Key=key, Body=b"")
    answered = time.time()
    return _seen(account, key) - answered


def _seen(account: Account, key: str) -> float:
    """When the probe wrote that it heard of a key. TimeoutError."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(account.s3.exceptions.NoSuchKey):
            found = account.s3.get_object(Bucket=account.bucket, Key=f"seen/{key}")
            account.s3.delete_object(Bucket=account.bucket, Key=f"seen/{key}")
            return float(found["Body"].read())
        time.sleep(0.02)
    raise TimeoutError(f"the probe has not heard of {key} after {SECONDS:.0f} s")


def _notify(account: Account, arn: str) -> None:
    """Have each write under woken/ wake the probe."""
    rules = [{"Name": "prefix", "Value": "woken/"}]
    entry = {
        "LambdaFunctionArn": arn,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": rules}},
    }
    account.s3.put_bucket_notification_configuration(
        Bucket=account.bucket,
        NotificationConfiguration={"LambdaFunctionConfigurations": [entry]},
    )
