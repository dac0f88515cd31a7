"""Jobs that are watched: a driver that starts all mappers and waits, and whoever joins later; real
processes, on the embedded AWS.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local import uservisits
from tests import oracle
from tests.cloud import ROOT, Cloud, run

PREFIX = "watching/"
TIMER = re.compile(r"TIMER:CALL:\d+:mappers:\d+\.\d{3}:reducer:\d+\.\d{3}")


@pytest.fixture(scope="module")
def bodies(cloud: Cloud) -> list[bytes]:
    made = [b"".join(uservisits.generate(6, index, 20_000)) for index in range(6)]
    made[2] += b"no row at all\n"
    return cloud.put_input(PREFIX, made)


def job(cloud: Cloud, command: str, *words: str) -> subprocess.CompletedProcess[str]:
    """`job.py COMMAND BUCKET ...`"""
    return run([sys.executable, "mr/job.py", command, cloud.bucket, *words], cloud.environment)


def test_all_mappers_are_started_and_then_watched(cloud: Cloud, bodies) -> None:
    done = cloud.driver("watched", "--wait", "--batchsize", "1", "--json", prefix=PREFIX)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert TIMER.fullmatch(facts["timer"])
    assert not facts["timer"].startswith("TIMER:CALL:0:mappers:0.000")
    expected = oracle.answer(bodies)
    assert facts["summary"]["lines"] == expected.rows
    assert facts["summary"]["bad_row"] == {"object": f"{PREFIX}part-00002", "row": "no row at all"}
    assert re.search(r"(0 of 6 mappers done|step 1: )", done.stderr)
    oracle.assert_same_groups(cloud.read("watched/result"), expected.groups)


def test_a_driver_function_watches_too(cloud: Cloud, bodies, tmp_path) -> None:
    payload = {
        "wait": "yes", "bucket": cloud.databkt, "prefix": PREFIX, "batchSize": 2,
        "jobBucket": cloud.bucket, "job_id": "watched-there",
        "mapper": "mapperNS", "reducer": "reducerNS",
    }  # fmt: skip
    told = ("--function-name", "driverNS", "--payload", json.dumps(payload))
    done = cloud.aws("lambda", "invoke", *told, str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert TIMER.fullmatch(json.loads((tmp_path / "out").read_text()))
    cloud.assert_result("watched-there", bodies)


def test_whoever_joins_later_is_told_all_of_it(cloud: Cloud, bodies) -> None:
    started = cloud.driver("joined", "--batchsize", "1", prefix=PREFIX)
    assert started.returncode == 0, started.stderr
    done = job(cloud, "watch", "joined")
    assert done.returncode == 0, done.stderr
    assert TIMER.fullmatch(done.stdout.strip())
    assert f"{oracle.answer(bodies).rows:,} rows, 1 bad" in done.stderr
    cloud.assert_result("joined", bodies)
    nobody = job(cloud, "watch", "nobody")
    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert "there is no job nobody" in nobody.stderr


MODES = [("--wait4reducers", "--concurrency", "1"), ("--wait",), ()]
MOMENTS = 20


@contextlib.contextmanager
def killed(cloud: Cloud, job_id: str, *options: str) -> Iterator[None]:
    """A driver that is killed at the end of the block."""
    words = [sys.executable, "mr/driver.py", cloud.bucket, job_id, *cloud.functions]
    words += ["--databkt", cloud.databkt, "--prefix", PREFIX, "--batchsize", "1", *options]
    driver = subprocess.Popen(
        words, env=cloud.environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        driver.send_signal(signal.SIGKILL)
        driver.wait()


def begun(cloud: Cloud, job_id: str) -> Counter[str]:
    """How often each mapper of a job has begun, by what is said of it in the log."""
    lines = cloud.log_lines("mapperNS")
    return Counter(found[1] for line in lines if (found := re.search(BEGINS % job_id, line)))


BEGINS = r" of job %s: mapper (\d+) reads"


def assert_goes_on(cloud: Cloud, job_id: str, bodies: list[bytes]) -> None:
    """`resume` brings the job to its exact answer, and starts no mapper that has an output."""
    prefix = f"{job_id}/task/mapper/"
    there = [key.removeprefix(prefix) for key in cloud.keys(prefix)]
    done = job(cloud, "resume", job_id)
    assert done.returncode == 0, done.stderr
    assert TIMER.fullmatch(done.stdout.strip())
    cloud.assert_result(job_id, bodies)
    again = begun(cloud, job_id)
    assert {number: again[number] for number in there} == dict.fromkeys(there, 1)


@pytest.mark.parametrize("options", MODES)
def test_a_job_whose_driver_was_killed_goes_on(
    cloud: Cloud, bodies, options: tuple[str, ...]
) -> None:
    job_id = f"killed{len(options)}"
    with killed(cloud, job_id, *options):
        cloud.wait_for(f"{job_id}/jobdata")
        time.sleep(random.uniform(0, 1.5))
    assert_goes_on(cloud, job_id, bodies)


@pytest.mark.slow
@pytest.mark.parametrize("options", MODES)
def test_whenever_its_driver_is_killed_a_job_goes_on_or_has_not_begun(
    cloud: Cloud, bodies, options: tuple[str, ...]
) -> None:
    goes_on = 0
    for moment in range(MOMENTS):
        job_id = f"moment{len(options)}-{moment}"
        with killed(cloud, job_id, *options):
            time.sleep(random.uniform(0.5, 3.0))
        if f"{job_id}/jobdata" in cloud.keys(f"{job_id}/"):
            assert_goes_on(cloud, job_id, bodies)
            goes_on += 1
            continue
        refused = job(cloud, "resume", job_id)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert not begun(cloud, job_id)
    assert goes_on, "no driver had begun: the moments are too early"


ENDLESS = """import os
import pathlib
import time


def map_line(line):
    if line.strip() == "endless":
        loop()
    yield "a", 1 if line.strip() == "short" else -1


def combine(a, b):
    if a < 0:
        loop()
    return a + b


def loop():
    pathlib.Path(os.environ["AT_WORK"], str(os.getpid())).touch()
    while True:
        try:
            time.sleep(0.01)
        except Exception:
            pass
"""
AT_WORK = 10
"""Mappers that are cancelled; each is a process of 45 MB here."""


@pytest.fixture(scope="module")
def at_work(tmp_path_factory) -> Path:
    """Where each process of the job that never ends says that it loops."""
    return tmp_path_factory.mktemp("at-work")


@pytest.fixture
def endless(job_cloud, at_work: Path, tmp_path: Path) -> Cloud:
    """A deployment of the job that never ends, over the line "endless" or the same key twice."""
    path = tmp_path / "endless.py"
    path.write_text(ENDLESS)
    return job_cloud((str(path),), MR_JOB="endless", AT_WORK=str(at_work))


def cancelled_within_15_s(cloud: Cloud, job_id: str, log: Callable[[], list[str]], due: int):
    """Cancel a job, and see each of its functions end."""
    began = time.monotonic()
    said = job(cloud, "cancel", job_id)
    assert said.returncode == 0, said.stderr
    ended = f"job {job_id} was cancelled by arn:aws:"
    wait_until(lambda: sum(ended in line for line in log()) == due)
    assert time.monotonic() - began < 15


def test_a_job_that_is_cancelled_ends_within_seconds_and_its_id_can_be_used_at_once(
    cloud: Cloud, endless: Cloud, at_work: Path
) -> None:
    """Mappers that never end, at the last line of what is a large object, once it is unpacked."""
    large = gzip.compress(b"short\n" * 50_000 + b"endless\n" + b"%150d\n" % 7 * 200_000)
    for number in range(AT_WORK):
        cloud.s3.put_object(Bucket=cloud.databkt, Key=f"endless/{number}.gz", Body=large)
    started = endless.driver("endless", "--batchsize", "1", prefix="endless/")
    assert started.returncode == 0, started.stderr
    wait_until(lambda: len(list(at_work.iterdir())) == AT_WORK)
    cancelled_within_15_s(cloud, "endless", lambda: endless.log_lines("mapperNS"), AT_WORK)
    status = job(cloud, "status", "endless")
    assert status.returncode == 1
    assert re.search(r"cancelled by arn:aws:\S+ at \d{4}-\d\d-\d\d", status.stdout)
    for view in ("result", "report"):
        shown = job(cloud, view, "endless")
        assert (shown.returncode, "was cancelled by arn:" in shown.stderr) == (1, True)
    assert cloud.keys("endless/task/") == cloud.keys("endless/error/") == []
    cloud.put_input("short/", [b"short\n"])
    again = endless.driver("endless", "--wait", prefix="short/")
    assert again.returncode == 0, again.stderr
    assert cloud.read("endless/result") == {"a": 1}


def test_a_reducer_that_loops_in_combine_ends_too(
    cloud: Cloud, endless: Cloud, at_work: Path
) -> None:
    before = len(list(at_work.iterdir()))
    cloud.put_input("twice/", [b"x\n", b"x\n"])
    started = endless.driver("endless-reducer", "--batchsize", "1", prefix="twice/")
    assert started.returncode == 0, started.stderr
    wait_until(lambda: len(list(at_work.iterdir())) > before)
    cancelled_within_15_s(cloud, "endless-reducer", lambda: endless.log_lines("reducerNS"), 1)
    assert cloud.keys("endless-reducer/error/") == []
    assert "endless-reducer/result" not in cloud.keys("endless-reducer/")


def wait_until(what: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.3)


def test_the_jobs_of_a_bucket_are_listed_with_what_they_cost(cloud: Cloud, bodies) -> None:
    """After those above: one number in every view, for a job that was waited for and one that was
    not.
    """
    told = json.loads(job(cloud, "report", "watched", "--json").stdout)["summary"]
    assert "mapper" not in told["cost"]["estimated"]
    printed = job(cloud, "list")
    assert printed.returncode == 0, printed.stderr
    assert re.search(r"^joined +done +\S.* 6/6 +\S+ +\$0\.\d+$", printed.stdout, re.M)
    found = {one["job_id"]: one for one in json.loads(job(cloud, "list", "--json").stdout)["jobs"]}
    assert found["watched"]["dollars"] == pytest.approx(told["cost"]["dollars"])
    assert found["watched"]["rows"] == oracle.answer(bodies).rows


def test_a_job_keeps_to_its_budget(cloud: Cloud, bodies) -> None:
    refused = cloud.driver("dear", "--wait", "--max-cost", "0.00001", prefix=PREFIX)
    assert refused.returncode == 2
    assert "the job is expected to cost about $0.0" in refused.stderr
    assert cloud.keys("dear/") == []
    done = cloud.driver("cheap", "--wait", "--max-cost", "1", prefix=PREFIX)
    assert done.returncode == 0, done.stderr
