"""Reading outputs: exact, and with an error that names the output. (With orjson: test_jobs.py.)"""

from __future__ import annotations

import json
import math

import pytest

from errors import BadRecord, JobError
from jobs import base
from shuffle.pairs import parse_output

WHERE = "s3://jobs/job1/task/mapper/1"


def test_an_output_is_read_to_the_last_bit() -> None:
    pairs = {"67.23.87": 0.1 + 0.2, "ä": -0.0, "": 2**63, "list": [1, "x", None, {"a": 5e-324}]}
    found = parse_output(json.dumps(pairs).encode(), WHERE)
    assert found == pairs
    assert math.copysign(1, found["ä"]) == -1
    assert type(found[""]) is int


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"a": 1}x'])
def test_what_is_no_json_is_named(body: bytes) -> None:
    with pytest.raises(BadRecord, match="s3://jobs/job1/task/mapper/1 is not JSON"):
        parse_output(body, WHERE)


def test_what_is_no_object_is_named() -> None:
    with pytest.raises(BadRecord, match="not a JSON object but list"):
        parse_output(b"[1]", WHERE)


def test_an_output_of_a_job_that_combines_otherwise_is_refused() -> None:
    job = base.Job("uservisits", dict, lambda a, b: a + b)  # type: ignore[arg-type]
    job.check_written_for({}, WHERE)
    job.check_written_for({"combine": job.combine_name}, WHERE)
    with pytest.raises(JobError, match=r"combined with countries\.combine, but the reducer runs"):
        job.check_written_for({"combine": "countries.combine"}, WHERE)
