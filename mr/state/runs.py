"""Runs: a run takes a job id, and whoever works for it finds out when another has taken it since.

What a run writes bears its id. `JOB/jobinfo.json` names the run that the job id belongs to, and is
written on condition, so that of two drivers one is refused. A function looks there before it
starts, now and then while it works, and before it writes; the write itself is conditional too, so
that what an earlier run left, or leaves late, never takes the place of this run's, and of two tries
of a task the first counts.
"""

from __future__ import annotations

import dataclasses
import hashlib
import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from aws import s3json
from aws.client import error_code
from errors import JobError
from state.keys import JobKeys
from state.records import JobInfo

RUN = "runid"
"""The entry of an object's metadata that says whose it is."""

WRITE_TRIES = 8


class NoSuchJob(JobError):
    """There is no record of the job."""


class OtherRun(JobError):
    """The job id belongs to another run: nothing is to be written for this one."""


class RunCancelled(OtherRun):
    """The run was cancelled, so the job id is nobody's: nothing is to be written for it."""


def read_job(s3: Any, bucket: str, job_id: str) -> tuple[JobInfo, str]:
    """A job's record and its ETag. NoSuchJob where there is none, BadRecord where it is none."""
    key = JobKeys(job_id).jobinfo
    try:
        value, etag = s3json.read_json_and_etag(s3, bucket, key)
    except ClientError as error:
        if error_code(error) != "NoSuchKey":
            raise
        raise NoSuchJob(
            f"there is no job {job_id} in s3://{bucket}/{job_id}/: check the bucket and the job id"
        ) from error
    return JobInfo.from_json(value, job_id), etag


def is_of(run_id: str, metadata: Mapping[str, str]) -> bool:
    """Whether an object belongs to a run; one that names none, as a mapper of one's own writes
    it, belongs to the run that is there.
    """
    return metadata.get(RUN, run_id) == run_id


@dataclasses.dataclass(frozen=True)
class Run:
    """One execution of a job, as a function that works for it sees it. `run_id` is "" where
    neither an event nor a record names a run.
    """

    s3: Any
    bucket: str
    job_id: str
    run_id: str

    @classmethod
    def joined(cls, s3: Any, bucket: str, job_id: str, run_id: str) -> Run:
        """The run that an event belongs to: `run_id`, or the one that is there. OtherRun where
        that is over.
        """
        there = _run_there(s3, bucket, job_id)
        run = cls(s3, bucket, job_id, run_id or (there.run_id if there else ""))
        run._compare(there)
        return run

    def check(self) -> None:
        """OtherRun where the job id belongs to another run by now."""
        self._compare(_run_there(self.s3, self.bucket, self.job_id))

    def _compare(self, job: JobInfo | None) -> None:
        there = job.run_id if job else ""
        if there != self.run_id:
            raise OtherRun(
                f"job {self.job_id} belongs to {f'run {there}' if there else 'no run'} now, not to "
                f"run {self.run_id}: nothing is written"
            )
        if job and job.cancelled:
            raise RunCancelled(f"job {self.job_id} was {job.cancelled}: nothing is written")

    def write(
        self,
        key: str,
        put: Callable[[Mapping[str, str]], Any],
        sleep: Callable[[float], None] = time.sleep,
    ) -> bool:
        """Write an object of this run, once: False where it is there already. OtherRun.

        `put` writes it under the condition that it is given, IfNoneMatch or IfMatch.
        """
        condition = {"IfNoneMatch": "*"}
        for attempt in range(WRITE_TRIES):
            self.check()
            try:
                put(condition)
                return True
            except ClientError as error:
                code = error_code(error)
                if code not in ("PreconditionFailed", "NoSuchKey", "ConditionalRequestConflict"):
                    raise
                if attempt == WRITE_TRIES - 1:
                    raise
            if code == "ConditionalRequestConflict":  # a race that S3 leaves undecided
                sleep(random.uniform(0, 0.1 * 2**attempt))  # noqa: S311 - jitter, not a secret
                continue
            found = self._head(key)
            if found is not None and is_of(self.run_id, found["Metadata"]):
                return False
            condition = {"IfMatch": found["ETag"]} if found else {"IfNoneMatch": "*"}
        raise AssertionError("unreachable: the last try returns or raises")

    def job_file(self, digest: str) -> bytes:
        """The job's file that goes with the run. JobError where it is not what was sent."""
        key = JobKeys(self.job_id).job_file(digest)
        body = bytes(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        if hashlib.sha256(body).hexdigest() != digest:
            raise JobError(
                f"s3://{self.bucket}/{key} is not the file that the driver sent: nothing of it is "
                "run; find out who wrote it, and start the job anew"
            )
        return body

    def write_json(self, key: str, value: Any) -> bool:
        """Write a record of this run, once: False where it is there already. OtherRun."""
        return self.write_body(key, s3json.json_bytes(value))

    def write_body(self, key: str, body: bytes) -> bool:
        """Write an object of this run, once: False where it is there already. OtherRun."""
        own = {RUN: self.run_id}
        return self.write(
            key, lambda how: s3json.write_body(self.s3, self.bucket, key, body, own, how)
        )

    def _head(self, key: str) -> dict[str, Any] | None:
        try:
            return dict(self.s3.head_object(Bucket=self.bucket, Key=key))
        except ClientError as error:
            if error_code(error) not in ("404", "NoSuchKey"):
                raise
            return None


def _run_there(s3: Any, bucket: str, job_id: str) -> JobInfo | None:
    """The job that a job id belongs to, whose record may name no run; None where there is none."""
    try:
        return read_job(s3, bucket, job_id)[0]
    except NoSuchJob:
        return None
