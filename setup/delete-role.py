# PYTHON_ARGCOMPLETE_OK: the shell may complete this command's options
"""Delete the role that create-role.py made. It may be run again and again.

    python delete-role.py --profile me ROLENAME POLICYNAME

In: the two names. Out: a line on standard error for what happened to each. A role that
create-role.py did not make is left as it is. One that has other policies, which are not ours, keeps
them and stays; the exit status is 1 in both cases.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

ROOT = Path(__file__).resolve().parent.parent
sys.path += [str(ROOT / "lambda-python"), str(ROOT / "mr")]

import naming
import roles
from aws.client import Clients, error_code
from errors import log
from naming import checked
from terminal import program

HANGS_ON = (
    ("policy", "list_role_policies", "PolicyNames[]"),
    ("policy", "list_attached_role_policies", "AttachedPolicies[].PolicyName"),
    (
        "instance profile",
        "list_instance_profiles_for_role",
        "InstanceProfiles[].InstanceProfileName",
    ),
)
"""What keeps IAM from deleting a role: its kind, the call that lists it, where the names are."""


def deleted(call: Callable[[], Any]) -> str:
    """Call, and say what happened."""
    try:
        call()
    except ClientError as error:
        if error_code(error) != "NoSuchEntity":
            raise
        return "not there"
    return "deleted"


def delete_role(iam: Any, role: str) -> str:
    """Delete the role, and say what happened. RoleError where something else hangs on it."""
    try:
        return deleted(lambda: iam.delete_role(RoleName=role))
    except ClientError as error:
        if error_code(error) != "DeleteConflict":
            raise
        raise roles.RoleError(
            f"role {role} is kept, since others use it: {', '.join(others(iam, role)) or error}"
        ) from error


def others(iam: Any, role: str) -> list[str]:
    """What hangs on the role and keeps it: policies and instance profiles."""
    return [
        f"{what} {name}"
        for what, listing, names in HANGS_ON
        for name in iam.get_paginator(listing).paginate(RoleName=role).search(names)
    ]


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="delete-role.py",
        description="Delete the IAM role of the functions and its inline policy.",
        epilog="example: python delete-role.py ROLENAME POLICYNAME",
    )
    add = parser.add_argument
    add("rolename", metavar="ROLENAME", type=checked(naming.role_fault), help="name of the role")
    add(
        "policyname",
        metavar="POLICYNAME",
        type=checked(naming.policy_fault),
        help="name of its inline policy",
    )
    add("--profile", help="AWS profile (default: as boto3 finds it)")
    return parser


def delete(options: argparse.Namespace) -> None:
    """Delete the policy and the role, as far as they are there and ours."""
    iam = Clients(profile=options.profile).make("iam")
    role, policy = options.rolename, options.policyname
    roles.find(iam, role)
    what = deleted(lambda: iam.delete_role_policy(RoleName=role, PolicyName=policy))
    log(f"policy {policy} of role {role}: {what}")
    log(f"role {role}: {delete_role(iam, role)}")


def main(argv: list[str] | None = None) -> int:
    """The command. Returns the exit status."""
    return program.run(make_parser(), delete, argv)


if __name__ == "__main__":
    sys.exit(main())
