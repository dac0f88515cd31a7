"""What the four functions share: where a job's objects lie in S3, how work is cut into batches,
and what else they have in common: the log, errors, clients, the fields of events and records.

Every key and every record of a job is spelled here, and nowhere else:

    JOB/jobdata                  {"mapCount", "totalS3Files", "startTime"}
    JOB/jobinfo.json             what the coordinator must know: jobstate.JobInfo
    JOB/task/mapper/ID           a mapper's output: a JSON object key -> value
    JOB/reducerstate.STEP        who claimed the step, and its batches: jobstate.StepRecord
    JOB/task/reducer/STEP/R      a reducer's output, same form
    JOB/result                   the output of the step with a single reducer: the answer
    JOB/task/reducer/done        wakes the coordinator a last time
    JOB/error/FUNCTION/ID        what failed, until it succeeds

`ID`, `STEP` and `R` count from 1. Mapper outputs are those of step 0.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import re
import resource
import sys
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

LAMBDA_MEMORY_MB = 1536
"""Memory of a mapper or reducer, for which batches are sized."""

DATA_SHARE = 0.6
"""Share of that memory which a batch of input objects may fill, as the original has it."""

MAX_KEYS_BYTES = 900_000
"""Room for the keys of one batch: an asynchronous invocation's payload is 1 MB at most."""

MAX_STEPS = 14
"""Reduce steps a job may take: Lambda stops a chain of about 16 invocations as a loop."""

MIN_FAN_IN = 2
"""Outputs a reducer gets at least, so that every step has fewer outputs than the one before."""

ATTEMPTS = 8
"""How often botocore sends a request in all, unless AWS_MAX_ATTEMPTS says otherwise."""

MAX_EXAMPLE = 600
"""Bytes of a bad row, and of its object's key, that are kept: S3 allows 2 KB of metadata."""

# --------------------------------------------------------------------------- errors and log


class JobError(Exception):
    """A job cannot start or go on. The message holds the fact, the value and the remedy."""


class BadRecord(JobError):
    """A record in S3 is not what this program writes."""


def log(line: str) -> None:
    """Write one line to the log: CloudWatch inside Lambda, standard error in a terminal."""
    print(line, file=sys.stderr, flush=True)


def error_code(error: ClientError) -> str:
    """The code of an AWS error, e.g. "NoSuchKey"; HEAD requests give the bare status, "404"."""
    return str(error.response.get("Error", {}).get("Code", ""))


# --------------------------------------------------------------------------- clients


@functools.cache
def client(
    service: str,
    region: str | None = None,
    profile: str | None = None,
    read_timeout: float = 60,
    connections: int = 16,
) -> Any:
    """A boto3 client; the same arguments give the same one, so a warm function makes none anew.

    `region` and `profile` default to boto3's own resolution. Retries (throttling, 5xx, broken
    connections) are botocore's standard mode, set here for the whole project.
    `read_timeout` is in seconds; `connections` is how many threads may call at once.
    """
    own = {} if "AWS_MAX_ATTEMPTS" in os.environ else {"total_max_attempts": ATTEMPTS}
    config = Config(
        retries={"mode": "standard", **own},
        read_timeout=read_timeout,
        connect_timeout=10,
        max_pool_connections=connections,
    )
    session = boto3.Session(profile_name=profile, region_name=region)
    return session.client(service, config=config)


# --------------------------------------------------------------------------- keys

_NUMBER = r"[1-9][0-9]*"
_KEY = re.compile(
    rf"""(?P<job>[^/]+)/(?:
        (?P<jobdata>jobdata)
      | (?P<jobinfo>jobinfo\.json)
      | (?P<result>result)
      | (?P<done>task/reducer/done)
      | task/mapper/(?P<mapper>{_NUMBER})
      | task/reducer/(?P<step>{_NUMBER})/(?P<reducer>{_NUMBER})
      | reducerstate\.(?P<record>{_NUMBER})
      | error/(?P<error>[^/]+/.+)
    )""",
    re.VERBOSE | re.DOTALL,
)


@dataclasses.dataclass(frozen=True)
class JobKey:
    """What a key of the job bucket stands for.

    `kind` is "jobdata", "jobinfo", "result", "done", "output", "record" or "error"; `step` and
    `number` belong to an output (step 0: a mapper's), `step` to a record, `name` to an error.
    """

    job_id: str
    kind: str
    step: int = 0
    number: int = 0
    name: str = ""


def parse_key(key: str) -> JobKey | None:
    """Read a key of the job bucket, segment by segment; None where it is not one of a job's."""
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    job_id = match["job"]
    if match["mapper"]:
        return JobKey(job_id, "output", 0, int(match["mapper"]))
    if match["reducer"]:
        return JobKey(job_id, "output", int(match["step"]), int(match["reducer"]))
    if match["record"]:
        return JobKey(job_id, "record", int(match["record"]))
    if match["error"]:
        return JobKey(job_id, "error", name=match["error"])
    return JobKey(job_id, str(match.lastgroup))


@dataclasses.dataclass(frozen=True)
class JobKeys:
    """The keys of one job. `parse_key` reads what this writes."""

    job_id: str

    @property
    def prefix(self) -> str:
        return f"{self.job_id}/"

    @property
    def task_prefix(self) -> str:
        """The prefix that the S3 trigger watches."""
        return f"{self.job_id}/task"

    @property
    def jobdata(self) -> str:
        return f"{self.job_id}/jobdata"

    @property
    def jobinfo(self) -> str:
        return f"{self.job_id}/jobinfo.json"

    @property
    def result(self) -> str:
        return f"{self.job_id}/result"

    @property
    def done(self) -> str:
        return f"{self.job_id}/task/reducer/done"

    def mapper_output(self, mapper_id: int) -> str:
        return f"{self.job_id}/task/mapper/{mapper_id}"

    def reducer_output(self, step: int, reducer_id: int) -> str:
        return f"{self.job_id}/task/reducer/{step}/{reducer_id}"

    def output(self, step: int, number: int) -> str:
        """The output `number` of a step; step 0 are the mappers."""
        return self.reducer_output(step, number) if step else self.mapper_output(number)

    def step_record(self, step: int) -> str:
        return f"{self.job_id}/reducerstate.{step}"

    def error(self, name: str) -> str:
        """Where a failure is left: `name` is "mapper/3", "reducer/1/2" and the like."""
        return f"{self.job_id}/error/{name}"


# --------------------------------------------------------------------------- batches


def _key_and_size(item: Any) -> tuple[str, int]:
    """Key and bytes of a boto3 object summary or of a {"Key":, "Size":} dict."""
    if isinstance(item, Mapping):
        return item["Key"], item["Size"]
    return item.key, item.size


def compute_batch_size(keys: Sequence[Any], lambda_memory: int = LAMBDA_MEMORY_MB) -> int:
    """How many objects go to one function: round(0.6 x memory / mean object size), at least 1.

    `keys` are boto3 objects or {"Key":, "Size":} dicts; `lambda_memory` is in MB of 10^6 bytes,
    as in the original. ValueError where there are no objects.
    """
    if not keys:
        raise ValueError("compute_batch_size needs at least one object")
    mean_size = sum(_key_and_size(item)[1] for item in keys) / len(keys)
    if mean_size == 0:
        return len(keys)
    return max(1, round(DATA_SHARE * lambda_memory * 1000 * 1000 / mean_size))


def batch_creator(keys: Sequence[Any], batch_size: int) -> list[list[str]]:
    """Cut objects, in the order given, into batches of `batch_size` keys; the last may be smaller.

    A batch whose keys would not fit into an invocation's payload is cut further.
    """
    if batch_size < 1:
        raise ValueError(f"a batch holds at least 1 object, not {batch_size}")
    names = [_key_and_size(item)[0] for item in keys]
    longest = max((len(json.dumps(name)) + 2 for name in names), default=1)
    size = max(1, min(batch_size, MAX_KEYS_BYTES // longest))
    return [names[start : start + size] for start in range(0, len(names), size)]


def reduce_fan_in(count: int, batch_size: int, step: int) -> int:
    """Outputs each reducer of `step` takes when the step before left `count` of them.

    At least 2, and as many as it needs for the job to end within MAX_STEPS.
    JobError where the steps are used up.
    """
    steps_left = MAX_STEPS - step + 1
    if steps_left < 1:
        raise JobError(
            f"step {step} would be one more than the {MAX_STEPS} reduce steps that Lambda's loop "
            f"detection leaves room for, with {count} outputs still to merge: use a larger batch"
        )
    fan_in = max(batch_size, MIN_FAN_IN)
    while fan_in**steps_left < count:
        fan_in += 1
    return fan_in


# --------------------------------------------------------------------------- fields from outside


def is_text_list(batch: Any) -> bool:
    return isinstance(batch, list) and bool(batch) and all(isinstance(key, str) for key in batch)


@dataclasses.dataclass(frozen=True)
class Fields:
    """The fields of a JSON object that came from outside; BadRecord names what is wrong where."""

    value: Any
    where: str

    def __post_init__(self) -> None:
        if not isinstance(self.value, dict):
            raise BadRecord(f"{self.where}: not a JSON object but {type(self.value).__name__}")

    def _get(self, name: str, default: Any) -> Any:
        value = self.value.get(name, default)
        if value is None:
            raise BadRecord(f"{self.where}: {name} is missing")
        return value

    def text(self, name: str, default: str | None = None) -> str:
        value = self._get(name, default)
        if not isinstance(value, str) or not value:
            raise BadRecord(f"{self.where}: {name} is {value!r}, not a text")
        return value

    def count(self, name: str, default: int | None = None) -> int:
        value = self._get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise BadRecord(f"{self.where}: {name} is {value!r}, not a number from 1")
        return value

    def number(self, name: str) -> float:
        value = self._get(name, None)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadRecord(f"{self.where}: {name} is {value!r}, not a number")
        return float(value)

    def texts(self, name: str) -> list[str]:
        value = self._get(name, None)
        if not is_text_list(value):
            raise BadRecord(f"{self.where}: {name} is {value!r}, not a list of texts")
        return list(value)


# --------------------------------------------------------------------------- S3


def list_objects(s3: Any, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    """Every object under a prefix, in key order: dicts with "Key", "Size", "LastModified"."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from page.get("Contents", [])


def delete_objects(s3: Any, bucket: str, keys: Sequence[str]) -> None:
    """Delete objects, 1,000 a request. JobError where S3 refuses one."""
    for start in range(0, len(keys), 1000):
        batch = [{"Key": key} for key in keys[start : start + 1000]]
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
        for failure in answer.get("Errors", []):
            raise JobError(
                f"s3://{bucket}/{failure.get('Key')} could not be deleted: "
                f"{failure.get('Code')} {failure.get('Message')}"
            )


def output_metadata(
    lines: int,
    seconds: float,
    errors: int = 0,
    example: str = "",
    bad_object: str = "",
    *,
    groups: int = 0,
    input_bytes: int = 0,
) -> dict[str, str]:
    """The metadata of an output: what its function counted, when it began (seconds since the
    epoch) and how long it took (s), its peak memory (KiB), the bytes it read, and one bad row with
    the object it stands in. S3 takes ASCII only: the rest is quoted.
    """
    metadata = {
        "linecount": str(lines),
        "processingtime": f"{seconds:.6f}",
        "memoryusage": str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss),
        "errcount": str(errors),
        "starttime": f"{time.time() - seconds:.3f}",
        "groupcount": str(groups),
        "inputbytes": str(input_bytes),
    }
    if errors:
        metadata["errexample"] = _quote(example)
        metadata["errobject"] = _quote(bad_object)
    return metadata


def _quote(text: str) -> str:
    """A text in ASCII, percent-encoded, of at most MAX_EXAMPLE bytes."""
    quoted = ""
    for character in text:
        more = urllib.parse.quote(character, safe=" ,./:;()-")
        if len(quoted) + len(more) > MAX_EXAMPLE:
            break
        quoted += more
    return quoted
