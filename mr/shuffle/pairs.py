"""Pairs on their way between functions: an output is one JSON object, key -> value.

It is written with its index, once a run, and read back whole or as far as some buckets go. What
JSON in UTF-8 cannot hold does not leave a function: the error names job, key and value.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aws import s3json, s3stream
from errors import BadRecord, JobError, brief
from jobs.base import Job
from jobs.written import Written
from shuffle import fastjson, partition
from state.jobcode import JobCode
from state.outputs import Counts
from state.runs import RUN, Run, is_of

Check = Callable[[Mapping[str, Any]], None]
"""Looks at GetObject's answer before its body is read, and raises what is wrong with it."""


class NotThereYet(JobError):
    """An output that is due has not been written by this run: another try may find it."""


# --------------------------------------------------------------------------- writing


def write_pairs(run: Run, job: Job, key: str, pairs: Mapping[Any, Any], counts: Counts) -> None:
    """Write an output of a run, unless it is there already.

    JobError, naming the pair, where JSON has no form for it; OtherRun.
    """
    body, places = as_output(job, pairs)
    metadata = {**own_metadata(run, job, counts), **places}
    run.write(
        key, lambda condition: s3json.write_body(run.s3, run.bucket, key, body, metadata, condition)
    )


def as_output(job: Job, pairs: Mapping[Any, Any]) -> tuple[bytes, dict[str, str]]:
    """An output's body, and the metadata that say what is where in it. JobError, naming the pair,
    where JSON has no form for it.
    """
    if isinstance(pairs, Written):
        return partition.join(pairs.lines())
    try:
        return partition.encode(pairs)
    except (TypeError, ValueError, RecursionError) as error:
        raise unwritable(job, pairs, error) from error


def own_metadata(run: Run, job: Job, counts: Counts) -> dict[str, str]:
    """What an output says of the task that wrote it."""
    return {**counts.to_metadata(), **code_of(job).to_metadata(), RUN: run.run_id}


def code_of(job: Job) -> JobCode:
    """What an output says of the job that wrote it."""
    return JobCode(job.name, job.digest, job.combine_name)


def unwritable(job: Job, pairs: Mapping[Any, Any], error: Exception) -> JobError:
    """The error of pairs that JSON has no form for, with the first that is to blame."""
    for key, value in pairs.items():
        try:
            partition.encode({key: value})
        except (TypeError, ValueError, RecursionError) as fault:
            return JobError(
                f"job {job.name}: the value {brief(value)} of key {brief(key)}: {fault}"
            )
    return JobError(f"job {job.name}: its pairs cannot be written as JSON: {error}")


# --------------------------------------------------------------------------- reading


def checked_for(job: Job, run: Run, where: str) -> Check:
    """A check that an output is of this run, and of the reducer's own job."""

    def check(response: Mapping[str, Any]) -> None:
        if not is_of(run.run_id, response["Metadata"]):
            raise NotThereYet(
                f"{where} is of run {response['Metadata'][RUN]}, not of this one, {run.run_id}: "
                "its own has not been written yet"
            )
        check_written_for(job, response["Metadata"], where)

    return check


def check_written_for(job: Job, metadata: Mapping[str, str], where: str) -> None:
    """JobError where an output was written by a job that combines in another way, or by another
    version of this one.

    An output that does not say so, as one of a mapper of one's own, is taken as it is.
    """
    wrote, own = JobCode.from_metadata(metadata), code_of(job).kept()
    if wrote.combine and wrote.combine != own.combine:
        raise JobError(
            f"{where} is to be combined with {wrote.combine}, but the reducer runs the job "
            f"{own.job}, with {own.combine}: give the mapper and the reducer the same "
            "MR_JOB in scns.json"
        )
    if wrote.job == own.job and wrote.digest and own.digest and wrote.digest != own.digest:
        raise JobError(
            f"{where} was written by another version of the job, {wrote}, than the reducer runs, "
            f"{own}: deploy mapper and reducer with the same file, and start the job anew"
        )


def read_part(
    s3: Any, bucket: str, key: str, buckets: tuple[int, int], size: int, check: Check
) -> Iterator[bytes]:
    """The pairs of the buckets first..end-1 of an output, as one JSON object, in chunks.

    `size` are the output's bytes, of which the place of the buckets is guessed; the index, which
    comes with the first answer, says what is missing. An output without one is read whole.
    """
    answers: list[dict[str, Any]] = []

    def on_open(response: dict[str, Any]) -> None:
        check(response)
        answers.append(response)

    start, stop = partition.guess(size, *buckets)
    chunks = s3stream.read_chunks(s3, bucket, key, on_open, start, stop)
    guessed = itertools.chain([next(chunks, b"")], chunks)
    answer, where = answers[0], f"s3://{bucket}/{key}"
    total = s3stream.size_of(answer)

    def found(first: int, end: int) -> Iterator[bytes]:
        """The bytes first..end-1: what was guessed of them, and what is missing."""
        etag, whole = answer["ETag"], (s3, bucket, key, check)
        yield from s3stream.read_chunks(*whole, first, min(start, end), etag)
        yield from s3stream.within(guessed, start, first, end)
        yield from s3stream.read_chunks(*whole, max(min(stop, total), first), end, etag)

    index = answer["Metadata"].get(partition.INDEX)
    if index is None:
        yield _only(b"".join(found(0, total)), buckets, where)
        return
    offsets = partition.unpack(index, total, where)
    first, end = partition.span(offsets, *buckets)
    # Its last byte is a comma, or the output's own brace.
    inner = found(first, end - 1) if end > first else iter(())
    portion = itertools.chain([b"{"], inner, [b"}"])
    if partition.is_exact(offsets, *buckets):
        yield from portion
    else:
        yield _only(b"".join(portion), buckets, where)


def _only(body: bytes, buckets: tuple[int, int], where: str) -> bytes:
    """The object of those of its pairs that are of the buckets first..end-1."""
    return json.dumps(partition.only(parse_output(body, where), *buckets)).encode()


def read_whole(s3: Any, bucket: str, key: str, check: Check) -> Iterator[bytes]:
    """The chunks of an output."""
    return s3stream.read_chunks(s3, bucket, key, check)


def parse_output(
    body: bytes, where: str, loads: fastjson.Loads | None = fastjson.LOADS
) -> dict[str, Any]:
    """The pairs of an output, the same with orjson and without. BadRecord where it is none."""
    output = fastjson.parse(body, loads)
    if output is None:
        output = s3json.parse(body, where)
    if not isinstance(output, dict):
        raise BadRecord(f"{where} is no output: not a JSON object but {type(output).__name__}")
    return output
