"""The command `driver.py`: its options, and a run of a job as a person sees it.

Standard output has the timing line or, with --json, one object; all else is on standard error.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from aws.client import Clients
from errors import log, visible
from jobs import catalog
from report import page
from running import costs, listener, request, run
from running.following import Outcome
from running.request import JobRequest
from state.records import GOALS
from terminal import arguments, display, ending, program, questions
from terminal.arguments import Add
from terminal.budget import Budget
from terminal.questions import FORMS
from views.forecast import forecast

EXAMPLES = """examples:
  python driver.py MY-BUCKET-NAME job1000 --dryrun --databkt MY-DATA
  python driver.py MY-BUCKET-NAME job1000 mapperNS reducerNS --databkt MY-DATA

exit status: 0 done, 1 the job failed, 2 wrong usage, 130 interrupted"""


def main(argv: Sequence[str] | None = None) -> int:
    """The command. Returns the exit status."""
    words = sys.argv[1:] if argv is None else argv
    if "--list-jobs" in words:
        return program.run(make_list_parser(), list_jobs, words)
    parser = make_parser()

    def command(options: argparse.Namespace) -> None:
        if fault := fault_of(options):
            parser.error(fault)
        run_job(options)

    return program.run(parser, command, words, interrupted)


def make_parser() -> argparse.ArgumentParser:
    """The command line, as the original has it, and what was added."""
    parser = argparse.ArgumentParser(
        prog="driver.py",
        usage="%(prog)s [options] jobbkt jobid [mapper_function] [reducer_function]",
        description="Run a MapReduce job on AWS Lambda and S3. `job.py` looks after jobs.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=EXAMPLES,
    )
    _add_names(parser.add_argument)
    _add_job(parser.add_argument_group("job").add_argument)
    _add_question(parser.add_argument_group("question").add_argument)
    _add_input(parser.add_argument_group("input").add_argument)
    _add_running(parser.add_argument_group("running"))
    _add_output(parser.add_argument_group("output").add_argument)
    arguments.add_aws(parser.add_argument_group("AWS").add_argument)
    return parser


def _add_names(add: Add) -> None:
    add("jobbkt", help="job bucket for output files (that trigger reducers)")
    add("jobid", help="unique job id: job_id of scns.json, if that has one")
    add("mapper_function", nargs="?", help="name of the mapper function (not for --dryrun)")
    add("reducer_function", nargs="?", help="name of the reducer function (not for --dryrun)")


def _add_job(add: Add) -> None:
    add("--job", metavar="JOB", help="a job's name, or ./FILE.py (default: as deployed)")
    arguments.add_settings(add)
    _add_list(add)


def _add_question(add: Add) -> None:
    add("--sql", metavar="QUERY", help="ask: one SELECT over the input, any table's name")
    add("--schema", metavar="COLUMNS", help='names and types, "country VARCHAR, ..."')
    how = f"the answer's form: {', '.join(FORMS)} (table)"
    add("--format", choices=FORMS, metavar="FORM", help=how)
    add("--output", metavar="FILE", help="write the answer to FILE: .csv, .json or .parquet")


def _add_list(add: Add) -> None:
    add("--list-jobs", action="store_true", help="print the jobs and their settings, and end")


def make_list_parser() -> argparse.ArgumentParser:
    """The command line that runs nothing."""
    parser = argparse.ArgumentParser(prog="driver.py", description="Print the jobs that there are.")
    _add_list(parser.add_argument)
    arguments.add_json(parser.add_argument)
    return parser


def list_jobs(options: argparse.Namespace) -> None:
    """Print the jobs, their settings, and the packages that their functions need."""
    found = catalog.jobs()
    if options.json:
        print(json.dumps({"jobs": [one.to_json() for one in found]}))
        return
    print("\n".join(line for one in found for line in described(one)))


def described(job: catalog.Listed) -> Iterator[str]:
    """A job as a person reads it."""
    yield visible(f"{job.name:<20}{job.about}")
    for one in job.settings:
        yield visible(f"    --set {one.name}={one.default}: {one.help}, {one.kind}")
    if job.packages:
        yield visible(f"    packages of its functions: {', '.join(job.packages)}")


def _add_input(add: Add) -> None:
    add("--databkt", metavar="NAME", default=request.DATA_BUCKET, help="its bucket (%(default)s)")
    add("--prefix", default=request.DATA_PREFIX, help="its prefix (%(default)s)")
    add(
        "--endearly",
        type=arguments.number_from(1),
        metavar="N",
        help="run the first N batches only",
    )
    add(
        "--batchsize",
        type=arguments.number_from(1),
        metavar="N",
        help="objects a mapper (default: from their mean size)",
    )
    add(
        "--splitsize",
        type=arguments.byte_size,
        metavar="SIZE",
        help="bytes a mapper, 64MB say: objects are cut and packed",
    )
    add(
        "--goal",
        choices=GOALS,
        metavar="GOAL",
        help=f"{' or '.join(GOALS)}: choose the split size for it",
    )
    add(
        "--max-bad",
        type=arguments.percentage,
        metavar="P",
        default=request.MAX_BAD,
        help="percent of all rows that may be bad (1)",
    )
    add("--request-payer", action="store_true", help="pay for reading a requester-pays bucket")


def _add_running(group: Any) -> None:
    add: Add = group.add_argument
    add("--dryrun", action="store_true", help="see how many mappers are needed, run nothing")
    waiting = group.add_mutually_exclusive_group().add_argument
    waiting("--wait4reducers", action="store_true", help="wait for the result and report timings")
    waiting("--wait", action="store_true", help="the same; start all mappers first, then watch")
    add(
        "--concurrency",
        type=arguments.number_from(1),
        metavar="N",
        default=request.CONCURRENCY,
        help="mappers at once with --wait4reducers (%(default)s)",
    )
    add(
        "--retries",
        type=arguments.number_from(0),
        metavar="N",
        default=request.RETRIES,
        help="further tries of a mapper that fails (%(default)s)",
    )
    arguments.add_timeout(add)
    add(
        "--reducers",
        type=arguments.number_from(1),
        metavar="N",
        help="reducers side by side (default: planned)",
    )
    add(
        "--fanin",
        type=arguments.number_from(2),
        metavar="F",
        help="outputs a reducer merges (default: planned)",
    )
    add(
        "--max-cost",
        type=arguments.amount,
        metavar="DOLLARS",
        help="refuse, or cancel, a job that costs more",
    )
    add("--no-backups", action="store_true", help="start no task again because it takes long")
    add("--overwrite", action="store_true", help="delete the outputs of an earlier run first")


def _add_output(add: Add) -> None:
    arguments.add_json(add)
    arguments.add_display(add)
    arguments.add_prices(add)
    add("--report", metavar="FILE", help="write a page about the job, as job.py report does")


def fault_of(options: argparse.Namespace) -> str | None:
    """What is wrong with this combination of options; None where nothing is."""
    if options.sql and (options.job or options.json):
        return "--sql goes without --job, and without --json: --format json has the answer"
    if options.sql and not options.wait:
        options.wait4reducers = True  # the end of a question is computed here
    waits = (options.wait4reducers or options.wait) and not options.dryrun
    needs = {
        "quiet": (waits, "--wait4reducers or --wait"),
        "events": (waits, "--wait4reducers or --wait; `job.py watch --events` joins any job"),
        "report": (waits, "--wait4reducers or --wait; `job.py report` has it of one that is done"),
        "schema": (options.sql, "--sql"),
        "format": (options.sql, "--sql"),
        "output": (options.sql and not options.format, "--sql, and tells the form by its name"),
        "prices": (
            waits or options.dryrun or options.goal,
            "--wait4reducers, --wait, --dryrun or --goal",
        ),
    }
    for name, (fits, what) in needs.items():
        if getattr(options, name) and not fits:
            return f"--{name} goes with {what}"
    return None


def run_job(options: argparse.Namespace) -> None:
    """Run a job, and say what it did where it is waited for."""
    asked = JobRequest.from_options(options)
    prices = costs.read_prices(options.prices)
    if options.report:
        page.check(options.report)
    clients = Clients(asked.region, asked.profile)
    if options.sql:
        asked = questions.asked(clients.s3, asked, options.sql, options.schema or "")
        questions.check_output(options.output)
    outcome = carry_out(clients, asked, options, prices)
    with ending.told(outcome, options.json, log if options.sql else ending.print_line) as facts:
        if options.sql and outcome.job:
            questions.answer(clients.s3, outcome.job, options.format or "table", options.output)
        if asked.dryrun:
            tell_plan(asked, outcome, prices, facts)
        elif outcome.job and not asked.full_async:
            own = prices if options.prices else None
            ending.tell_summary(clients, outcome.job, own, options.report, facts)


def tell_plan(
    asked: JobRequest, outcome: Outcome, prices: costs.Prices, facts: dict[str, Any]
) -> None:
    """Say what is planned, and add it to the facts."""
    if outcome.plan:
        expected = forecast(asked, outcome.plan, outcome.weighed, prices)
        ending.say(expected.lines())
        facts["plan"] = expected.to_json()


def carry_out(
    clients: Clients, asked: JobRequest, options: argparse.Namespace, prices: costs.Prices
) -> Outcome:
    """Run a job, on a display where it is waited for, and within its budget where it has one."""
    quietly = asked.dryrun or asked.full_async
    with contextlib.ExitStack() as stack:
        told = listener.Listener() if quietly else stack.enter_context(display.chosen(options))
        if options.max_cost:
            own = Budget(told, clients, options.max_cost, prices)
            told = stack.enter_context(own)
        return run.run(clients, asked, listener=told, prices=prices)


def interrupted(options: argparse.Namespace) -> str:
    """What a user who ends the command early must know."""
    return "interrupted" if options.dryrun else ending.interrupted(options)
