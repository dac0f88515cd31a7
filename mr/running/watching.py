"""Watching a job from outside: waiting for its result, and helping it on where it stands still.

The waiting ends when the result is there, with JobTimedOut at its deadline, with JobError once a
function has failed in a way that no other try mends, or with OtherRun once the job id is taken by
another run. A job that stands still because an event or a reducer was lost is nudged: the last
mapper's output is copied onto itself, which makes S3 send its event again.
"""

from __future__ import annotations

import math
import shlex
import time
from collections.abc import Callable
from typing import Any

from errors import JobError, log
from state.failures import final_failure
from state.keys import JobKeys
from state.progress import Progress, look
from state.records import JobInfo
from state.runs import read_job

FIRST_POLL = 0.2
LONGEST_POLL = 2.0
EVENT_SECONDS = 30
"""An S3 event that should have led to the next step by now. A nudge too many does no harm."""
LONGEST_PAUSE = 120
"""Seconds after which Lambda at last tries an event again whose function failed."""


class JobTimedOut(JobError):
    """A job has no result when its deadline passes."""

    def __init__(self, job: JobInfo, timeout: float, progress: Progress) -> None:
        words = shlex.join([job.job_bucket, job.job_id])
        super().__init__(
            f"job {job.job_id} has no result after {timeout:.0f} s: {progress}. It may still end: "
            f"look again later; `python job.py resume {words}` starts what is missing"
        )
        self.progress = progress


def wait_for_result(
    s3: Any,
    job: JobInfo,
    timeout: float,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
    on_look: Callable[[Progress], None] = lambda progress: None,
    until: float | None = None,
) -> None:
    """Return when the job's result is there.

    JobTimedOut after `timeout` seconds, which begin anew with every mapper that ends, or at the
    moment `until`; JobError as soon as a function of it has failed for good. `on_look` is called
    at every look, `on_progress` where something has changed.
    """
    start = moved = nudged = clock()
    poll, before = FIRST_POLL, None
    while True:
        progress = look(s3, job)
        now = clock()
        on_look(progress)
        if progress != before:
            moved, before, poll = now, progress, FIRST_POLL
            start = start if progress.step or not progress.missing else now
            on_progress(progress)
        if progress.finished:
            return
        if failure := final_failure(s3, job, progress.failed):
            raise JobError(f"job {job.job_id} has failed, no result will come: {failure}")
        deadline = min(start + timeout, until or math.inf)
        if now > deadline:
            raise JobTimedOut(job, now - start, progress)
        if needs_nudge(progress, now, max(moved, nudged)):
            nudge(s3, job, progress)
            nudged = now
        sleep(min(poll, max(0.0, deadline - now) + 0.01))
        poll = min(LONGEST_POLL, poll * 1.5)


def needs_nudge(progress: Progress, now: float, quiet_since: float) -> bool:
    """Whether a job stands still: a complete step nobody takes up, or a claim that has expired."""
    if now - quiet_since < EVENT_SECONDS:
        return False
    if not progress.missing:
        return True
    return progress.expires is not None and now > progress.expires


def stands_still(progress: Progress, now: float, changed: float, mapper_timeout: float) -> bool:
    """Whether nobody is at work for a job: as `needs_nudge` has it, or mappers are missing, and
    for longer than any of them may run nothing has changed; pure.

    Lambda tries a function that was killed again after one minute, and once more after two.
    """
    mappers_ended = now - changed > mapper_timeout + LONGEST_PAUSE
    waits_for_mappers = bool(progress.missing) and not progress.step
    return needs_nudge(progress, now, changed) or (waits_for_mappers and mappers_ended)


def wake(s3: Any, bucket: str, job_id: str) -> str:
    """Have a job's coordinator look again where the job is; says what was done. JobError where
    there is no such job, or mappers are missing: no event helps these.
    """
    job, _ = read_job(s3, bucket, job_id)
    progress = look(s3, job)
    if progress.finished:
        return f"job {job_id} is done: there is nothing to wake"
    if progress.missing and not progress.step:
        raise JobError(
            f"job {job_id} waits for its mappers, not for an event: {progress}. Look at "
            f"`python job.py logs {shlex.join([bucket, job_id])}`"
        )
    nudge(s3, job, progress)
    return f"job {job_id} is woken: look at its status in some seconds"


def nudge(s3: Any, job: JobInfo, progress: Progress) -> None:
    """Have S3 send the event of a task object again, by copying it onto itself."""
    key = JobKeys(job.job_id).mapper_output(job.map_count)
    log(f"job {job.job_id} stands still ({progress}): waking the coordinator with {key}")
    metadata = s3.head_object(Bucket=job.job_bucket, Key=key)["Metadata"]
    s3.copy_object(
        Bucket=job.job_bucket,
        Key=key,
        CopySource={"Bucket": job.job_bucket, "Key": key},
        Metadata=metadata,
        MetadataDirective="REPLACE",  # S3 refuses a copy onto itself that changes nothing
    )
