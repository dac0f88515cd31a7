"""A large answer, whole or in parts, is shown in bounded memory."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from state.keys import JobKeys
from state.records import JobInfo
from tests.cloud import Cloud, run
from tests.peak import measured, peak_kib

GROUPS = 750_000
"""Groups of some 32 bytes: 25 MB as one object, and a quarter of a GB in memory."""
MOST_KIB = 150_000
PARTS = 5


@pytest.fixture(scope="module")
def job(cloud: Cloud) -> JobInfo:
    """A job with a large answer in one object, and one with the same answer in parts."""
    for job_id in ("whole", "parted"):
        info = JobInfo(job_id, cloud.bucket, 1, "reducerNS", run_id="run-1")
        put(cloud, JobKeys(job_id).jobinfo, json.dumps(info.to_json()).encode())
    return info


def put(cloud: Cloud, key: str, body: bytes, **metadata: str) -> None:
    cloud.s3.put_object(Bucket=cloud.bucket, Key=key, Body=body, Metadata=metadata)


def pairs(start: int, end: int) -> Iterator[str]:
    """Pairs in the order of a hash, as an output has them: not in that of their keys."""
    for number in range(start, end):
        yield f'"10.{number % 256}.{number * 7919 % GROUPS:07}":{number / 7!r}'


@pytest.fixture(scope="module")
def answers(cloud: Cloud, job: JobInfo) -> str:
    """Writes both answers; the digest of their JSON, sorted by key."""
    part = GROUPS // PARTS
    bodies = [",".join(pairs(one * part, one * part + part)).encode() for one in range(PARTS)]
    put(cloud, JobKeys("whole").result, b"{" + b",".join(bodies) + b"}", runid="run-1")
    keys = [JobKeys("parted").reducer_output(1, one) for one in range(1, PARTS + 1)]
    for key, body in zip(keys, bodies, strict=True):
        put(cloud, key, b"{" + body + b"}", runid="run-1")
    manifest = {"parts": keys, "groups": GROUPS, "bytes": sum(map(len, bodies))}
    body = json.dumps(manifest).encode()
    put(cloud, JobKeys("parted").result, body, runid="run-1", parts=str(PARTS))
    rows = sorted(row.replace(":", ": ") for body in bodies for row in body.decode().split(","))
    return hashlib.sha256(f"{{{', '.join(rows)}}}\n".encode()).hexdigest()


def view(cloud: Cloud, *words: str) -> Any:
    return run([sys.executable, "mr/job.py", *words], cloud.environment)


def result(cloud: Cloud, *words: str) -> tuple[str, int, bytes]:
    """The digest of what `job.py result` prints, its peak in KiB, and its last 200 bytes."""
    command = measured("mr/job.py", "result", cloud.bucket, *words)
    digest, last = hashlib.sha256(), b""
    with subprocess.Popen(
        command, env=cloud.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        for block in iter(lambda: process.stdout.read(1 << 20), b""):
            digest.update(block)
            last = (last + block)[-200:]
        said = process.stderr.read().decode()
    assert process.returncode == 0, said
    return digest.hexdigest(), peak_kib(said), last


def test_a_whole_sort_takes_little_memory(cloud: Cloud, answers: str) -> None:
    digest, peak, _ = result(cloud, "parted", "--json")
    assert digest == answers
    assert peak < MOST_KIB


def test_the_largest_groups_take_little_memory(cloud: Cloud, answers: str) -> None:
    _, peak, last = result(cloud, "whole", "--sort", "value", "--top", "2")
    values = [float(line.split(b",")[1]) for line in last.split()[1:]]
    assert values == [(GROUPS - 1) / 7, (GROUPS - 2) / 7]
    assert peak < MOST_KIB


# --------------------------------------------------------------------------- whose it is


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("other/task/reducer/1/1", "'other/task/reducer/1/1' is no output of a reducer of job bad"),
        ("bad/task/mapper/1", "is no output of a reducer of job bad"),
        ("bad/result", "is no output of a reducer"),
        ("secrets.json", "is no output of a reducer"),
        ("bad/task/reducer/1/../../x", "is no output of a reducer"),
    ],
)
def test_a_manifest_leads_to_outputs_of_the_jobs_own_reducers_alone(
    cloud: Cloud, part: str, message: str
) -> None:
    info = JobInfo("bad", cloud.bucket, 1, "reducerNS", run_id="run-1")
    put(cloud, "bad/jobinfo.json", json.dumps(info.to_json()).encode())
    put(cloud, part, b'{"secret": 1}')
    body = json.dumps({"parts": [part], "groups": 1, "bytes": 1}).encode()
    put(cloud, "bad/result", body, runid="run-1", parts="1")
    done = view(cloud, "result", cloud.bucket, "bad")
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr


def test_what_another_run_left_is_shown_as_missing(cloud: Cloud) -> None:
    info = JobInfo("again", cloud.bucket, 1, "reducerNS", run_id="run-2")
    put(cloud, "again/jobinfo.json", json.dumps(info.to_json()).encode())
    put(cloud, "again/result", b'{"a":1}', runid="run-1")
    done = view(cloud, "result", cloud.bucket, "again")
    assert (done.returncode, done.stdout) == (1, "")
    assert "again/result does not exist: the job is not done" in done.stderr
    part = "again/task/reducer/1/1"
    put(cloud, part, b'{"a":1}', runid="run-1")
    body = json.dumps({"parts": [part], "groups": 1, "bytes": 1}).encode()
    put(cloud, "again/result", body, runid="run-2", parts="1")
    done = view(cloud, "result", cloud.bucket, "again")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{part} is no longer of run run-2" in done.stderr
