"""Policies out of templates: policy.json and deployer-policy.json, their placeholders filled in.

In: a template, and the names that each placeholder stands for. Out: the document as IAM takes it.
A resource is written once for each name of its placeholders, so that nothing is allowed on what a
deployment does not name. PolicyError with what is missing.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from errors import UsageError

HERE = Path(__file__).resolve().parent
FUNCTIONS = HERE.parent / "policy.json"
"""What the functions may do: the policy of their role."""

DEPLOYER = HERE / "deployer-policy.json"
"""What someone must be allowed to do who makes the role, deploys and runs jobs."""

JOB_BUCKET = "MY-S3-BUCKET"
DEFAULT_DATA_BUCKET = "big-data-benchmark"
TABLE = "spotFns"

_PLACEHOLDER = re.compile(r"MY-[A-Z0-9]+(?:-[A-Z0-9]+)*")

TRACING = {
    "Sid": "SendTraces",
    "Effect": "Allow",
    "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
    "Resource": "*",
}
"""What functions need besides for `setupApps.py --turn_on_tracing`; X-Ray knows no narrower
resource."""

SPOTWRAP = [
    {
        "Sid": "ReadTheRecordingLibrary",
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": "arn:MY-PARTITION:s3:::MY-CODE-BUCKET/spotwrap/*",
    },
    {
        "Sid": "WriteTheRecords",
        "Effect": "Allow",
        "Action": "dynamodb:BatchWriteItem",
        "Resource": "arn:MY-PARTITION:dynamodb:MY-TABLE-REGION:MY-ACCOUNT:table/MY-TABLE",
    },
]
"""What functions need besides when they are wrapped by SpotWrap."""

KEYS = {
    "Sid": "UseTheKeysOfTheBuckets",
    "Effect": "Allow",
    "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
    "Resource": "MY-KMS-KEY",
}
"""What anyone needs who reads and writes objects under customer-managed keys (SSE-KMS)."""


class PolicyError(UsageError):
    """The policy cannot be made; the message says what is missing."""


def make(
    path: Path, more: Iterable[Mapping[str, Any]], names: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """The policy of a template file and `more` statements.

    `names` has what each placeholder stands for. PolicyError where one of them would be left.
    """
    template = read(path)
    statements = [*template["Statement"], *more]
    for holder in placeholders(statements):
        if holder not in names:
            raise PolicyError(f"{path.name} holds the placeholder {holder}: {_remedy(holder)}")
    return {**template, "Statement": fill_in(statements, names)}


def _remedy(holder: str) -> str:
    if holder == JOB_BUCKET:
        return "pass --bucket NAME, or write your job bucket's name there"
    return "write the name itself there"


def read(path: Path) -> dict[str, Any]:
    """A template as it is. PolicyError where it is not JSON, or no policy."""
    try:
        template = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PolicyError(f"{path}: {error}") from error
    if not _is_policy(template):
        raise PolicyError(f"{path}: a policy has a list Statement, whose items have a Resource")
    return dict(template)


def _is_policy(value: Any) -> bool:
    statements = value.get("Statement") if isinstance(value, dict) else None
    return isinstance(statements, list) and all(map(_is_statement, statements))


def _is_statement(value: Any) -> bool:
    found = value.get("Resource") if isinstance(value, dict) else None
    listed = found if isinstance(found, list) else [found]
    return all(isinstance(one, str) for one in listed)


def placeholders(statements: Iterable[Mapping[str, Any]]) -> list[str]:
    """The placeholders of statements, in order; pure."""
    found = (_PLACEHOLDER.findall(one) for each in statements for one in resources(each))
    return list(dict.fromkeys(itertools.chain.from_iterable(found)))


def fill_in(
    statements: Iterable[Mapping[str, Any]], names: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    """Statements with names in place of the placeholders; pure.

    Where a placeholder stands for nothing, its resources go, and a statement without any goes too.
    """
    filled = []
    for statement in statements:
        made = [one for each in resources(statement) for one in _expand(each, names)]
        filled += [{**statement, "Resource": made}] if made else []
    return filled


def resources(statement: Mapping[str, Any]) -> list[str]:
    """The resources of a statement, which may have one or a list."""
    found = statement["Resource"]
    return [found] if isinstance(found, str) else list(found)


def _expand(resource: str, names: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The resource with each combination of what its placeholders stand for."""
    holders = list(dict.fromkeys(_PLACEHOLDER.findall(resource)))
    for chosen in itertools.product(*(names[holder] for holder in holders)):
        yield _put(resource, dict(zip(holders, chosen, strict=True)))


def _put(resource: str, stands_for: Mapping[str, str]) -> str:
    """The resource with one name for each placeholder; a name is not looked at again."""
    return _PLACEHOLDER.sub(lambda match: stands_for[match[0]], resource)
