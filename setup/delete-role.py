"""Delete the role that create-role.py made. It may be run again and again.

    python delete-role.py --profile me ROLENAME POLICYNAME

In: the two names. Out: a line on standard error for what happened to each. A role that has other
policies, which are not ours, keeps them and stays.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

import roles
from botocore.exceptions import ClientError


def deleted(call: Callable[[], Any]) -> str:
    """Call, and say what happened."""
    try:
        call()
    except ClientError as error:
        if roles.error_code(error) != "NoSuchEntity":
            raise
        return "not there"
    return "deleted"


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="delete-role.py",
        description="Delete the IAM role of the functions and its inline policy.",
        epilog="example: python delete-role.py ROLENAME POLICYNAME",
    )
    parser.add_argument("rolename", metavar="ROLENAME", help="name of the role")
    parser.add_argument("policyname", metavar="POLICYNAME", help="name of its inline policy")
    parser.add_argument("--profile", help="AWS profile (default: as boto3 finds it)")
    return parser


def main(argv: list[str] | None = None) -> int:
    options = make_parser().parse_args(argv)
    role, policy = options.rolename, options.policyname

    def command() -> None:
        iam = roles.iam_client(options.profile)
        what = deleted(lambda: iam.delete_role_policy(RoleName=role, PolicyName=policy))
        print(f"policy {policy} of role {role}: {what}", file=sys.stderr)
        print(f"role {role}: {deleted(lambda: iam.delete_role(RoleName=role))}", file=sys.stderr)

    return roles.run_command("delete-role.py", command)


if __name__ == "__main__":
    sys.exit(main())
