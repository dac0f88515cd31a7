"""A job's answer in S3: one JSON object, or, where it is too large for that, the outputs it is in.

In: the job's record. Out: its pairs, as a stream. A manifest {"parts", "groups", "bytes"} is data
from outside: it is followed to outputs of the job's own reducers alone, and of this run.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from aws import s3json, s3stream
from aws.client import error_code
from errors import BadRecord, brief
from state.fields import Fields
from state.keys import JobKeys, parse_key
from state.records import JobInfo
from state.runs import is_of, read_job
from views.jsonpairs import Pair, first_pairs, read_pairs
from views.unanswered import no_answer

PARTS = "parts"
"""The entry of an answer's metadata that says that it is a manifest."""

FIRST_BYTES = 4096


@dataclasses.dataclass(frozen=True)
class Answer:
    """The objects that hold a job's answer, without a key in common."""

    s3: Any
    job: JobInfo
    keys: tuple[str, ...]

    def pairs(self) -> Iterator[Pair]:
        """All pairs in their order there. BadRecord where an object is none of this run."""
        return itertools.chain.from_iterable(map(self._pairs_of, self.keys))

    def first(self, count: int) -> list[Pair]:
        """The first pairs, of what the first bytes hold."""
        if not self.keys:
            return []
        head = b"".join(self._chunks(self.keys[0], FIRST_BYTES))
        return first_pairs(head.decode(errors="ignore"))[:count]

    def _pairs_of(self, key: str) -> Iterator[Pair]:
        return read_pairs(self._chunks(key), self._place(key))

    def _chunks(self, key: str, end: int | None = None) -> Iterator[bytes]:
        def check(response: Mapping[str, Any]) -> None:
            if not is_of(self.job.run_id, response["Metadata"]):
                raise BadRecord(
                    f"{self._place(key)} is no longer of run {self.job.run_id}: look again"
                )

        return s3stream.read_chunks(self.s3, self.job.job_bucket, key, check, end=end)

    def _place(self, key: str) -> str:
        return f"s3://{self.job.job_bucket}/{key}"


def read_answer(s3: Any, bucket: str, job_id: str) -> Answer:
    """Where the answer of a job is. NoSuchJob, JobError where there is none yet, BadRecord."""
    job, _ = read_job(s3, bucket, job_id)
    return answer_of(s3, dataclasses.replace(job, job_bucket=bucket))


def answer_of(s3: Any, job: JobInfo) -> Answer:
    """Where the answer of a run is. JobError where there is none yet, BadRecord."""
    key = JobKeys(job.job_id).result
    metadata = _metadata(s3, job, key)
    if metadata is None or not is_of(job.run_id, metadata):
        raise no_answer(s3, job, f"s3://{job.job_bucket}/{key} does not exist")
    if PARTS not in metadata:
        return Answer(s3, job, (key,))
    manifest = s3json.read_json(s3, job.job_bucket, key)
    return Answer(s3, job, parts_of(manifest, job.job_id, f"s3://{job.job_bucket}/{key}"))


def _metadata(s3: Any, job: JobInfo, key: str) -> Mapping[str, str] | None:
    try:
        found: Mapping[str, str] = s3.head_object(Bucket=job.job_bucket, Key=key)["Metadata"]
    except ClientError as error:
        if error_code(error) not in ("404", "NoSuchKey"):
            raise
        return None
    return found


def parts_of(manifest: Any, job_id: str, where: str) -> tuple[str, ...]:
    """The keys that a manifest names; pure. BadRecord where one is no output of the job's own
    reducers, or stands there twice.
    """
    keys = Fields(manifest, where).texts(PARTS)
    for key in keys:
        parsed = parse_key(key)
        is_own = parsed and parsed.kind == "output" and parsed.step and parsed.job_id == job_id
        if not is_own:
            raise BadRecord(f"{where}: {brief(key)} is no output of a reducer of job {job_id}")
    if len(set(keys)) < len(keys):
        raise BadRecord(f"{where}: it names a part twice")
    return tuple(keys)
