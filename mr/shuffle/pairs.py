"""Pairs on their way between functions: an output is one JSON object, key -> value.

In: what a job made, as a dict. Out: the object in S3, with its index; and the same pairs read
back, all of them or those of some buckets.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aws import s3json, s3stream
from errors import BadRecord, JobError
from jobs.base import COMBINE, MAX_EXAMPLE, Job
from shuffle import partition
from state.outputs import Counts
from state.runs import RUN, Run, is_of

try:  # reading JSON is most of a reducer's time; orjson is an option of the deployment
    from orjson import loads
except ImportError:
    from json import loads

Check = Callable[[Mapping[str, Any]], None]
"""Looks at GetObject's answer before its body is read, and raises what is wrong with it."""


class NotThereYet(JobError):
    """An output that is due has not been written by this run: another try may find it."""


# --------------------------------------------------------------------------- writing


def write_pairs(run: Run, job: Job, key: str, pairs: Mapping[Any, Any], counts: Counts) -> None:
    """Write an output of a run, unless it is there already.

    JobError, naming the pair, where JSON has no form for it; OtherRun.
    """
    try:
        body, places = partition.encode(pairs)
    except (TypeError, ValueError, RecursionError) as error:
        raise unwritable(job, pairs, error) from error
    metadata = {**own_metadata(run, job, counts), **places}
    run.write(
        key, lambda condition: s3json.write_body(run.s3, run.bucket, key, body, metadata, condition)
    )


def own_metadata(run: Run, job: Job, counts: Counts) -> dict[str, str]:
    """What an output says of the task that wrote it."""
    return {**counts.to_metadata(), COMBINE: job.combine_name, RUN: run.run_id}


def unwritable(job: Job, pairs: Mapping[Any, Any], error: Exception) -> JobError:
    """The error of pairs that JSON has no form for, with the first that is to blame."""
    for key, value in pairs.items():
        try:
            partition.encode({key: value})
        except (TypeError, ValueError, RecursionError) as fault:
            shown = repr(value)[:MAX_EXAMPLE]
            return JobError(f"job {job.name}: the value {shown} of key {key!r}: {fault}")
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
        job.check_written_for(response["Metadata"], where)

    return check


def read_part(
    s3: Any, bucket: str, key: str, buckets: tuple[int, int], size: int, check: Check
) -> Iterator[bytes]:
    """The pairs of the buckets first..end-1 of an output, as one JSON object in one piece.

    `size` are the output's bytes, of which the place of the buckets is guessed; the index, which
    comes with the first answer, says what is missing. An output without one is read whole.
    """
    answers: list[dict[str, Any]] = []

    def on_open(response: dict[str, Any]) -> None:
        check(response)
        answers.append(response)

    start, stop = partition.guess(size, *buckets)
    body = b"".join(s3stream.read_chunks(s3, bucket, key, on_open, start, stop))
    answer, where = answers[0], f"s3://{bucket}/{key}"

    def more(first: int, end: int) -> bytes:
        etag = answer["ETag"]
        return b"".join(s3stream.read_chunks(s3, bucket, key, check, first, end, etag))

    total = int(answer["ContentRange"].rpartition("/")[2])
    index = answer["Metadata"].get(partition.INDEX)
    if index is None:
        whole = more(0, start) + body + more(start + len(body), total)
        yield json.dumps(partition.only(parse_output(whole, where), *buckets)).encode()
        return
    offsets = partition.unpack(index, total, where)
    first, end = partition.span(offsets, *buckets)
    body = more(first, min(start, end)) + body[max(0, first - start) : max(0, end - start)]
    body += more(max(stop, first), end)
    piece = partition.as_object(body) if body else b"{}"
    if not partition.is_exact(offsets, *buckets):
        piece = json.dumps(partition.only(parse_output(piece, where), *buckets)).encode()
    yield piece


def read_whole(s3: Any, bucket: str, key: str, check: Check) -> Iterator[bytes]:
    """The chunks of an output."""
    return s3stream.read_chunks(s3, bucket, key, check)


def parse_output(body: bytes, where: str) -> dict[str, Any]:
    """The pairs of an output. BadRecord where it is none."""
    try:
        output = loads(body)
    except ValueError as error:
        raise BadRecord(f"{where} is not JSON: {error}") from error
    if not isinstance(output, dict):
        raise BadRecord(f"{where} is no output: not a JSON object but {type(output).__name__}")
    return output
