"""The functions that work on a job: their names, and how each is configured.

The names, by role ("driver", "mapper", "reducer", "coordinator"), are in the job's records and in
the trigger of its bucket; memory and architecture of each are Lambda's to say, where that may be
read.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from botocore.exceptions import ClientError

from aws.client import error_code, is_denied
from aws.notifications import covering_entry
from running.outlook import MEMORY_MB
from state.keys import JobKeys
from state.records import JobData, JobInfo


@dataclasses.dataclass(frozen=True)
class Settings:
    """A function's memory in MB and its architecture; `assumed` where they could not be read."""

    memory: int
    architecture: str
    assumed: bool = False


EARLIER = tuple(f"earlier mapper {number}" for number in range(1, 10))
MAPPERS = ("mapper", *EARLIER)
"""The roles of mappers: a job that was resumed may have had several functions."""


def names_of(s3: Any, job: JobInfo, data: JobData) -> dict[str, str]:
    """The names of the job's functions by role, as far as they can be told."""
    found = {
        "driver": data.driver_function,
        "mapper": data.mapper_function,
        "coordinator": coordinator_of(s3, job),
        "reducer": job.reducer_function,
    }
    found |= zip(EARLIER, data.earlier_mappers, strict=False)
    return {role: name for role, name in found.items() if name}


def coordinator_of(s3: Any, job: JobInfo) -> str:
    """The function that the job's bucket wakes, or "" where the trigger may not be read."""
    try:
        configuration = s3.get_bucket_notification_configuration(Bucket=job.job_bucket)
    except ClientError as error:
        if not is_denied(error):
            raise
        return ""
    entry = covering_entry(configuration, JobKeys(job.job_id).task_prefix)
    return str(entry["LambdaFunctionArn"]).split(":function:")[-1].split(":")[0] if entry else ""


def settings_of(functions: Any, name: str, role: str) -> Settings:
    """A function's configuration; assumed where it may not be read, or the function is gone, or
    its name is not known ("").
    """
    if not name:
        return assumed_settings(role)
    try:
        found = functions.get_function_configuration(FunctionName=name)
    except ClientError as error:
        if not is_denied(error) and error_code(error) != "ResourceNotFoundException":
            raise
        return assumed_settings(role)
    return Settings(int(found["MemorySize"]), found.get("Architectures", ["x86_64"])[0])


def assumed_settings(role: str) -> Settings:
    """What scns.json gives a function of this role."""
    return Settings(MEMORY_MB[role], "x86_64", assumed=True)
