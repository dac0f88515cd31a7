# PYTHON_ARGCOMPLETE_OK: the shell may complete this command's options
"""Deploys the functions of a configuration file, and deletes them again.

    python setupApps.py -f scns.json --no_spotwrap
    python setupApps.py -f scns.json --deleteAll

In: scns.json, and the role in the environment (AWSRole). Out: functions in Lambda, the S3 trigger;
one line a function on standard error. With --plan nothing is changed, and the lines are on
standard output. Exit status: 0 done, 1 failed, 2 wrong usage or configuration.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

import bundle
import config
import packages
import plan
import spotdeploy
from awsclients import Clients, DeployError, error_code
from bundle import BundleError
from config import Config, ConfigError, FunctionSpec
from lambdamanager import Desired, LambdaManager
from spotdeploy import SpotWrap, Table
from trigger import Trigger, TriggerManager

ROLE_VARIABLES = ("AWSRole", "serverless_mapreduce_role")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/.+")
_TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}")


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


def sources_of(spec: FunctionSpec) -> tuple[Path, ...]:
    """The files and folders to zip, the function's packages among them. BundleError."""
    if not spec.packages:
        return spec.sources
    return (*spec.sources, packages.installed(spec.packages, spec.runtime, spec.architecture))


def desired(spec: FunctionSpec, role: str, tracing: bool, table: Table | None) -> Desired:
    """What a function of the file should be in Lambda: wrapped, where it asks for that and there
    is a `table` for its records; or plain."""
    if table and spec.patched_botocore_dir:
        sources = [*sources_of(spec), *spotdeploy.sources()]
        owner = role.split(":")[4]
        texts = spotdeploy.settings(spec, spec.patched_botocore_dir, table, owner)
        code, handler = bundle.build(sources, texts), spotdeploy.HANDLER
    else:
        code, handler = bundle.build(sources_of(spec)), spec.handler
    return Desired(
        name=spec.name,
        code=code,
        handler=handler,
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


def prepare(settings: Config, options: argparse.Namespace) -> list[Desired]:
    """What every function should be. ConfigError with all that cannot be had; calls nothing."""
    role = role_from(dict(os.environ))
    table = None if options.no_spotwrap else table_of(settings, options)
    faults = [] if options.no_spotwrap else list(spotdeploy.folder_faults(settings.functions))
    if faults:
        raise ConfigError("\n".join(faults))
    wanted = [desired(spec, role, options.turn_on_tracing, table) for spec in settings.functions]
    if table:
        faults += spotdeploy.lone_buckets(settings.functions, wanted)
    faults += [
        f"{one.name}: its zip has {len(one.code)} bytes, more than the {bundle.UPLOAD_LIMIT} that "
        "Lambda takes directly: name a bucket for it in s3bucket"
        for one in wanted
        if one.goes_through_s3 and one.code_bucket is None
    ]
    faults += [
        f"{one.name}: its code has {size} bytes unzipped, more than the {bundle.UNZIPPED_LIMIT} "
        "that Lambda takes: give it fewer packages or files"
        for one in wanted
        if (size := bundle.unzipped_size(one.code)) > bundle.UNZIPPED_LIMIT
    ]
    if faults:
        raise ConfigError("\n".join(faults))
    return wanted


def table_of(settings: Config, options: argparse.Namespace) -> Table:
    """SpotWrap's table. ConfigError where its name or its region is none."""
    table = Table(options.spotFnsTableName, options.spotFnsTableRegion or settings.region)
    if not _TABLE.fullmatch(table.name):
        raise ConfigError(
            f"--spotFnsTableName is {table.name!r}: a table's name is 3 to 255 letters, digits, "
            "'.', '-' and '_'"
        )
    if fault := config.region_fault(table.region):
        raise ConfigError(f"--spotFnsTableRegion: {fault}")
    return table


def spotwrap_of(settings: Config, clients: Clients, options: argparse.Namespace) -> SpotWrap | None:
    """What the wrapped functions need in AWS; None where there is no such function."""
    wrapped = [spec for spec in settings.functions if spec.patched_botocore_dir]
    if options.no_spotwrap or not wrapped:
        return None
    return SpotWrap(clients, wrapped, table_of(settings, options), options.no_botocore_change)


def check(settings: Config, wanted: list[Desired], clients: Clients, update: bool) -> None:
    """Look at what must be there already, before anything is changed. DeployError."""
    if update:
        found = {one.name: LambdaManager(clients).find(one.name) for one in wanted}
        if missing := [name for name, function in found.items() if function is None]:
            does = "does" if len(missing) == 1 else "do"
            raise DeployError(
                f"{', '.join(missing)} {does} not exist: deploy without --update first"
            )
    else:
        for bucket in sorted({spec.permission for spec in settings.functions if spec.permission}):
            clients.check_bucket(bucket, "permission")
    for bucket in sorted({str(one.code_bucket) for one in wanted if one.goes_through_s3}):
        clients.check_bucket(bucket, "s3bucket")


def deploy(settings: Config, clients: Clients, options: argparse.Namespace) -> int:
    """Create or update every function and wire the triggers. Returns the exit status."""
    wanted = prepare(settings, options)
    check(settings, wanted, clients, options.update)
    spotwrap = spotwrap_of(settings, clients, options)
    if spotwrap:
        spotwrap.check()
    if options.plan:
        needs = spotwrap.plan() if spotwrap else ()
        functions = plan.deployment(settings, wanted, clients, trigger_of, options.update)
        return show([*needs, *functions])
    for line in spotwrap.make() if spotwrap else ():
        say(f"SpotWrap: {line}")
    done = []
    for spec, function in zip(settings.functions, wanted, strict=True):
        try:
            words = deploy_one(spec, function, clients, options.update)
        except ClientError as error:
            raise DeployError(f"{spec.name}: {explain(error)}") from error
        kind = "with SpotWrap" if function.handler == spotdeploy.HANDLER else "plain"
        say(f"{spec.name}: {', '.join(words)} ({kind})")
        done.append(words)
    changed = sum(any(not word.endswith("unchanged") for word in words) for words in done)
    say(f"{len(done)} functions in {clients.region}: {changed} changed, the rest as they were.")
    return 0


def deploy_one(spec: FunctionSpec, function: Desired, clients: Clients, update: bool) -> list[str]:
    """Create or update a function and, unless it is an `update`, its trigger.

    Returns what was done to each.
    """
    manager = LambdaManager(clients)
    what = manager.deploy(function)
    trigger = trigger_of(spec)
    if trigger is None or update:
        return [what]
    wired = TriggerManager(clients).deploy(trigger, manager.arn(spec.name))
    return [what, f"trigger on s3://{trigger.bucket}/{trigger.job_id or ''} {wired}"]


def delete_all(settings: Config, clients: Clients, options: argparse.Namespace) -> int:
    """Delete what `deploy` made, as far as it is there. Returns the exit status."""
    if options.plan:
        return show(plan.deletion(settings, clients, trigger_of, options.saveTriggerBucket))
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


def show(lines: Iterable[str]) -> int:
    """Print a plan. Returns the exit status."""
    for line in lines:
        print(line, flush=True)
    say("This is a plan: nothing was changed.")
    return 0


Step = tuple[str, Callable[[Any], str], Any]
"""What is done, the call that does it and says what happened, and what it is done to."""


def carry_out(what: str, call: Callable[[Any], str], target: Any) -> bool:
    """One step of a deletion. A failure is said and the others go on."""
    try:
        say(f"{what}: {call(target)}")
    except (ClientError, HTTPClientError, DeployError) as error:
        say(f"{what}: FAILED: {error}")
        return False
    return True


EXAMPLES = """examples:
  deploy; functions that name a patched botocore are wrapped by SpotWrap:
    python setupApps.py --profile me -f scns.json
  deploy, without SpotWrap:
    python setupApps.py --profile me -f scns.json --no_spotwrap
  after a change of the code, the trigger as it is:
    python setupApps.py --profile me -f scns.json --no_spotwrap --update
  see what that would change, or what would be deleted:
    python setupApps.py --profile me -f scns.json --no_spotwrap --update --plan
    python setupApps.py --profile me -f scns.json --deleteAll --plan
  delete functions, logs, trigger and the contents of the trigger's bucket:
    python setupApps.py --profile me -f scns.json --deleteAll

exit status: 0 done, 1 failed, 2 wrong usage or configuration"""


def make_parser() -> argparse.ArgumentParser:
    """The command line, as the original has it."""
    parser = argparse.ArgumentParser(
        prog="setupApps.py",
        description="Deploy the functions of a configuration file to AWS Lambda, or delete them.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=EXAMPLES,
    )
    add = parser.add_argument
    add("--config", "-f", default="scns.json", help="configuration file (%(default)s)")
    add("--profile", "-p", help="AWS profile (default: as boto3 finds it)")
    add("--update", action="store_true", help="update functions that exist; wire no trigger")
    add("--deleteAll", action="store_true", help="delete functions, logs, trigger, bucket contents")
    add("--saveTriggerBucket", action="store_true", help="with --deleteAll: keep bucket contents")
    add("--plan", action="store_true", help="show what would be done, and do nothing")
    add("--no_spotwrap", action="store_true", help="deploy every function plain")
    add("--no_botocore_change", action="store_true", help="keep the library zip that is in S3")
    add("--spotFnsTableName", default="spotFns", help="SpotWrap's table (%(default)s)")
    add("--spotFnsTableRegion", help="its region (default: that of the functions)")
    add("--turn_on_tracing", action="store_true", help="turn on X-Ray tracing")
    return parser


def complete(parser: argparse.ArgumentParser) -> None:
    """Let the shell complete options, where `argcomplete` is installed."""
    try:
        import argcomplete
    except ImportError:
        return
    argcomplete.autocomplete(parser)


def main(argv: list[str] | None = None) -> int:
    """The command. Returns the exit status."""
    parser = make_parser()
    complete(parser)
    options = parser.parse_args(argv)
    if options.deleteAll and options.update:
        parser.error("--update and --deleteAll exclude each other")
    if options.saveTriggerBucket and not options.deleteAll:
        parser.error("--saveTriggerBucket goes with --deleteAll")
    try:
        settings = config.load(config.find(options.config), with_sources=not options.deleteAll)
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
    if isinstance(error, ClientError) and error_code(error).startswith("AccessDenied"):
        return f"{error}: the credentials in use need that right, or pass --profile"
    return str(error)


if __name__ == "__main__":
    sys.exit(main())
