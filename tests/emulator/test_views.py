"""Looking at jobs from the command line: job.py status and job.py result."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from local import uservisits
from tests import oracle, readme
from tests.cloud import Cloud, run

PREFIX = "views/"


@pytest.fixture(scope="module")
def bodies(cloud: Cloud) -> list[bytes]:
    """A job that has ended, of two mappers."""
    made = [b"".join(uservisits.generate(3, index, 20_000)) for index in range(2)]
    cloud.put_input(PREFIX, made)
    done = cloud.driver("viewed", "--wait4reducers", "--batchsize", "1", prefix=PREFIX)
    assert done.returncode == 0, done.stderr
    return made


def view(cloud: Cloud, *words: str):
    return run([sys.executable, "mr/job.py", *words], cloud.environment)


def test_the_status_of_a_job_that_is_done(cloud: Cloud, bodies) -> None:
    done = view(cloud, "status", cloud.bucket, "viewed")
    assert done.returncode == 0, done.stderr
    assert "job viewed in s3://my-job-bucket/viewed/: done" in done.stdout
    assert "mappers: 2 of 2\nreducers of step 1: 1 of 1\n" in done.stdout
    assert json.loads(view(cloud, "status", cloud.bucket, "viewed", "--json").stdout)["result"]


def test_the_status_of_an_asynchronous_job_whose_mapper_fails(cloud: Cloud) -> None:
    cloud.put_input("failing/", [b"1.1.1.1,u,d,1.7e308,a\n" * 2])  # their sum has no JSON form
    assert cloud.driver("failing-async", prefix="failing/").returncode == 0
    cloud.wait_for("failing-async/error/mapper/1")
    done = view(cloud, "status", cloud.bucket, "failing-async")
    assert "failing-async/: failed" in done.stdout
    assert "mappers: 0 of 1, missing: 1" in done.stdout
    assert re.search(r"mapper/1 failed: .* not JSON compliant", done.stdout)


def test_the_result_as_csv_and_json(cloud: Cloud, bodies) -> None:
    expected = oracle.answer(bodies).groups
    text = view(cloud, "result", cloud.bucket, "viewed").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["key"] for row in rows] == sorted(expected)
    oracle.assert_same_groups({row["key"]: float(row["value"]) for row in rows}, expected)
    words = ("result", cloud.bucket, "viewed", "--json", "--sort", "value", "--top", "3")
    largest = json.loads(view(cloud, *words).stdout)
    assert list(largest) == sorted(expected, key=lambda key: -expected[key])[:3]


@pytest.mark.parametrize("what", ["status", "result", "logs", "report", "timings"])
def test_a_job_that_is_not_there(cloud: Cloud, what: str) -> None:
    done = view(cloud, what, cloud.bucket, "no-such-job")
    assert done.returncode == 1
    assert "no-such-job" in done.stderr
    assert done.stdout == ""


def test_the_timings_of_a_job_word_for_word_as_the_page_has_them(
    cloud: Cloud, bodies, tmp_path: Path
) -> None:
    """Its blocks are run in a folder of their own, from where the command is found."""
    (block,) = readme.blocks((readme.ROOT / "docs" / "timings.md").read_text(), "bash")
    _, commands = block.split("cd mr\n")
    commands = commands.replace("python job.py", f"{sys.executable} {readme.ROOT}/mr/job.py")
    environment = {**cloud.environment, "JOB_BUCKET": cloud.bucket}
    script = "set -euo pipefail\n" + commands.replace("job1000 --format", "viewed --format")
    done = run(["bash", "-c", script], environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader((tmp_path / "job1000.csv").open()))
    kinds = Counter(row["kind"] for row in rows)
    assert (kinds["mapper"], kinds["reducer"]) == (2, 1)
    assert 2 <= kinds["coordinator"] <= 4
    assert sum(int(row["rows"]) for row in rows if row["kind"] == "mapper") == sum(
        body.count(b"\n") for body in bodies
    )
    ended = [row for row in rows if row["billed_ms"]]
    assert len(ended) >= 3
    for row in ended:
        assert 0 < float(row["invoked_unix_s"]) <= float(row["ended_unix_s"])
        took = 1000 * (float(row["ended_unix_s"]) - float(row["started_unix_s"]))
        assert took <= float(row["billed_ms"]) + 2
    events = json.loads((tmp_path / "job1000.trace.json").read_text())["traceEvents"]
    assert sum(one["ph"] == "X" for one in events) == len(ended)
    (traced,) = json.loads((tmp_path / "job1000.otlp.json").read_text())["resourceSpans"]
    assert len(traced["scopeSpans"][0]["spans"]) == 1 + len(ended)


def test_two_jobs_side_by_side(cloud: Cloud, bodies) -> None:
    job = f"s3://{cloud.bucket}/viewed"
    done = view(cloud, "compare", job, job)
    assert done.returncode == 0, done.stderr
    (mappers,) = [line.split() for line in done.stdout.splitlines() if line.startswith("mappers ")]
    assert mappers == ["mappers", "2", "2", "1"]
    told = json.loads(view(cloud, "compare", job, job, "--json").stdout)["figures"]
    assert {one["ratio"] for one in told if one["first"]} == {1.0}
