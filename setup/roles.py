"""The role of the functions: its trust, and its policy out of policy.json.

In: bucket names. Out: the two JSON documents, and the few calls of IAM that create-role.py and
delete-role.py share. PolicyError with what is missing.
"""

from __future__ import annotations

import copy
import json
import re
import sys
import urllib.parse
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ProfileNotFound

POLICY_FILE = Path(__file__).resolve().parent.parent / "policy.json"
JOB_PLACEHOLDER = "MY-S3-BUCKET"
DATA_PLACEHOLDER = "MY-DATA-BUCKET"
DEFAULT_DATA_BUCKET = "big-data-benchmark"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
TRACING = {
    "Sid": "SendTraces",
    "Effect": "Allow",
    "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
    "Resource": "*",
}
"""What `setupApps.py --turn_on_tracing` needs besides; X-Ray knows no narrower resource."""

TABLE = "spotFns"

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class PolicyError(Exception):
    """The policy cannot be made; the message says what is missing."""


class RoleError(Exception):
    """A command on the role failed; the message has the fact, the value and the remedy."""


def fill_in(
    policy: dict[str, Any], job_bucket: str | None, data_buckets: Sequence[str]
) -> dict[str, Any]:
    """The policy with the buckets' names in place of the placeholders; pure.

    Each data bucket gets the statements' resources of its own. PolicyError where a placeholder
    would be left, or a name is none.
    """
    _check_names([job_bucket, *data_buckets])
    filled = copy.deepcopy(policy)
    for statement in filled["Statement"]:
        resources = statement["Resource"]
        listed = [resources] if isinstance(resources, str) else resources
        statement["Resource"] = [
            one for resource in listed for one in _expand(resource, job_bucket, data_buckets)
        ]
    if JOB_PLACEHOLDER in json.dumps(filled):
        raise PolicyError(
            f"{POLICY_FILE.name} holds the placeholder {JOB_PLACEHOLDER}: pass --bucket NAME, or "
            "write your job bucket's name there"
        )
    return filled


def _expand(resource: str, job_bucket: str | None, data_buckets: Sequence[str]) -> list[str]:
    if DATA_PLACEHOLDER in resource:
        return [resource.replace(DATA_PLACEHOLDER, name) for name in data_buckets]
    return [resource.replace(JOB_PLACEHOLDER, job_bucket) if job_bucket else resource]


def spotwrap(code_bucket: str, table: str = TABLE) -> list[dict[str, Any]]:
    """What functions need besides when they are wrapped by SpotWrap; pure. PolicyError."""
    _check_names([code_bucket])
    return [
        {
            "Sid": "ReadTheRecordingLibrary",
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{code_bucket}/spotwrap/*",
        },
        {
            "Sid": "WriteTheRecords",
            "Effect": "Allow",
            "Action": "dynamodb:BatchWriteItem",
            "Resource": f"arn:aws:dynamodb:*:*:table/{table}",
        },
    ]


def _check_names(buckets: Iterable[str | None]) -> None:
    for name in buckets:
        if name is not None and not _NAME.fullmatch(name):
            raise PolicyError(f"{name!r} is no bucket name: 3 to 63 of a-z, 0-9, '.' and '-'")


def read_policy(path: Path = POLICY_FILE) -> dict[str, Any]:
    """policy.json as it is. PolicyError where it is not JSON."""
    try:
        policy: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PolicyError(f"{path}: {error}") from error
    return policy


def document(found: str | dict[str, Any]) -> dict[str, Any]:
    """A policy document as IAM gives it: boto3 has decoded it, or it is URL-encoded JSON; pure."""
    if isinstance(found, dict):
        return found
    decoded: dict[str, Any] = json.loads(urllib.parse.unquote(found))
    return decoded


def iam_client(profile: str | None) -> Any:
    """The IAM client of a profile. IAM has no region. RoleError where its address is none."""
    session = boto3.Session(profile_name=profile)
    try:
        return session.client("iam")
    except ValueError as error:
        raise RoleError(f"{error}: correct AWS_ENDPOINT_URL, or unset it") from error


def error_code(error: ClientError) -> str:
    """The code of an AWS error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def run_command(program: str, command: Callable[[], None]) -> int:
    """Carry out a command; what a user can cause is a line on standard error, not a traceback."""
    try:
        command()
    except PolicyError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 2
    except (NoCredentialsError, ProfileNotFound) as error:
        hint = "run `aws configure`, or set AWS_PROFILE, or pass --profile"
        print(f"{program}: {error}: {hint}", file=sys.stderr)
        return 1
    except (RoleError, ClientError, BotoCoreError) as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 1
    return 0
