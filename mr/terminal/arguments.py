"""The options of `python driver.py`, and which of them go together.

In: words. Out: a namespace; wrong usage ends the program with status 2, as argparse does it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeVar

from running import request

T = TypeVar("T")
EXAMPLES = """examples:
  see how many mappers a job takes, what it may cost, and run nothing:
    python driver.py MY-BUCKET-NAME job1000 --dryrun
  run two batches and wait for the result:
    python driver.py MY-BUCKET-NAME job1000 mapperNS reducerNS --wait4reducers --endearly 2
  run the whole job and do not wait:
    python driver.py MY-BUCKET-NAME job1000 mapperNS reducerNS
  your own input:
    python driver.py MY-BUCKET-NAME job1000 mapperNS reducerNS --databkt MY-DATA --prefix visits/
  where a job is, and its ten largest groups:
    python driver.py --status MY-BUCKET-NAME job1000
    python driver.py --result MY-BUCKET-NAME job1000 --sort value --top 10
  what its functions log, and a page about it for the browser:
    python driver.py --logs MY-BUCKET-NAME job1000
    python driver.py --report report.html MY-BUCKET-NAME job1000

exit status: 0 done, 1 the job failed, 2 wrong usage"""
VIEWS = ("status", "result", "logs")
"""The options that look at a job instead of running one; --report may do either."""
OF_A_RUN = (
    "mapper_function",
    "reducer_function",
    "databkt",
    "prefix",
    "endearly",
    "batchsize",
    "splitsize",
    "wait4reducers",
    "dryrun",
    "concurrency",
    "retries",
    "max_bad",
    "request_payer",
    "timeout",
    "overwrite",
    "quiet",
)
"""Options that mean nothing when a job is only looked at."""


def make_parser() -> argparse.ArgumentParser:
    """The command line, as the original has it, and what was added."""
    parser = argparse.ArgumentParser(
        prog="driver.py",
        description="MRDriver: run a MapReduce job on AWS Lambda and S3, or look at one.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=EXAMPLES,
    )
    _add_job(parser.add_argument)
    _add_input(parser.add_argument_group("input").add_argument)
    _add_running(parser.add_argument_group("running").add_argument)
    _add_looking(parser.add_argument_group("looking at a job"))
    _add_output(parser.add_argument_group("output").add_argument)
    _add_aws(parser.add_argument_group("AWS").add_argument)
    return parser


def _add_job(add: Callable[..., argparse.Action]) -> None:
    add("jobbkt", help="job bucket for output files (that trigger reducers)")
    add(
        "jobid",
        help="unique job id; must match job_id of reducerCoordinator in scns.json, if that has one",
    )
    add("mapper_function", nargs="?", help="name of the mapper function (not for --dryrun)")
    add("reducer_function", nargs="?", help="name of the reducer function (not for --dryrun)")


def _add_input(add: Callable[..., argparse.Action]) -> None:
    add("--databkt", default=request.DATA_BUCKET, help="input data bucket (%(default)s)")
    add("--prefix", default=request.DATA_PREFIX, help="prefix of the input (%(default)s)")
    add("--endearly", type=number_from(1), metavar="N", help="run the first N batches only")
    add(
        "--batchsize",
        type=number_from(1),
        metavar="N",
        help="input objects a mapper (default: from their mean size)",
    )
    add(
        "--splitsize",
        type=_checked(request.byte_size),
        metavar="SIZE",
        help="bytes a mapper, such as 64MB: large objects are cut, small ones packed together",
    )
    add(
        "--max-bad",
        type=_checked(request.percentage),
        metavar="PERCENT",
        default=request.MAX_BAD,
        help="bad rows that are let pass, of all rows (1%%)",
    )
    add("--request-payer", action="store_true", help="pay for reading a requester-pays bucket")


def _add_running(add: Callable[..., argparse.Action]) -> None:
    add("--wait4reducers", action="store_true", help="wait for the result and report timings")
    add("--dryrun", action="store_true", help="see how many mappers are needed, run nothing")
    add(
        "--concurrency",
        type=number_from(1),
        metavar="N",
        default=request.CONCURRENCY,
        help="mappers at once with --wait4reducers (%(default)s)",
    )
    add(
        "--retries",
        type=number_from(0),
        metavar="N",
        default=request.RETRIES,
        help="further tries of a mapper that fails (%(default)s)",
    )
    add(
        "--timeout",
        type=number_from(1),
        metavar="S",
        default=request.TIMEOUT,
        help="seconds to wait for the reducers (%(default)s)",
    )
    add("--overwrite", action="store_true", help="delete the outputs of an earlier run first")


def _add_looking(group: argparse._ArgumentGroup) -> None:
    view = group.add_mutually_exclusive_group().add_argument
    view("--status", action="store_true", help="show where a job is, from S3 alone")
    view("--result", action="store_true", help="print a job's answer")
    view("--logs", action="store_true", help="print what a job's functions logged, by time")
    add = group.add_argument
    add("--format", choices=("csv", "json"), help="with --result: its form (csv)")
    add("--sort", choices=("key", "value"), help="with --result: by what (key)")
    add("--top", type=number_from(1), metavar="N", help="with --result: the first N only")
    add("--follow", action="store_true", help="with --logs: go on until the job is done")


def _add_output(add: Callable[..., argparse.Action]) -> None:
    add("--json", action="store_true", help="print everything as one JSON object")
    add("--quiet", action="store_true", help="plain lines instead of the live display")
    add(
        "--prices",
        metavar="FILE",
        help="prices for the estimated cost, JSON (see mr/views/costs.py)",
    )
    add("--report", metavar="FILE", help="write a page about a finished job: one HTML file")


def _add_aws(add: Callable[..., argparse.Action]) -> None:
    add("--profile", help="AWS profile (default: as boto3 finds it)")
    add(
        "--region",
        default=request.REGION,
        help="region of the functions and the job bucket (%(default)s)",
    )


def number_from(least: int) -> Callable[[str], int]:
    """A type for argparse: a whole number of at least `least`."""
    return _checked(lambda text: request.whole_number(text, least))


def _checked(read: Callable[[str], T]) -> Callable[[str], T]:
    """A type for argparse, whose error is the one that `read` raises."""

    def value(text: str) -> T:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return value


def view_of(options: argparse.Namespace) -> str | None:
    """What the options look at, one of VIEWS or "report"; None where they run a job."""
    for view in VIEWS:
        if getattr(options, view):
            return view
    return "report" if options.report and not options.mapper_function else None


def fault_of(parser: argparse.ArgumentParser, options: argparse.Namespace) -> str | None:
    """What is wrong with this combination of options; None where nothing is."""
    view = view_of(options)
    if view:
        for name in OF_A_RUN:
            if getattr(options, name) != parser.get_default(name):
                return f"{spelled(name)} belongs to running a job: leave it out with --{view}"
    waits = options.wait4reducers and not options.dryrun
    needs = {
        "format": (view == "result", "--result"),
        "sort": (view == "result", "--result"),
        "top": (view == "result", "--result"),
        "follow": (view == "logs", "--logs"),
        "quiet": (waits, "--wait4reducers"),
        "report": (waits or view == "report", "--wait4reducers, or a job that is done"),
        "prices": (
            waits or options.dryrun or view == "report",
            "--wait4reducers, --dryrun or --report",
        ),
    }
    for name, (fits, what) in needs.items():
        if getattr(options, name) and not fits:
            return f"--{name} goes with {what}"
    if options.follow and options.json:
        return "--json is one object, and --follow has no end: leave one of them out"
    if options.json and options.format == "csv":
        return "--json and --format csv exclude each other"
    return None


def spelled(name: str) -> str:
    """An option as the user writes it."""
    return name if name.endswith("_function") else f"--{name.replace('_', '-')}"


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; ends the program on --help and on wrong usage."""
    parser = make_parser()
    complete(parser)
    options = parser.parse_args(argv)
    if fault := fault_of(parser, options):
        parser.error(fault)
    return options


def complete(parser: argparse.ArgumentParser) -> None:
    """Let the shell complete options, where `argcomplete` is installed."""
    try:
        import argcomplete
    except ImportError:
        return
    argcomplete.autocomplete(parser)
