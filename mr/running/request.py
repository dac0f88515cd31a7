"""What a user asks of the driver: the command line and the Lambda payload, read into one form.

It is checked whole: a UsageError has every fault in one go.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

from errors import UsageError, brief, log
from state.records import GOALS

DATA_BUCKET = "big-data-benchmark"
DATA_PREFIX = "pavlo/text/1node/uservisits/"
REGION = "us-west-2"
CONCURRENCY = 100
TIMEOUT = 900
RETRIES = 2
MAX_BAD = 0.01
_JOB_ID = re.compile(r"[^/\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{1,200}")
_FLAGS = {
    "full_async": "full_async",
    "wait": "wait",
    "dryrun": "dryrun",
    "overwrite": "overwrite",
    "requestPayer": "requester_pays",
    "noBackups": "no_backups",
}
"""Payload fields that count by being there."""
_PAYLOAD_NAMES = {
    "bucket": "bucket",
    "prefix": "prefix",
    "jobBucket": "job_bucket",
    "job_id": "job_id",
    "region": "region",
    "mapper": "mapper",
    "reducer": "reducer",
    "eventSource": "event_source",
    "endearly": "endearly",
    "batchSize": "batch_size",
    "splitSize": "split_size",
    "concurrency": "concurrency",
    "timeout": "timeout",
    "retries": "retries",
    "maxBad": "max_bad",
    "reducers": "reducers",
    "fanIn": "fan_in",
    "goal": "goal",
    "job": "job",
    "settings": "settings",
}
_NUMBERS = {
    "endearly": 1,
    "batchSize": 1,
    "concurrency": 1,
    "timeout": 1,
    "retries": 0,
    "reducers": 1,
    "fanIn": 2,
}
"""Payload fields that are whole numbers, with the least each may be."""


@dataclasses.dataclass(frozen=True)
class JobRequest:
    """One job. `bucket` and `prefix` say where the input is, `job_bucket` where the outputs go.

    With `full_async` every mapper is started by Event, and that is all; with `wait` the job is
    then watched until it ends; without either, each mapper's answer is waited for. With
    `no_backups` no task is started once more because it takes long.
    `endearly` takes the first so many batches as the whole job, `batch_size` is objects a mapper
    (None: computed), `split_size` bytes a mapper, for which objects are cut (None: they are not),
    `concurrency` how many mappers may run at once in synchronous mode, `timeout` the seconds to
    wait for the reducers, `retries` the further tries of a mapper that fails, `max_bad` the share
    of all rows that may be bad. `reducers` and `fan_in` force the shape of the reduce steps: so
    many reducers side by side, so many outputs each (0: as planned). With a `goal`, one of GOALS or
    "", the split size is chosen, and the steps are weighed, for time or for money. With
    `requester_pays` the input's bucket charges whoever reads it. `job` is the job to run, "" for
    the one that the functions were deployed with, and `settings` are its own; `tables` is whether
    it reads Parquet. `event_source` is passed on to the
    mappers and not looked at.
    """

    bucket: str = DATA_BUCKET
    prefix: str = DATA_PREFIX
    job_bucket: str = ""
    job_id: str = ""
    region: str | None = REGION
    mapper: str = ""
    reducer: str = ""
    endearly: int | None = None
    full_async: bool = False
    wait: bool = False
    dryrun: bool = False
    overwrite: bool = False
    batch_size: int | None = None
    split_size: int | None = None
    concurrency: int = CONCURRENCY
    timeout: int = TIMEOUT
    retries: int = RETRIES
    max_bad: float = MAX_BAD
    requester_pays: bool = False
    no_backups: bool = False
    reducers: int = 0
    fan_in: int = 0
    goal: str = ""
    job: str = ""
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    tables: bool = False
    event_source: str = ""
    profile: str | None = None

    @property
    def is_async(self) -> bool:
        """Whether the mappers are started by Event, and nobody waits for their answers."""
        return self.full_async or self.wait

    @classmethod
    def from_options(cls, options: argparse.Namespace) -> JobRequest:
        """The request of a command line, whose values argparse has checked one by one."""
        request = cls(
            bucket=options.databkt,
            prefix=options.prefix,
            job_bucket=options.jobbkt,
            job_id=options.jobid,
            region=options.region,
            mapper=options.mapper_function or "",
            reducer=options.reducer_function or "",
            endearly=options.endearly,
            full_async=not (options.wait4reducers or options.wait),
            wait=options.wait,
            dryrun=options.dryrun,
            overwrite=options.overwrite,
            batch_size=options.batchsize,
            split_size=options.splitsize,
            concurrency=options.concurrency,
            timeout=options.timeout,
            retries=options.retries,
            max_bad=options.max_bad,
            requester_pays=options.request_payer,
            no_backups=options.no_backups,
            reducers=options.reducers or 0,
            fan_in=options.fanin or 0,
            goal=options.goal or "",
            job=options.job or "",
            settings=dict(options.set),
            profile=options.profile,
        )
        return request.checked([])

    @classmethod
    def from_payload(cls, payload: Any, region: str | None) -> JobRequest:
        """The request of `aws lambda invoke`; `region` is used where the payload names none."""
        if not isinstance(payload, Mapping):
            raise UsageError(f"the payload must be a JSON object, not {type(payload).__name__}")
        faults: list[str] = []
        values: dict[str, Any] = {"region": region}
        for name, field in _PAYLOAD_NAMES.items():
            if payload.get(name) is not None:
                values[field] = _payload_value(name, payload[name], faults)
        values.update({field: flag in payload for flag, field in _FLAGS.items()})
        if unknown := sorted(set(payload) - set(_PAYLOAD_NAMES) - set(_FLAGS)):
            log(f"payload fields that mean nothing here, ignored: {', '.join(unknown)}")
        if "sql" in payload:
            faults.append("payload sql: a question is read at a terminal, by driver.py --sql")
        if str(values.get("job", "")).endswith(".py"):
            faults.append("payload job names a file, which the command alone can send along")
        if faults:
            raise UsageError("; ".join(faults))
        return cls(**values).checked(faults)

    def checked(self, faults: list[str]) -> JobRequest:
        """This request. UsageError with what is missing or malformed."""
        if not self.bucket:
            faults.append("the input data bucket is empty: give its name")
        if self.full_async and self.wait:
            faults.append("full_async and wait exclude each other: give one of them")
        if self.batch_size and self.split_size:
            faults.append("batch size and split size exclude each other: give one of them")
        if self.goal and self.goal not in GOALS:
            faults.append(f"the goal is {brief(self.goal)}: it is one of {', '.join(GOALS)}")
        if self.goal and (self.batch_size or self.split_size):
            faults.append("a goal chooses the split size: give it without batch or split size")
        if self.settings and not self.job:
            faults.append("settings belong to a job: name it too (--job, payload job)")
        if not self.dryrun:
            faults.extend(self._faults_of_a_real_run())
        if faults:
            raise UsageError("; ".join(faults))
        return self

    def _faults_of_a_real_run(self) -> list[str]:
        needed = {
            "job bucket (jobbkt, payload jobBucket)": self.job_bucket,
            "job id (jobid, payload job_id)": self.job_id,
            "mapper function (mapper_function, payload mapper)": self.mapper,
            "reducer function (reducer_function, payload reducer)": self.reducer,
        }
        faults = [
            f"the {what} is missing: only a dry run does without it"
            for what, value in needed.items()
            if not value
        ]
        if self.job_id and (not _JOB_ID.fullmatch(self.job_id) or self.job_id in (".", "..")):
            faults.append(
                f"the job id {brief(self.job_id)} cannot be used: it is one segment of an S3 key, "
                "1 to 200 characters without '/' and control characters"
            )
        return faults


def _payload_value(name: str, value: Any, faults: list[str]) -> Any:
    """A payload field as the request holds it; a number may also come as a text, "2"."""
    if name in _READERS:
        try:
            return _READERS[name](str(value))
        except ValueError as error:
            faults.append(f"payload {name}: {error}")
            return None
    if name == "settings":
        if not isinstance(value, Mapping):
            faults.append(f"payload settings is {brief(value)}: it must be an object")
        return value
    if name not in _NUMBERS:
        if not isinstance(value, str):
            faults.append(f"payload {name} is {brief(value)}: it must be a text")
        return value
    least = _NUMBERS[name]
    try:
        return whole_number(str(value), least)
    except ValueError as error:
        faults.append(f"payload {name}: {error}")
        return None


def whole_number(text: str, least: int) -> int:
    """Read a whole number of at least `least`. ValueError otherwise."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < least:
        raise ValueError(f"{text!r} is not a whole number from {least}")
    return int(text)


_UNITS = {"": 1, "B": 1}
_UNITS |= {f"{letter}B": 1000**power for power, letter in enumerate("KMG", 1)}
_UNITS |= {f"{letter}IB": 1024**power for power, letter in enumerate("KMG", 1)}


def byte_size(text: str) -> int:
    """Bytes: "64MB" is 64,000,000, "64MiB" is 67,108,864, "64" is 64. ValueError otherwise."""
    match = re.fullmatch(r"([0-9]{1,15}) ?([A-Za-z]*)", text)
    unit = _UNITS.get(match[2].upper()) if match else None
    if match is None or unit is None or int(match[1]) < 1:
        raise ValueError(f"{text!r} is no size: write 64MB, 64MiB, 1GB or a number of bytes")
    return int(match[1]) * unit


def percentage(text: str) -> float:
    """A share: "1", "1%" and "1 %" are 0.01. ValueError for what is not from 0 to 100 %."""
    match = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,9})?) ?%?", text)
    if match is None or float(match[1]) > 100:
        raise ValueError(f"{text!r} is no share of 0 to 100 %: write 1, or 0.5%")
    return float(match[1]) / 100


def assignment(text: str) -> tuple[str, str]:
    """A setting: "RANK_ABOVE=10" is ("RANK_ABOVE", "10"). ValueError for what has no name or =."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise ValueError(f"{text!r} is no setting: write NAME=VALUE")
    return name, value


_READERS: dict[str, Callable[[str], Any]] = {"splitSize": byte_size, "maxBad": percentage}
"""Payload fields that have a form of their own."""
