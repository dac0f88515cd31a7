"""What AWS accepts as a name or an ARN, checked before it becomes part of a policy.

In: a value of the command line. Out: what is wrong with it, or None; `checked` makes a type for
argparse out of that. The rules of buckets, regions and functions are those of scns.json.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable

from deployment import config

Fault = Callable[[str], str | None]

_KEY_ID = r"(?:mrk-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"


def _rule(pattern: str, meaning: str) -> Fault:
    def fault(value: str) -> str | None:
        return None if re.fullmatch(pattern, value, re.ASCII) else f"{value!r} is no {meaning}"

    return fault


table_fault = _rule(
    r"[A-Za-z0-9_.-]{3,255}", "table name: 3 to 255 letters, digits, '.', '-' and '_'"
)
role_fault = _rule(r"[\w+=,.@-]{1,64}", "role name: 1 to 64 letters, digits and +=,.@-_")
policy_fault = _rule(r"[\w+=,.@-]{1,128}", "policy name: 1 to 128 letters, digits and +=,.@-_")
key_fault = _rule(
    rf"arn:aws(?:-[a-z]+)*:kms:[a-z0-9-]+:\d{{12}}:key/{_KEY_ID}",
    "ARN of a KMS key: arn:PARTITION:kms:REGION:ACCOUNT:key/ID, and no alias, which IAM does not "
    "follow; `aws kms describe-key --key-id ALIAS --query KeyMetadata.Arn` shows it",
)
bucket_fault: Fault = config.bucket_fault
region_fault: Fault = config.region_fault


def checked(fault: Fault) -> Callable[[str], str]:
    """A type for argparse: the text as it is, or what is wrong with it, at exit status 2."""

    def text(value: str) -> str:
        if wrong := fault(value):
            raise argparse.ArgumentTypeError(wrong)
        return value

    return text
