# PYTHON_ARGCOMPLETE_OK: the shell may complete this command's options
"""Deploys the functions of a configuration file, and deletes them again.

    python setupApps.py -f scns.json --no_spotwrap
    python setupApps.py -f scns.json --deleteAll

In: scns.json, and the role in the environment (AWSRole). Out: functions in Lambda, the S3 trigger;
one line a function on standard error. With --plan nothing is changed, and the lines are on
standard output.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

from botocore.exceptions import ClientError, HTTPClientError

sys.path.append(str(Path(__file__).resolve().parent.parent / "mr"))

from deploy import config, plan, wrapping
from deploy.clients import Clients, DeployError
from deploy.config import Config
from deploy.desired import prepare, table_of
from deploy.function import Desired
from deploy.steps import Step, Steps
from deploy.trigger import WIRED
from deploy.wrapping import SpotWrap
from errors import counted, log
from spotwrap.settings import TABLE
from terminal import program

INTERRUPTED = "interrupted; run it again to complete what was begun"


def show(
    options: argparse.Namespace, region: str, steps: Iterable[Step], wanted: Sequence[Desired] = ()
) -> int:
    """Print what steps would do, and what bundles hold. Returns the exit status."""
    if options.json:
        print(json.dumps(plan.value(region, steps, wanted), indent=2))
    else:
        for line in plan.lines(steps, wanted):
            print(line, flush=True)
    log("This is a plan: nothing was changed.")
    return 0


def deploy(settings: Config, clients: Clients, options: argparse.Namespace) -> int:
    """Create or update every function and wire the triggers. Returns the exit status."""
    wanted = prepare(settings, options, os.environ)
    steps = Steps(settings, clients)
    check(settings, wanted, clients, steps.missing() if options.update else None)
    spotwrap = spotwrap_of(settings, clients, options)
    if spotwrap:
        spotwrap.check()
    needs = spotwrap.steps() if spotwrap else ()
    functions = list(steps.deployment(wanted, options.update))
    if options.plan:
        return show(options, settings.region, [*needs, *chain(*functions)], wanted)
    for step in needs:
        log(f"SpotWrap: {step.owner} {step.do()}")
    changed, wired = 0, False
    for function, one in zip(functions, wanted, strict=True):
        words = carry_out_steps(function)
        kind = "with SpotWrap" if one.handler == wrapping.HANDLER else "plain"
        log(f"{one.name}: {', '.join(words)} ({kind})")
        changed += any(not word.endswith("unchanged") for word in words)
        wired |= any(word.endswith(WIRED) for word in words)
    functions_in = f"{counted(len(wanted), 'function')} in {clients.region}"
    log(f"{functions_in}: {changed} changed, the rest as they were.")
    if wired:
        log(
            "The trigger is new: S3 may leave out events for about five minutes. A driver that "
            "waits makes up for them; for an asynchronous job there is `python job.py nudge`."
        )
    return 0


def check(
    settings: Config, wanted: Sequence[Desired], clients: Clients, missing: Sequence[str] | None
) -> None:
    """Look at what must be there already, before anything is changed. DeployError.

    `missing` are the functions that an update does not find; None where this is no update.
    """
    if missing:
        does = "does" if len(missing) == 1 else "do"
        raise DeployError(f"{', '.join(missing)} {does} not exist: deploy without --update first")
    if missing is None:
        for bucket in settings.trigger_buckets:
            clients.check_bucket(bucket, "permission")
    for bucket in sorted({str(one.code_bucket) for one in wanted if one.goes_through_s3}):
        clients.check_bucket(bucket, "s3bucket")


def spotwrap_of(settings: Config, clients: Clients, options: argparse.Namespace) -> SpotWrap | None:
    """What the wrapped functions need in AWS; None where there is no such function."""
    wrapped = [spec for spec in settings.functions if spec.patched_botocore_dir]
    if options.no_spotwrap or not wrapped:
        return None
    return SpotWrap(clients, wrapped, table_of(settings, options), options.no_botocore_change)


def carry_out_steps(function: Sequence[Step]) -> list[str]:
    """Do the steps of one function. Returns what was done to each thing. DeployError."""
    try:
        return [f"{step.what} {step.do()}".strip() for step in function]
    except ClientError as error:
        raise DeployError(f"{function[0].owner}: {program.explain(error)}") from error


def delete_all(settings: Config, clients: Clients, options: argparse.Namespace) -> int:
    """Delete what `deploy` made, as far as it is there. Returns the exit status."""
    steps = Steps(settings, clients).deletion(options.saveTriggerBucket)
    if options.plan:
        return show(options, settings.region, steps)
    failed = sum(not delete(step) for step in steps)
    log(f"{counted(failed, 'step')} failed." if failed else "Everything is deleted.")
    return 1 if failed else 0


def delete(step: Step) -> bool:
    """One step of a deletion. A failure is said and the others go on."""
    try:
        log(f"{step.name}: {step.do()}")
    except (ClientError, HTTPClientError, DeployError) as error:
        log(f"{step.name}: FAILED: {program.explain(error)}")
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

exit status: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted"""


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
    add("--json", action="store_true", help="with --plan: as JSON, with the files of each bundle")
    add("--no_spotwrap", action="store_true", help="deploy every function plain")
    add("--no_botocore_change", action="store_true", help="keep the library zip that is in S3")
    add("--spotFnsTableName", default=TABLE, help="SpotWrap's table (%(default)s)")
    add("--spotFnsTableRegion", help="its region (default: that of the functions)")
    add("--turn_on_tracing", action="store_true", help="turn on X-Ray tracing")
    return parser


def carry_out(options: argparse.Namespace) -> int:
    """Deploy or delete, as the options say. Returns the exit status."""
    settings = config.load(config.find(options.config), with_sources=not options.deleteAll)
    clients = Clients(settings.region, options.profile)
    return (delete_all if options.deleteAll else deploy)(settings, clients, options)


def fault_of(options: argparse.Namespace) -> str | None:
    """What is wrong with the options together; None where nothing is; pure."""
    if options.deleteAll and options.update:
        return "--update and --deleteAll exclude each other"
    if options.saveTriggerBucket and not options.deleteAll:
        return "--saveTriggerBucket goes with --deleteAll"
    if options.json and not options.plan:
        return "--json goes with --plan"
    return None


def main(argv: list[str] | None = None) -> int:
    """The command. Returns the exit status."""
    parser = make_parser()

    def command(options: argparse.Namespace) -> int:
        if fault := fault_of(options):
            parser.error(fault)
        return carry_out(options)

    return program.run(parser, command, argv, lambda options: INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
