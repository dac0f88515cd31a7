"""The sections about steps that divide the keys: reducers of a range each, and a large answer."""

from __future__ import annotations

import functools
import json
import random
from typing import Any

from cloud import BUCKET, DATA
from common import Bench, Section, megabytes
from measure import Runs, in_turns, median, peak, run_case, run_measured

from shuffle import partition

RANGES = 16
ROUNDS = 1
"""The largest case takes minutes a round."""


def ranges(bench: Bench) -> Section:
    """A step of one reducer against the same step in ranges of keys."""
    outputs, sizes = (30, [200_000, 2_000_000]) if not bench.quick else (10, [20_000])
    rows = [
        ["outputs x groups", "", "seconds", "x one reducer", "CPU seconds of all", "x one reducer",
         "peak memory"]
    ]  # fmt: skip
    missing: dict[str, str] = {}
    for groups in sizes:
        keys, size = put_ordered(bench, f"ranges-{groups}", groups, outputs)
        variables = {**bench.cloud.variables, "BENCH_WITHOUT": "orjson"}
        one = functools.partial(
            run_case, "our_reducer", str(size), DATA, *keys, environment=variables
        )
        cases = {"one": one} | {
            str(number): functools.partial(
                run_case, "range_reducer", str(number), str(RANGES), str(size), DATA, *keys,
                environment=variables,
            )
            for number in range(1, RANGES + 1)
        }  # fmt: skip
        runs, failed = in_turns(cases, ROUNDS)
        missing |= failed
        rows += ranges_rows(f"{outputs} x {groups:,}", runs)
        for key in keys:
            bench.cloud.s3.delete_object(Bucket=DATA, Key=key)
    text = (
        f"One reducer that merges everything, and {RANGES} that merge a range of the keys each, "
        "one after the other, once. Seconds and memory are those of the slowest and of the largest "
        "of them. With the standard library."
    )
    return Section("ranges", "Reducers of ranges", text, rows, {}, missing)


def ranges_rows(title: str, runs: Runs) -> list[list[str]]:
    """The rows of one case: one reducer, and all of a range."""
    one = runs["one"]
    parts = [found for name, found in runs.items() if name != "one"]
    slowest, used = max(map(median, parts)), sum(found[0].cpu for found in parts)
    return [
        [title, "one", f"{median(one):.2f}", "1.00", f"{one[0].cpu:.2f}", "1.00",
         megabytes(peak(one) * 1e6)],
        [title, f"{RANGES} ranges", f"{slowest:.2f}", f"{slowest / median(one):.2f}", f"{used:.2f}",
         f"{used / one[0].cpu:.2f}", megabytes(max(map(peak, parts)) * 1e6)],
    ]  # fmt: skip


def put_ordered(bench: Bench, name: str, groups: int, count: int) -> tuple[list[str], int]:
    """So many outputs as this project writes them, in the order of their buckets and with an index;
    their keys, and the bytes of each.
    """
    numbers = random.Random(1)  # noqa: S311 - input, not a secret
    pairs = {f"{number:08x}": numbers.random() * 99 for number in range(groups)}
    body, metadata = partition.encode(pairs)
    keys = [f"{name}/{number}" for number in range(count)]
    for key in keys:
        bench.cloud.s3.put_object(Bucket=DATA, Key=key, Body=body, Metadata=metadata)
    return keys, len(body)


def answer(bench: Bench) -> Section:
    """What `job.py result` takes for a large answer, which is in its parts."""
    size, parts = (10_000_000, 2) if bench.quick else (1_000_000_000, 10)
    groups = put_answer(bench, size, parts)
    rows = [["groups", "answer", "", "seconds", "peak memory"]]
    for words in (["--sort", "none", "--json"], ["--sort", "none"]):
        run = run_measured(["mr/job.py", "result", BUCKET, "large", *words], bench.cloud.variables)
        rows.append(
            [f"{groups:,}", megabytes(size), f"`job.py result {' '.join(words)}`",
             f"{run.seconds:.0f}", megabytes(run.peak_mb * 1e6)]
        )  # fmt: skip
    bench.cloud.clear()
    text = (
        f"An answer of {megabytes(size)} in {parts} parts, in the embedded S3; what is printed is "
        "thrown away. One run each: memory is what is looked at."
    )
    return Section("answer", "A large answer", text, rows)


def put_answer(bench: Bench, size: int, parts: int) -> int:
    """Write a job with an answer of so many bytes in so many parts; how many groups it has."""
    put = functools.partial(bench.cloud.s3.put_object, Bucket=BUCKET)
    info = {"jobId": "large", "jobBucket": BUCKET, "mapCount": 1, "runId": "1"}
    info |= {"reducerFunction": "reducerNS", "reducerHandler": "reducer.handler"}
    put(Key="large/jobinfo.json", Body=json.dumps(info).encode())
    keys, groups, metadata = [], size // parts // PAIR_BYTES, {"runid": "1"}
    for part in range(parts):
        pairs = (f'"{part:02}{number:08}":{number / 7:.9e}' for number in range(groups))
        keys.append(f"large/task/reducer/1/{part + 1}")
        put(Key=keys[-1], Body=f"{{{','.join(pairs)}}}".encode(), Metadata=metadata)
    manifest: dict[str, Any] = {"parts": keys, "groups": parts * groups, "bytes": size}
    metadata = {**metadata, "parts": str(parts)}
    put(Key="large/result", Body=json.dumps(manifest).encode(), Metadata=metadata)
    return parts * groups


PAIR_BYTES = 29
"""Bytes of a pair of the large answer, with its comma."""
