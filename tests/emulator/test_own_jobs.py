"""Jobs of one's own that go wrong or have odd names: told once, tried once, no wrong answer."""

from __future__ import annotations

import hashlib
import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cloud import Cloud, run

MAPPERS = 60
AT_ONCE = 10

WRONG_KEY = "def map_line(line):\n    yield 3, 1\n\n\ndef combine(a, b):\n    return a + b\n"
COUNT = 'def map_line(line):\n    yield line.split(",")[0], 1\n\n\n'
FORGETS = f"{COUNT}def combine(a, b):\n    a + b\n"
RAISES = f"{COUNT}def combine(a, b):\n    return a[b]\n"


@pytest.fixture
def own_job(job_cloud, tmp_path: Path) -> Callable[..., Cloud]:
    """Deploys a job of the given text to a mapper and a reducer of its own."""

    def deploy(name: str, text: str | bytes) -> Cloud:
        path = tmp_path / f"{name}.py"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return job_cloud((str(path),), MR_JOB=name)

    return deploy


@pytest.fixture(scope="module")
def rows(cloud: Cloud) -> str:
    """One row in each of two objects: the same key, so that only a reducer combines."""
    cloud.put_input("own/rows/", [b"x,1\n", b"x,2\n"])
    return "own/rows/"


def test_a_jobs_own_error_ends_the_job_at_the_first_and_is_told_once(cloud: Cloud, own_job) -> None:
    own = own_job("wrongkey", WRONG_KEY)
    own.put_input("own/many/", [b"x,1\n"] * MAPPERS)
    options = ("--wait4reducers", "--batchsize", "1", "--concurrency", str(AT_ONCE))
    done = own.driver("wrong-key", *options, prefix="own/many/")
    assert done.returncode == 1
    assert "job wrongkey: the key 3 is int, not str (its value: 1)" in done.stderr
    assert int(re.findall(r"the same in (\d+) mappers", done.stderr)[0]) <= AT_ONCE
    assert done.stderr.count("the key 3 is int") == 1
    assert len(done.stderr.splitlines()) < 10
    assert own.settled_invocations("mapperNS") <= AT_ONCE


def test_an_asynchronous_job_with_an_error_of_its_own_is_not_run_again(own_job, rows) -> None:
    own = own_job("wrongkey", WRONG_KEY)
    done = own.driver("wrong-key-async", "--batchsize", "1", prefix=rows)
    assert done.returncode == 0, done.stderr
    for number in (1, 2):
        own.wait_for(f"wrong-key-async/error/mapper/{number}")
    record = own.read("wrong-key-async/error/mapper/1")
    assert record["final"] is True
    assert "the key 3 is int" in record["error"]
    assert own.settled_invocations("mapperNS") == 2
    lines = own.log_lines("mapperNS")
    assert not any("Traceback" in line for line in lines)
    assert sum("job wrongkey: the key 3 is int" in line for line in lines) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FORGETS, "combine failed at key 'x': TypeError: it gave None: does it return its value?"),
        (RAISES, "combine failed at key 'x': TypeError: 'int' object is not subscriptable"),
    ],
    ids=["forgets", "raises"],
)
def test_a_waiting_driver_ends_when_a_reducer_fails_for_good(own_job, rows, text, message) -> None:
    own = own_job("reducing", text)
    start = time.monotonic()
    options = ("--wait4reducers", "--batchsize", "1", "--timeout", "250")
    job_id = f"reducing-{hashlib.sha256(text.encode()).hexdigest()[:4]}"
    done = own.driver(job_id, *options, prefix=rows)
    assert done.returncode == 1
    assert time.monotonic() - start < 200
    (line,) = [line for line in done.stderr.splitlines() if message in line]
    assert f"job {job_id} has failed, no result will come: reducer/1/1 failed" in line
    assert "(of 1 and 1)" in line
    assert own.settled_invocations("reducerNS") == 1


SUMS = f"{COUNT}def combine(a, b):\n    return a + b\n"
NAMED = {
    "builtin": (COUNT.replace(" 1", " 2") + "combine = max\n", {"x": 2}),
    "partial": (
        f"from functools import partial\n{COUNT}combine = partial(lambda x, a, b: a + b, 0)\n",
        {"x": 2},
    ),
    "unicode": (
        f"{COUNT}def größe_addieren(a, b):\n    return a + b\n\n\ncombine = größe_addieren\n",
        {"x": 2},
    ),
}


@pytest.mark.parametrize("name", NAMED)
def test_a_combine_may_have_any_name(own_job, rows, name: str) -> None:
    text, expected = NAMED[name]
    own = own_job(f"named_{name}", text)
    done = own.driver(f"named-{name}", "--wait4reducers", "--batchsize", "1", prefix=rows)
    assert done.returncode == 0, done.stderr
    assert own.read(f"named-{name}/result") == expected


def test_every_output_and_view_says_which_job_ran_and_its_digest(own_job, rows, tmp_path) -> None:
    own = own_job("counted", SUMS)
    digest = hashlib.sha256(SUMS.encode()).hexdigest()
    options = ("--wait4reducers", "--batchsize", "1", "--json")
    done = own.driver("own-counted", *options, prefix=rows)
    assert done.returncode == 0, done.stderr
    for key in ("own-counted/task/mapper/2", "own-counted/result"):
        metadata = own.s3.head_object(Bucket=own.bucket, Key=key)["Metadata"]
        assert (metadata["job"], metadata["jobdigest"]) == ("counted", digest)
    assert f"ran job counted (sha256 {digest[:12]})" in done.stderr
    (ran,) = json.loads(done.stdout)["summary"]["jobs"]
    assert (ran["job"], ran["jobdigest"]) == ("counted", digest)
    command = [sys.executable, "mr/job.py", "status", own.bucket, "own-counted"]
    status = run(command, own.environment).stdout
    assert f"runs job counted (sha256 {digest[:12]})" in status
    assert f"runs job counted (sha256 {digest[:12]})" in "\n".join(own.log_lines("reducerNS"))


def test_a_reducer_with_another_version_of_the_job_refuses_the_outputs(
    own_job, rows, tmp_path: Path
) -> None:
    own = own_job("versions", SUMS)
    config = json.loads(own.config.read_text())
    (tmp_path / "versions.py").write_text(SUMS.replace("a + b", "a - b"))
    config["functions"] = [
        function for function in config["functions"] if function["handler"] == "reducer.handler"
    ]
    own.config.write_text(json.dumps(config))
    own.deploy()
    done = own.driver("versions", "--wait4reducers", "--batchsize", "1", prefix=rows)
    assert done.returncode == 1
    assert "was written by another version of the job, versions (sha256" in done.stderr
    assert "deploy mapper and reducer with the same file" in done.stderr
    assert "versions/result" not in own.keys("versions/")
