"""Cases of benchmarks/cases.py that ask S3 or Lambda: mappers, reducers, calls.

Each is run in a process of its own; what it answers, and what is reported of it, is as there.
`original_*` are the original's algorithms, written anew.
"""

from __future__ import annotations

import json
import operator
import os
import random
import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

Answer = Mapping[Any, float]


def peak_mb() -> float:
    """The process's own peak. getrusage would give that of whoever started it, if larger."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def report(seconds: float, answer: Answer, peak: float, cpu: float = 0.0) -> None:
    """Print what a case took, and its answer in short."""
    total = sum(value for value in answer.values() if isinstance(value, float))
    line = {"seconds": seconds, "peak_mb": peak, "groups": len(answer), "total": total}
    print(json.dumps({**line, "cpu": cpu}), flush=True)


def original_loop(contents: bytes, output: dict[str, float]) -> int:
    """All of an object in memory, every column split, one key after the other; the rows."""
    rows = 0
    for line in contents.split(b"\n")[:-1]:
        rows += 1
        try:
            columns = line.split(b",")
            source = str(columns[0][:8])
            if source not in output:
                output[source] = 0
            output[source] += float(columns[3])
        except Exception as error:  # noqa: BLE001 - as the original has it
            print(error)
    return rows


# --------------------------------------------------------------------------- S3 to S3


def client() -> Any:
    from aws.client import Clients

    return Clients().s3


def original_mapper(bucket: str, *keys: str) -> Answer:
    """Object after object, each as a whole, then one JSON object back."""
    s3 = client()
    output: dict[str, float] = {}
    for key in keys:
        original_loop(s3.get_object(Bucket=bucket, Key=key)["Body"].read(), output)
    s3.put_object(Bucket=bucket, Key="out/original", Body=json.dumps(output).encode())
    return output


def our_mapper(bucket: str, *keys: str) -> Callable[[], Answer]:
    """The answer is in S3, and is read when the clock has been stopped."""
    return mapped(client(), bucket, *keys)


def mapped(s3: Any, bucket: str, *keys: str, **choice: Any) -> Callable[[], Answer]:
    """Run a mapper; gives what reads its output."""
    import mapper

    event = {"bucket": bucket, "keys": list(keys), "jobBucket": bucket, "jobId": "j", "mapperId": 1}
    s3.delete_object(Bucket=bucket, Key="j/task/mapper/1")  # an output that is there stays
    mapper.handle(s3, {**event, **choice}, "benchmark")
    return lambda: json.loads(s3.get_object(Bucket=bucket, Key="j/task/mapper/1")["Body"].read())


def question(plan: str, bucket: str, *keys: str) -> Answer:
    """A mapper of `driver.py --sql`, whose client is there. Of its pairs the last partial aggregate
    is compared.
    """
    from jobs.query import partials

    s3 = client()
    s3.head_object(Bucket=bucket, Key=keys[0])
    begin, used = time.perf_counter(), time.process_time()
    read = mapped(s3, bucket, *keys, job="sql", settings={"PLAN": plan})
    seconds, cpu = time.perf_counter() - begin, time.process_time() - used
    peak = peak_mb()

    def finished(value: Any) -> float:
        return value if isinstance(value, int) else partials.rounded(value)

    report(seconds, {key: finished(values[-1]) for key, values in read().items()}, peak, cpu)
    raise SystemExit(0)


def mapper_without_order(bucket: str, *keys: str) -> Callable[[], Answer]:
    """As our_mapper, but its pairs are written as they come, without an index."""
    from aws import s3json
    from shuffle import partition

    def encode(pairs: Mapping[Any, Any]) -> tuple[bytes, dict[str, str]]:
        as_bytes = isinstance(next(iter(pairs), None), bytes)
        texts = {key.decode(): value for key, value in pairs.items()} if as_bytes else pairs
        return s3json.json_bytes(texts), {}

    partition.encode = encode
    return our_mapper(bucket, *keys)


def original_reducer(bucket: str, *keys: str) -> Answer:
    """The only reducer of a step: it counts its rows, and writes the answer as `done` once more."""
    s3 = client()
    results: dict[str, float] = {}
    rows = 0
    for key in keys:
        contents = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        for source, value in json.loads(contents).items():
            rows += 1
            if source not in results:
                results[source] = 0
            results[source] += float(value)
    for name in ("result", "done"):
        s3.put_object(Bucket=bucket, Key=f"out/{name}", Body=json.dumps(results).encode())
    return results


def our_reducer(size: str, bucket: str, *keys: str) -> Answer:
    """The only reducer of a step, whose outputs have so many bytes each."""
    import reducer

    s3 = client()
    event = {"bucket": bucket, "keys": list(keys), "jobBucket": bucket, "jobId": "j"}
    event |= {"nReducers": 1, "stepId": 1, "reducerId": 1, "sizes": [int(size)] * len(keys)}
    s3.delete_object(Bucket=bucket, Key="j/result")  # an output that is there stays
    reducer.handle(s3, event, "benchmark")
    return {}


def range_reducer(number: str, ranges: str, sizes: str, bucket: str, *keys: str) -> Answer:
    """Reducer `number` of so many, each of which takes a range of keys of outputs with an index, of
    so many bytes each.
    """
    import reducer
    from state.grid import Grid

    s3 = client()
    event = {"bucket": bucket, "keys": list(keys), "jobBucket": bucket, "jobId": "j"}
    event |= {"nReducers": int(ranges), "stepId": 1, "reducerId": int(number)}
    event |= {
        "sizes": [int(sizes)] * len(keys),
        "buckets": Grid(1, int(ranges)).buckets(int(number)),
    }
    s3.delete_object(Bucket=bucket, Key=f"j/task/reducer/1/{number}")
    reducer.handle(s3, json.loads(json.dumps(event)), "benchmark")
    return {}


# --------------------------------------------------------------------------- calls


def start_one_after_another(endpoint: str, count: str) -> Answer:
    """The original's way: a fresh client for each call, and one call after another."""
    import boto3

    for number in range(int(count)):
        fresh = boto3.client("lambda", endpoint_url=endpoint, region_name="us-west-2")
        fresh.invoke(
            FunctionName="mapper", InvocationType="Event", Payload=json.dumps({"mapperId": number})
        )
    return {}


def start_pooled(endpoint: str, count: str) -> Answer:
    from aws.client import Clients
    from aws.invoker import Function, call_all
    from running.run import STARTING_THREADS

    os.environ["AWS_ENDPOINT_URL"] = endpoint
    pooled = Clients("us-west-2").make("lambda", connections=STARTING_THREADS)
    start = Function(pooled, "mapper").start
    payloads = [{"mapperId": number} for number in range(int(count))]
    call_all(start, payloads, STARTING_THREADS, 2, lambda index, answer: None)
    return {}


def coordinator_event(bucket: str, job_id: str) -> Answer:
    """One event of a job whose outputs lie in S3, all but one; `groups` are the S3 requests."""
    import reducerCoordinator

    os.environ["MR_REDUCERS"] = "reducerNS"
    s3 = reducerCoordinator.CLIENTS.s3
    requests = []
    s3.meta.events.register("before-send.s3", lambda request, **_: requests.append(request))
    key = f"{job_id}/task/mapper/1"
    event = {"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": key}}}]}
    reducerCoordinator.handler(event, Context())
    requests.clear()
    begin = time.perf_counter()
    reducerCoordinator.handler(event, Context())
    seconds = time.perf_counter() - begin
    report(seconds, dict.fromkeys(range(len(requests)), 0.0), peak_mb())
    raise SystemExit(0)


SAMPLES = 40


def coordinator_job(bucket: str, job_id: str, count: str) -> Answer:
    """CPU seconds of an event, the median over a job whose mappers end in random order: SAMPLES
    events from its begin to its end.
    """
    import reducerCoordinator

    os.environ["MR_REDUCERS"] = "reducerNS"
    s3 = reducerCoordinator.CLIENTS.s3
    mappers = list(range(1, int(count) + 1))
    random.Random(1).shuffle(mappers)  # noqa: S311 - an order, not a secret
    key = f"{job_id}/task/mapper/1"
    event = {"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": key}}}]}
    reducerCoordinator.handler(event, Context())
    seconds = []
    step = len(mappers) // SAMPLES
    for first in range(0, len(mappers) - step, step):
        with ThreadPoolExecutor(8) as threads:
            for number in mappers[first : first + step]:
                where = {"Bucket": bucket, "Key": f"{job_id}/task/mapper/{number}"}
                threads.submit(s3.put_object, **where, Body=b"{}")
        before = time.process_time()
        reducerCoordinator.handler(event, Context())
        seconds.append(time.process_time() - before)
    report(statistics.median(seconds), {}, peak_mb())
    raise SystemExit(0)


def computing(what: str, bucket: str, pairs: str) -> Answer:
    """CPU seconds of this process: of a client, a request, a page, an object, `pairs` encoded."""
    from aws import s3stream
    from aws.client import Clients
    from shuffle import partition

    s3 = client()
    output = {f"{number:08x}": number / 7 for number in range(int(pairs))}
    work: dict[str, tuple[Callable[[], Any], int]] = {
        "client": (lambda: Clients().s3, 5),
        "clients": (lambda: operator.attrgetter("s3", "functions")(Clients()), 5),
        "request": (lambda: s3.head_object(Bucket=bucket, Key="computing/large"), 50),
        "page": (lambda: s3.list_objects_v2(Bucket=bucket, Prefix="computing/"), 50),
        "receive": (lambda: list(s3stream.read_chunks(s3, bucket, "computing/large")), 2),
        "encode": (lambda: partition.encode(output), 3),
        "encode_orjson": (lambda: partition.encode(output), 3),
    }
    do, count = work[what]
    do()
    before = time.process_time()
    for _ in range(count):
        do()
    report((time.process_time() - before) / count, {}, peak_mb())
    raise SystemExit(0)


class Context:
    aws_request_id = "benchmark"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 60_000
