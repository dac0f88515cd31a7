"""A job's answer, for a person or a program to read.

In: the job bucket and the job id. Out: the groups, sorted and cut as asked, as CSV or JSON.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

import s3json
from lambdautils import JobError, JobKeys, error_code


def read_result(s3: Any, bucket: str, job_id: str) -> dict[str, Any]:
    """The answer, group -> value. JobError where there is none yet."""
    key = JobKeys(job_id).result
    try:
        result: dict[str, Any] = s3json.read_json(s3, bucket, key)
    except ClientError as error:
        if error_code(error) != "NoSuchKey":
            raise
        raise JobError(
            f"s3://{bucket}/{key} does not exist: the job is not done, or there is none; "
            f"`driver.py --status {bucket} {job_id}` tells"
        ) from error
    return result


def choose(groups: Mapping[str, Any], sort: str, top: int | None) -> list[tuple[str, Any]]:
    """Pairs by key, or by value with the largest first, and the first `top` of them; pure."""
    if sort == "key":
        return sorted(groups.items())[:top]
    return sorted(groups.items(), key=lambda pair: (-pair[1], pair[0]))[:top]


def write(pairs: list[tuple[str, Any]], form: str) -> None:
    """Print pairs on standard output: "csv" with a header, or "json" as one object."""
    if form == "json":
        print(json.dumps(dict(pairs)))
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("key", "value"))
    writer.writerows(pairs)
