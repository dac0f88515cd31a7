# PYTHON_ARGCOMPLETE_OK: the shell may complete this command's options
"""Make the role that the functions run as, or bring it up to date.

    python create-role.py --profile me --bucket MY-BUCKET-NAME ROLENAME POLICYNAME

In: policy.json, scns.json, the buckets' names, and the account of the credentials. Out: the role,
which may do what policy.json says on exactly these buckets and functions; on standard output its
ARN and the line that sets AWSRole. Run again it writes only what differs, and says so.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

ROOT = Path(__file__).resolve().parent.parent
sys.path += [str(ROOT / "lambda-python"), str(ROOT / "mr")]

import deployment
import naming
import policy
import roles
from aws.client import Clients, error_code
from errors import log
from naming import checked
from terminal import program

SHOWN = {"functions": policy.FUNCTIONS, "deployer": policy.DEPLOYER}


def create_or_update(iam: Any, role: str, policy_name: str, document: dict[str, Any]) -> str:
    """Make sure of the role, its trust and its inline policy; returns the role's ARN.

    RoleError where there is a role of that name that is not ours.
    """
    found = roles.find(iam, role)
    if found is None:
        found = create(iam, role)
        log(f"role {role} created")
    else:
        said = f"role {role} was there already, trust {trusted(iam, found)}"
        log(said + tagged(iam, found))
    log(f"policy {policy_name} {allowed(iam, role, policy_name, document)}")
    return str(found["Arn"])


def create(iam: Any, role: str) -> dict[str, Any]:
    """Make the role, with our tag; returns it as IAM describes it."""
    made: dict[str, Any] = iam.create_role(
        RoleName=role,
        AssumeRolePolicyDocument=json.dumps(roles.TRUST),
        Description=roles.DESCRIPTION,
        Tags=[roles.TAG],
    )["Role"]
    return made


def trusted(iam: Any, role: dict[str, Any]) -> str:
    """Make sure that Lambda, and nobody else, may take the role; returns what was done."""
    if roles.is_trusted(role):
        return "unchanged"
    trust = json.dumps(roles.TRUST)
    iam.update_assume_role_policy(RoleName=role["RoleName"], PolicyDocument=trust)
    return "replaced"


def tagged(iam: Any, role: dict[str, Any]) -> str:
    """Make sure of our tag, which roles of earlier versions lack; returns what was done."""
    if roles.is_tagged(role):
        return ""
    iam.tag_role(RoleName=role["RoleName"], Tags=[roles.TAG])
    return ", tagged"


def allowed(iam: Any, role: str, name: str, document: dict[str, Any]) -> str:
    """Make sure of the role's inline policy; returns what was done."""
    try:
        found = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    except ClientError as error:
        if error_code(error) != "NoSuchEntity":
            raise
    else:
        if roles.document(found) == document:
            return "unchanged"
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
    return "written"


def names(
    options: argparse.Namespace, deployed: deployment.Deployment, account: roles.Account
) -> dict[str, list[str]]:
    """What each placeholder of the policies stands for; pure."""
    code_buckets = {*deployed.code_buckets, *filter(None, [options.spotwrap])}
    job_bucket = {policy.JOB_BUCKET: [options.bucket]} if options.bucket else {}
    return {
        **job_bucket,
        "MY-DATA-BUCKET": options.databkt or [policy.DEFAULT_DATA_BUCKET],
        "MY-CODE-BUCKET": sorted(code_buckets),
        "MY-PARTITION": [account.partition],
        "MY-ACCOUNT": [account.number],
        "MY-REGION": [deployed.region],
        "MY-FUNCTION": list(deployed.functions),
        "MY-WORKER": list(deployed.workers),
        "MY-ROLE": [options.rolename],
        "MY-TABLE": [options.spotFnsTableName] if code_buckets else [],
        "MY-TABLE-REGION": [options.spotFnsTableRegion or deployed.region],
        "MY-KMS-KEY": options.kms_key,
    }


def extras(options: argparse.Namespace, template: Path) -> list[dict[str, Any]]:
    """The statements that options add to a template; pure."""
    of_functions = template == policy.FUNCTIONS
    return [
        policy.KEYS,
        *([policy.TRACING] if options.tracing and of_functions else []),
        *(policy.SPOTWRAP if options.spotwrap and of_functions else []),
    ]


EXAMPLES = """examples:
  python create-role.py --bucket MY-BUCKET-NAME ROLENAME POLICYNAME
  your own input, in another bucket:
    python create-role.py --bucket MY-BUCKET-NAME --databkt MY-DATA-BUCKET ROLENAME POLICYNAME
  see what whoever deploys must be allowed to do:
    python create-role.py --bucket MY-BUCKET-NAME --show deployer ROLENAME POLICYNAME

exit status: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted"""


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="create-role.py",
        description="Make the IAM role of the functions from policy.json, or update it.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=EXAMPLES,
    )
    add = parser.add_argument
    add("rolename", metavar="ROLENAME", type=checked(naming.role_fault), help="name of the role")
    add(
        "policyname",
        metavar="POLICYNAME",
        type=checked(naming.policy_fault),
        help="name of its inline policy",
    )
    add("--config", "-f", default="scns.json", help="names region and functions (%(default)s)")
    add("--profile", help="AWS profile (default: as boto3 finds it)")
    _add_buckets(add)
    add("--tracing", action="store_true", help="for setupApps.py --turn_on_tracing")
    _add_spotwrap(add)
    add(
        "--show",
        choices=SHOWN,
        help="print a policy and change nothing: that of the functions, or what whoever deploys "
        "needs",
    )
    return parser


def _add_buckets(add: Callable[..., argparse.Action]) -> None:
    bucket = checked(naming.bucket_fault)
    add("--bucket", metavar="NAME", type=bucket, help="the job bucket, in place of MY-S3-BUCKET")
    add(
        "--databkt",
        metavar="NAME",
        type=bucket,
        action="append",
        help=f"an input bucket, may be repeated (default: {policy.DEFAULT_DATA_BUCKET})",
    )
    add(
        "--kms-key",
        metavar="ARN",
        type=checked(naming.key_fault),
        action="append",
        default=[],
        help="a customer-managed key of these buckets, may be repeated",
    )


def _add_spotwrap(add: Callable[..., argparse.Action]) -> None:
    add(
        "--spotwrap",
        metavar="NAME",
        type=checked(naming.bucket_fault),
        help="for SpotWrap: its code bucket, s3bucket in scns.json",
    )
    add(
        "--spotFnsTableName",
        default=policy.TABLE,
        type=checked(naming.table_fault),
        help="with --spotwrap: its table (%(default)s)",
    )
    add(
        "--spotFnsTableRegion",
        type=checked(naming.region_fault),
        help="its region (default: that of the functions)",
    )


def make(options: argparse.Namespace) -> None:
    """Make the role or update it, or show a policy."""
    deployed = deployment.read(options.config)
    clients = Clients(deployed.region, options.profile)
    template = SHOWN[options.show or "functions"]
    standing = names(options, deployed, roles.account(clients.make("sts")))
    document = policy.make(template, extras(options, template), standing)
    if options.show:
        print(json.dumps(document, indent=4))
        return
    arn = create_or_update(clients.make("iam"), options.rolename, options.policyname, document)
    print(arn)
    print(f"export AWSRole={arn}")


def main(argv: list[str] | None = None) -> int:
    """The command. Returns the exit status."""
    return program.run(make_parser(), make, argv)


if __name__ == "__main__":
    sys.exit(main())
