"""The command `job.py`: one row of VIEWS a subcommand, and what each shows of a job.

A further subcommand is a function of the clients and the options, and a row.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from typing import TextIO

from aws.client import Clients
from errors import log
from report import page
from running import costs, watching
from terminal import arguments, program
from terminal.arguments import Add
from views import logs, result, timings, traces
from views.answer import answer_of, read_answer
from views.status import read_status
from views.summary import Summary, read_summary
from views.timings import Timing

REPORT = "report.html"
STATUSES = "exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted"


@dataclasses.dataclass(frozen=True)
class View:
    """A subcommand: what it does, in words and in code, and the options that its example has.

    `options` adds what it takes besides JOBBKT, JOB and the options of AWS, or, where it is
    `local`, all that it takes; `show` may return an exit status of its own.
    """

    help: str
    show: Callable[[Clients, argparse.Namespace], int | None]
    options: Callable[[argparse.ArgumentParser], None]
    example: str = ""
    local: bool = False


def main(argv: Sequence[str] | None = None) -> int:
    """The command. Returns the exit status."""
    return program.run(make_parser(), look, argv)


def look(options: argparse.Namespace) -> int | None:
    """Carry out the subcommand that the options name."""
    view = VIEWS[options.view]
    clients = Clients() if view.local else Clients(options.region, options.profile)
    return view.show(clients, options)


def make_parser() -> argparse.ArgumentParser:
    """The command line: every row of VIEWS is a subcommand."""
    examples = "\n".join(f"  {example_of(name)}" for name in VIEWS)
    parser = argparse.ArgumentParser(
        prog="job.py",
        usage="%(prog)s COMMAND JOBBKT JOB [options]",
        description="Look after jobs that driver.py has started.",
        epilog=f"`job.py COMMAND --help` has its options. Examples:\n{examples}\n\n{STATUSES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    views = parser.add_subparsers(
        prog="job.py", title="commands", metavar="COMMAND", dest="view", required=True
    )
    for name, view in VIEWS.items():
        own = views.add_parser(
            name,
            usage=f"%(prog)s {'FILE.py SAMPLE...' if view.local else 'JOBBKT JOB'} [options]",
            help=view.help,
            description=f"{view.help[0].upper()}{view.help[1:]}.",
            epilog=f"example: {example_of(name)}\n\n{STATUSES}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if not view.local:
            own.add_argument("jobbkt", metavar="JOBBKT", help="the job bucket")
            own.add_argument("jobid", metavar="JOB", help="the job id")
        view.options(own)
        if not view.local:
            arguments.add_aws(own.add_argument)
    return parser


def example_of(name: str) -> str:
    """A subcommand as a user may call it."""
    view = VIEWS[name]
    where = "" if view.local else "MY-BUCKET-NAME job1000 "
    return f"python job.py {name} {where}{view.example}".rstrip()


# ------------------------------------------------------------------------------ what each shows


def show_status(clients: Clients, options: argparse.Namespace) -> None:
    """Print where a job is."""
    status = read_status(clients.s3, options.jobbkt, options.jobid)
    print(json.dumps(status.to_json()) if options.json else "\n".join(status.lines()))


def show_result(clients: Clients, options: argparse.Namespace) -> None:
    """Print a job's answer."""
    pairs = read_answer(clients.s3, options.jobbkt, options.jobid).pairs()
    chosen = result.choose(pairs, options.sort, options.top)
    result.write(chosen, "json" if options.json else options.format)


def show_logs(clients: Clients, options: argparse.Namespace) -> None:
    """Print what a job's functions logged, or print it as it comes until the job is done."""
    if options.follow:
        for line in logs.follow_job(clients, options.jobbkt, options.jobid):
            print(line.text(), flush=True)
        return
    lines = logs.read_job(clients, options.jobbkt, options.jobid)
    if options.json:
        print(json.dumps({"lines": [dataclasses.asdict(line) for line in lines]}))
    else:
        print("".join(f"{line.text()}\n" for line in lines), end="")


def show_timings(clients: Clients, options: argparse.Namespace) -> None:
    """Print a row for each function call of a job, in the form that was asked for."""
    rows = timings.read_timings(clients, options.jobbkt, options.jobid)
    FORMS[options.format](rows, sys.stdout)


def show_nudge(clients: Clients, options: argparse.Namespace) -> None:
    """Wake a job that stands still."""
    log(watching.wake(clients.s3, options.jobbkt, options.jobid))


def show_report(clients: Clients, options: argparse.Namespace) -> None:
    """Write the page about a job that is done; with --json, print its facts."""
    page.check(options.output)
    prices = costs.read_prices(options.prices)
    done = read_summary(clients, options.jobbkt, options.jobid, prices, with_log=True)
    write_report(clients, options.output, done)
    if options.json:
        print(json.dumps({"summary": done.to_json()}))


def show_trial(clients: Clients, options: argparse.Namespace) -> int:
    """Try a job's file, without AWS."""
    from terminal import trying

    return trying.show_trial(options)


def write_report(clients: Clients, path: str, done: Summary) -> None:
    """Write the page about a finished job."""
    page.write(path, done, answer_of(clients.s3, done.job.info).pairs())
    log(f"the report is {path}")


# -------------------------------------------------------------------------- what each may be told


def _no_options(parser: argparse.ArgumentParser) -> None:
    """Nothing besides what all take."""


def _status_options(parser: argparse.ArgumentParser) -> None:
    arguments.add_json(parser.add_argument)


def _result_options(parser: argparse.ArgumentParser) -> None:
    form = parser.add_mutually_exclusive_group().add_argument
    forms, safe = ("csv", "csv-safe", "json"), "no cell that a spreadsheet computes"
    form("--format", choices=forms, default="csv", help=f"its form (csv); csv-safe: {safe}")
    form("--json", action="store_true", help="the same as --format json")
    add: Add = parser.add_argument
    how = "by what (%(default)s); none: as it is stored, at once"
    add("--sort", choices=("key", "value", "none"), default="key", help=how)
    add("--top", type=arguments.number_from(1), metavar="N", help="the first N groups only")


def _logs_options(parser: argparse.ArgumentParser) -> None:
    extent = parser.add_mutually_exclusive_group().add_argument
    extent("--follow", action="store_true", help="go on until the job is done")
    arguments.add_json(extent)


FORMS: dict[str, Callable[[Sequence[Timing], TextIO], None]] = {
    "csv": timings.write_csv,
    "json": timings.write_json,
    "perfetto": lambda rows, out: print(json.dumps(traces.trace_events(rows)), file=out),
    "otlp": lambda rows, out: print(json.dumps(traces.spans(rows)), file=out),
}
"""How timings are written."""


def _timings_options(parser: argparse.ArgumentParser) -> None:
    what = "csv, json; perfetto: trace events; otlp: OpenTelemetry spans (%(default)s)"
    parser.add_argument("--format", choices=tuple(FORMS), default="csv", help=what)


def _trial_options(parser: argparse.ArgumentParser) -> None:
    add: Add = parser.add_argument
    add("file", metavar="FILE.py", help="the job")
    add("sample", nargs="+", metavar="SAMPLE", help="a file of input, packed or not")
    arguments.add_settings(add)


def _report_options(parser: argparse.ArgumentParser) -> None:
    add: Add = parser.add_argument
    add("--output", metavar="FILE", default=REPORT, help="where to (%(default)s)")
    arguments.add_prices(add)
    arguments.add_json(add)


VIEWS = {
    "status": View("show where a job is, from S3 alone", show_status, _status_options),
    "result": View("print a job's answer", show_result, _result_options, "--sort value --top 10"),
    "logs": View("print what a job's functions logged, by time", show_logs, _logs_options),
    "timings": View("print a row for each call of a function", show_timings, _timings_options),
    "nudge": View("wake a job whose S3 event was lost", show_nudge, _no_options),
    "report": View(
        "write an HTML page about a job", show_report, _report_options, "--output job1000.html"
    ),
    "try": View(
        "try a job of your own on a sample, without AWS",
        show_trial,
        _trial_options,
        "countries.py sample.csv",
        local=True,
    ),
}
"""The subcommands, in the order of the help."""
