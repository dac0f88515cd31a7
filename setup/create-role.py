"""Make the role that the functions run as, or bring it up to date.

    python create-role.py --profile me --bucket MY-BUCKET-NAME ROLENAME POLICYNAME

In: policy.json, with MY-S3-BUCKET filled in by --bucket. Out: the role, and on standard output its
ARN and the line that sets AWSRole. Run again it writes only what differs, and says so.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import roles
from botocore.exceptions import ClientError

DESCRIPTION = "Runs the functions of MapReduce in Lambda"


def create_or_update(iam: Any, role: str, policy_name: str, policy: dict[str, Any]) -> str:
    """Make sure of the role, its trust and its inline policy; returns the role's ARN."""
    try:
        made = iam.create_role(
            RoleName=role,
            AssumeRolePolicyDocument=json.dumps(roles.TRUST),
            Description=DESCRIPTION,
        )
        print(f"role {role} created", file=sys.stderr)
    except ClientError as error:
        if roles.error_code(error) != "EntityAlreadyExists":
            raise
        made = iam.get_role(RoleName=role)
        print(f"role {role} was there already, trust {trusted(iam, made['Role'])}", file=sys.stderr)
    print(f"policy {policy_name} {allowed(iam, role, policy_name, policy)}", file=sys.stderr)
    return str(made["Role"]["Arn"])


def trusted(iam: Any, role: dict[str, Any]) -> str:
    """Make sure that Lambda, and nobody else, may take the role; returns what was done."""
    if roles.document(role["AssumeRolePolicyDocument"]) == roles.TRUST:
        return "unchanged"
    trust = json.dumps(roles.TRUST)
    iam.update_assume_role_policy(RoleName=role["RoleName"], PolicyDocument=trust)
    return "replaced"


def allowed(iam: Any, role: str, name: str, policy: dict[str, Any]) -> str:
    """Make sure of the role's inline policy; returns what was done."""
    try:
        found = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    except ClientError as error:
        if roles.error_code(error) != "NoSuchEntity":
            raise
    else:
        if roles.document(found) == policy:
            return "unchanged"
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy))
    return "written"


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="create-role.py",
        description="Make the IAM role of the functions from policy.json, or update it.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="""examples:
  python create-role.py --bucket MY-BUCKET-NAME ROLENAME POLICYNAME
  your own input, in another bucket:
    python create-role.py --bucket MY-BUCKET-NAME --databkt MY-DATA-BUCKET ROLENAME POLICYNAME""",
    )
    add = parser.add_argument
    add("rolename", metavar="ROLENAME", help="name of the role")
    add("policyname", metavar="POLICYNAME", help="name of its inline policy")
    add("--profile", help="AWS profile (default: as boto3 finds it)")
    add("--bucket", metavar="NAME", help="the job bucket, in place of MY-S3-BUCKET")
    add(
        "--databkt",
        metavar="NAME",
        action="append",
        help=f"an input bucket, may be repeated (default: {roles.DEFAULT_DATA_BUCKET})",
    )
    add("--tracing", action="store_true", help="for setupApps.py --turn_on_tracing")
    add("--spotwrap", metavar="NAME", help="for SpotWrap: its code bucket, s3bucket in scns.json")
    add("--spotFnsTableName", default=roles.TABLE, help="with --spotwrap: its table (%(default)s)")
    return parser


def main(argv: list[str] | None = None) -> int:
    options = make_parser().parse_args(argv)

    def command() -> None:
        data_buckets = options.databkt or [roles.DEFAULT_DATA_BUCKET]
        policy = roles.fill_in(roles.read_policy(), options.bucket, data_buckets)
        if options.tracing:
            policy["Statement"].append(roles.TRACING)
        if options.spotwrap:
            policy["Statement"] += roles.spotwrap(options.spotwrap, options.spotFnsTableName)
        iam = roles.iam_client(options.profile)
        arn = create_or_update(iam, options.rolename, options.policyname, policy)
        print(arn)
        print(f"export AWSRole={arn}")

    return roles.run_command("create-role.py", command)


if __name__ == "__main__":
    sys.exit(main())
