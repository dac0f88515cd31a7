"""Deploys the functions of a configuration file, and deletes them again.

    python setupApps.py -f scns.json --no_spotwrap
    python setupApps.py -f scns.json --deleteAll

In: scns.json, and the role in the environment (AWSRole). Out: functions in Lambda, the S3 trigger;
one line a function on standard error. Exit status: 0 done, 1 failed, 2 wrong usage or
configuration.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

import bundle
import config
from awsclients import Clients
from bundle import BundleError
from config import Config, ConfigError, FunctionSpec
from lambdamanager import DeployError, Desired, LambdaManager
from trigger import Trigger, TriggerManager

ROLE_VARIABLES = ("AWSRole", "serverless_mapreduce_role")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/.+")


def say(line: str) -> None:
    """Progress, for a person to read."""
    print(line, file=sys.stderr, flush=True)


def role_from(environment: dict[str, str]) -> str:
    """The role of the functions, from the environment. ConfigError where it is not set."""
    for name in ROLE_VARIABLES:
        if role := environment.get(name):
            if not _ROLE.fullmatch(role):
                raise ConfigError(f"{name} is {role!r}, not the ARN of a role")
            return role
    raise ConfigError(
        f"the role of the functions is not set: export {ROLE_VARIABLES[0]}=ARN; "
        "setup/create-role.py makes a role and prints that line"
    )


def trigger_of(spec: FunctionSpec) -> Trigger | None:
    """The trigger that a function asks for."""
    return Trigger(spec.name, spec.permission, spec.job_id) if spec.permission else None


def desired(spec: FunctionSpec, role: str, tracing: bool) -> Desired:
    """What a function of the file should be in Lambda."""
    return Desired(
        name=spec.name,
        code=bundle.build(spec.sources),
        handler=spec.handler,
        role=role,
        memory=spec.memory,
        timeout=spec.timeout,
        runtime=spec.runtime,
        architecture=spec.architecture,
        environment=spec.environment,
        layers=spec.layers,
        tracing=tracing,
        zip_name=spec.zip_name,
        code_bucket=spec.code_bucket,
    )


def deploy(settings: Config, clients: Clients, options: argparse.Namespace) -> int:
    """Create or update every function and wire the triggers. Returns the exit status."""
    role = role_from(dict(os.environ))
    wanted = [desired(spec, role, options.turn_on_tracing) for spec in settings.functions]
    manager, triggers = LambdaManager(clients), TriggerManager(clients)
    for spec in settings.functions:
        if trigger := trigger_of(spec):
            triggers.check_bucket(trigger.bucket)
    done = []
    for spec, function in zip(settings.functions, wanted, strict=True):
        what = manager.deploy(function, must_exist=options.update)
        trigger = trigger_of(spec)
        if trigger and not options.update:
            wired = triggers.deploy(trigger, manager.arn(spec.name))
            what += f", trigger on s3://{trigger.bucket}/{trigger.job_id or ''} {wired}"
        say(f"{spec.name}: {what}")
        done.append(what)
    changed = sum(not what.startswith("unchanged") for what in done)
    say(f"{len(done)} functions in {clients.region}: {changed} changed, the rest as they were.")
    return 0


def delete_all(settings: Config, clients: Clients, options: argparse.Namespace) -> int:
    """Delete what `deploy` made, as far as it is there. Returns the exit status."""
    manager, triggers = LambdaManager(clients), TriggerManager(clients)
    steps: list[Step] = []
    for spec in settings.functions:
        if trigger := trigger_of(spec):
            where = f"{spec.name}: {{}} of s3://{trigger.bucket}"
            steps.append((where.format("notification"), triggers.delete_notification, trigger))
            steps.append((where.format("permission"), triggers.delete_permission, trigger))
        steps.append((f"{spec.name}: function", manager.delete, spec.name))
        steps.append((f"{spec.name}: log group", manager.delete_logs, spec.name))
    for bucket in sorted({spec.permission for spec in settings.functions if spec.permission}):
        if options.saveTriggerBucket:
            say(f"s3://{bucket}: contents kept")
        else:
            steps.append((f"s3://{bucket}: contents", triggers.empty_bucket, bucket))
    failed = [step for step in steps if not carry_out(*step)]
    say(f"{len(failed)} steps failed." if failed else "Everything is deleted.")
    return 1 if failed else 0


Step = tuple[str, Callable[[Any], str], Any]
"""What is done, the call that does it and says what happened, and what it is done to."""


def carry_out(what: str, call: Callable[[Any], str], target: Any) -> bool:
    """One step of a deletion. A failure is said and the others go on."""
    try:
        say(f"{what}: {call(target)}")
    except (ClientError, DeployError) as error:
        say(f"{what}: FAILED: {error}")
        return False
    return True


def make_parser() -> argparse.ArgumentParser:
    """The command line, as the original has it."""
    parser = argparse.ArgumentParser(
        prog="setupApps.py",
        description="Deploy the functions of a configuration file to AWS Lambda, or delete them.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="""examples:
  deploy, without SpotWrap:
    python setupApps.py --profile me -f scns.json --no_spotwrap
  after a change of the code, the trigger as it is:
    python setupApps.py --profile me -f scns.json --no_spotwrap --update
  delete functions, logs, trigger and the contents of the trigger's bucket:
    python setupApps.py --profile me -f scns.json --deleteAll

exit status: 0 done, 1 failed, 2 wrong usage or configuration""",
    )
    add = parser.add_argument
    add("--config", "-f", default="scns.json", help="configuration file (%(default)s)")
    add("--profile", "-p", help="AWS profile (default: as boto3 finds it)")
    add("--update", action="store_true", help="update functions that exist; wire no trigger")
    add("--deleteAll", action="store_true", help="delete functions, logs, trigger, bucket contents")
    add("--saveTriggerBucket", action="store_true", help="with --deleteAll: keep bucket contents")
    add("--no_spotwrap", action="store_true", help="deploy every function plain")
    add("--no_botocore_change", action="store_true", help="keep the library zip that is in S3")
    add("--spotFnsTableName", default="spotFns", help="SpotWrap's table (%(default)s)")
    add("--spotFnsTableRegion", help="its region (default: that of the functions)")
    add("--turn_on_tracing", action="store_true", help="turn on X-Ray tracing")
    return parser


def main(argv: list[str] | None = None) -> int:
    """The command. Returns the exit status."""
    parser = make_parser()
    options = parser.parse_args(argv)
    if options.deleteAll and options.update:
        parser.error("--update and --deleteAll exclude each other")
    if options.saveTriggerBucket and not options.deleteAll:
        parser.error("--saveTriggerBucket goes with --deleteAll")
    try:
        settings = config.load(config.find(options.config))
        clients = Clients(settings.region, options.profile)
        return (delete_all if options.deleteAll else deploy)(settings, clients, options)
    except (ConfigError, BundleError) as error:
        say(f"setupApps.py: {error}")
        return 2
    except DeployError as error:
        say(f"setupApps.py: {error}")
    except (ClientError, BotoCoreError) as error:
        say(f"setupApps.py: {explain(error)}")
    except KeyboardInterrupt:
        say("setupApps.py: interrupted; run it again to complete what was begun")
    return 1


def explain(error: ClientError | BotoCoreError) -> str:
    """What an AWS error means to the user, and what helps."""
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return f"{error}: run `aws configure`, or set AWS_PROFILE, or pass --profile"
    if isinstance(error, ProfileNotFound):
        return f"{error}: `aws configure list-profiles` shows those there are"
    return str(error)


if __name__ == "__main__":
    sys.exit(main())
