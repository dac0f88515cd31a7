"""`JOB/summary.json`: what a finished job used, kept once: every view shows one and the same cost,
whatever becomes of the logs and of the functions.

Whoever waited for the job writes it, or the first view after its end.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from botocore.exceptions import ClientError

from aws import s3json
from aws.client import Clients, error_code, is_denied
from errors import BadRecord, JobError, UsageError, brief, log
from running.costs import FunctionUsage, Prices, S3Usage
from state.fields import Fields
from state.keys import JobKeys
from state.records import LAST_SECOND, JobInfo
from state.runs import Run
from views import calls, logs, usage
from views.finished import FinishedJob

LOG_SECONDS = 10.0
"""How long after a job's end its logs are waited for: they come some seconds late."""
FIRST_PAUSE = 0.25


@dataclasses.dataclass(frozen=True)
class Frozen:
    """What a run used, and the prices then; `as_of` is when this was written down, in seconds
    since the epoch. `rows` and `bad_rows` are those of its mappers.
    """

    run_id: str
    as_of: float
    rows: int
    bad_rows: int
    functions: tuple[FunctionUsage, ...]
    s3: S3Usage
    prices: Prices

    def to_json(self) -> dict[str, Any]:
        prices = {**dataclasses.asdict(self.prices), "gb_second": dict(self.prices.gb_second)}
        return {
            "runId": self.run_id,
            "asOf": self.as_of,
            "rows": self.rows,
            "badRows": self.bad_rows,
            "functions": [dataclasses.asdict(one) for one in self.functions],
            "s3": dataclasses.asdict(self.s3),
            "prices": prices,
        }

    @classmethod
    def from_json(cls, value: Any, where: str) -> Frozen:
        """Read the record found at `where`. BadRecord where a field is missing or wrong."""
        fields = Fields(value, where)
        functions = value.get("functions")
        if not isinstance(functions, list):
            raise BadRecord(f"{where}: functions is no list")
        s3 = fields.fields("s3")
        prices = _prices(value.get("prices"), where)
        return cls(
            fields.text("runId"),
            fields.number("asOf", most=LAST_SECOND),
            fields.count("rows", least=0),
            fields.count("badRows", least=0),
            tuple(_usage(one, prices, where) for one in functions),
            S3Usage(s3.count("writes", least=0), s3.count("reads", least=0)),
            prices,
        )


def _usage(value: Any, prices: Prices, where: str) -> FunctionUsage:
    fields = Fields(value, f"{where}: functions")
    if fields.text("architecture") not in prices.gb_second:
        raise BadRecord(f"{fields.where}: there is no price for {brief(value['architecture'])}")
    return FunctionUsage(
        fields.text("role"),
        fields.text("name", ""),
        fields.count("calls", least=0),
        fields.number("seconds"),
        fields.count("memory"),
        fields.text("architecture"),
        fields.text("note", ""),
        fields.count("cold", 0, least=0),
        fields.number("init_seconds", 0.0),
    )


def _prices(value: Any, where: str) -> Prices:
    try:
        return Prices.from_json(value, f"{where}: prices")
    except UsageError as error:
        raise BadRecord(str(error)) from error


def frozen(clients: Clients, job: FinishedJob) -> Frozen:
    """What the job used: as it was kept, or, for the first who asks, as it is found now."""
    return read(clients.s3, job.info) or keep(clients, job)


def read(s3: Any, job: JobInfo) -> Frozen | None:
    """What was kept of a run; None where nothing was. BadRecord."""
    key = JobKeys(job.job_id).summary
    try:
        value = s3json.read_json(s3, job.job_bucket, key)
    except ClientError as error:
        if error_code(error) != "NoSuchKey":
            raise
        return None
    found = Frozen.from_json(value, f"s3://{job.job_bucket}/{key}")
    return found if found.run_id == job.run_id else None


def keep(clients: Clients, job: FinishedJob) -> Frozen:
    """Find out what the job used, and keep it. Where someone else was first, theirs counts; who
    may not write is told.
    """
    used = find_usages(clients, job)
    made = Frozen(
        job.info.run_id,
        clients.clock(),
        sum(task.lines for task in job.mappers),
        sum(task.errors for task in job.mappers),
        used,
        usage.requests_of(job),
        Prices(),
    )
    info = job.info
    run = Run(clients.s3, info.job_bucket, info.job_id, info.run_id)
    try:
        is_mine = run.write_json(JobKeys(info.job_id).summary, made.to_json())
    except ClientError as error:
        if not is_denied(error):
            raise
        log(f"what the job used cannot be kept, and may be shown otherwise next time: {error}")
        return made
    return made if is_mine else read(clients.s3, info) or made


def find_usages(clients: Clients, job: FinishedJob) -> tuple[FunctionUsage, ...]:
    """The job's usages. Logs that are not complete are waited for, if the job has just ended."""
    ended = min(job.last.end, clients.clock())  # the clock of a function may be ahead of ours
    pause = FIRST_PAUSE
    while True:
        lines = read_lines(clients, job.info)
        used = usage.usages(clients.s3, clients.functions, job, calls.billed(lines or []))
        late = clients.clock() - ended > LOG_SECONDS
        if lines is None or late or usage.is_complete(used):
            return used
        clients.sleep(pause)
        pause *= 2


def read_lines(clients: Clients, job: JobInfo) -> list[logs.LogLine] | None:
    """What the job's functions logged; None where that may not be read."""
    try:
        return logs.read_job(clients, job.job_bucket, job.job_id)
    except JobError as error:
        log(f"going on without what was billed: {error}")
        return None
