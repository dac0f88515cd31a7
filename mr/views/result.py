"""A job's answer, for a person or a program to read.

JSON has every key and value exactly. CSV is for eyes and spreadsheets: line ends within a cell are
quoted, and what a terminal would obey stands as an escape.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from aws import s3json, s3stream
from aws.client import error_code
from errors import JobError, visible
from state.fields import Fields
from state.keys import JobKeys

FIRST_BYTES = 4096


def read_result(s3: Any, bucket: str, job_id: str) -> dict[str, Any]:
    """The answer, group -> value. JobError where there is none yet."""
    key = JobKeys(job_id).result
    try:
        result = s3json.read_json(s3, bucket, key, most=None)
    except ClientError as error:
        if error_code(error) != "NoSuchKey":
            raise
        raise JobError(
            f"s3://{bucket}/{key} does not exist: the job is not done, or there is none; "
            f"`job.py status {bucket} {job_id}` tells"
        ) from error
    return Fields(result, f"s3://{bucket}/{key}").value


def choose(groups: Mapping[str, Any], sort: str, top: int | None) -> list[tuple[str, Any]]:
    """Pairs by key, or by value with the largest first, and the first `top` of them; pure.

    JobError where values have no order.
    """
    by_key = sorted(groups.items(), key=lambda pair: pair[0])
    if sort == "key":
        return by_key[:top]
    try:
        return sorted(by_key, key=lambda pair: pair[1], reverse=True)[:top]
    except TypeError as error:
        raise JobError(
            f"the values of this job cannot be sorted ({error}): leave out --sort value"
        ) from error


def first_groups(s3: Any, bucket: str, job_id: str, count: int) -> list[tuple[str, Any]]:
    """The first `count` groups of an answer in their order there, from its first bytes alone."""
    key = JobKeys(job_id).result
    head = b"".join(s3stream.read_chunks(s3, bucket, key, end=FIRST_BYTES))
    return whole_pairs(head.decode(errors="ignore"))[:count]


def whole_pairs(text: str) -> list[tuple[str, Any]]:
    """The pairs of a JSON object that is cut off somewhere, as far as they are whole; pure."""
    decoder = json.JSONDecoder()
    pairs: list[tuple[str, Any]] = []
    position = 1
    try:
        while True:
            key, position = decoder.raw_decode(text, position)
            value, position = decoder.raw_decode(text, text.index(":", position) + 1)
            if text[position] not in ",}":  # a number may go on
                return pairs
            pairs.append((key, value))
            position += 1
    except (ValueError, IndexError, RecursionError):
        return pairs


def write(pairs: list[tuple[str, Any]], form: str) -> None:
    """Print pairs on standard output: "json" as one object; "csv" with a header; "csv-safe" as CSV
    in which no cell is a formula for a spreadsheet.
    """
    if form == "json":
        print(json.dumps(dict(pairs)))
        return
    writer = csv.writer(_Lines(), lineterminator="\r\n")
    writer.writerow(("key", "value"))
    safe = harmless if form == "csv-safe" else str
    writer.writerows((safe(_cell(key)), safe(_cell(value))) for key, value in pairs)


class _Lines:
    """Prints what a CSV writer gives it, which ends rows with CR LF: only then does it quote a
    bare CR too, which readers of CSV take for a row's end.
    """

    def write(self, row: str) -> None:
        print(row.removesuffix("\r\n"))


def _cell(value: Any) -> str:
    """A key or value as CSV takes it: a number or a text as it is, all else as JSON."""
    is_plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    return visible(value if is_plain else json.dumps(value), keep="\t\r\n")


_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")
_FORMULA = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""What a cell that a spreadsheet computes begins with (OWASP, "CSV Injection")."""


def harmless(cell: str) -> str:
    """A cell that no spreadsheet computes: with an apostrophe before it, unless it is a number."""
    computed = _FORMULA.match(cell) and not _NUMBER.fullmatch(cell)
    return f"'{cell}" if computed else cell
