"""Looking at jobs from the command line: job.py status and job.py result."""

from __future__ import annotations

import csv
import io
import json
import re
import sys

import pytest

from local import uservisits
from tests import oracle
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


@pytest.mark.parametrize("what", ["status", "result", "logs", "report"])
def test_a_job_that_is_not_there(cloud: Cloud, what: str) -> None:
    done = view(cloud, what, cloud.bucket, "no-such-job")
    assert done.returncode == 1
    assert "no-such-job" in done.stderr
    assert done.stdout == ""
