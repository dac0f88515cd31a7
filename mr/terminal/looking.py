"""The command `job.py`: one row of VIEWS a subcommand, and what each shows of a job or does to it.

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
from errors import UsageError, log
from report import page
from running import cancelling, costs, resuming, watching
from state.records import Cancelled
from terminal import arguments, display, ending, program, questions
from terminal.arguments import Add
from views import listed, logs, result, timings, traces
from views.answer import read_answer
from views.status import read_status
from views.summary import read_summary
from views.timings import Timing

REPORT = "report.html"
STATUSES = "exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted"


@dataclasses.dataclass(frozen=True)
class View:
    """A subcommand: what it does, in words and in code, and the options that its example has.

    It is `of` a job, or of a whole bucket. `options` adds what it takes besides that and the
    options of AWS; one that is of nothing is without AWS, and these are all that it takes. `show`
    may return an exit status of its own.
    """

    help: str
    show: Callable[[Clients, argparse.Namespace], int | None]
    options: Callable[[argparse.ArgumentParser], None]
    example: str = ""
    of: tuple[str, ...] = ("JOBBKT", "JOB")


PLACES = {
    "JOBBKT": ("jobbkt", "the job bucket", "MY-BUCKET-NAME"),
    "JOB": ("jobid", "the job id", "job1000"),
    "A": (
        "first",
        "a job, s3://BUCKET/JOB, or an experiment's table",
        "s3://MY-BUCKET/job1000",
    ),
    "B": ("second", "another of the same kind", "s3://MY-BUCKET/job1001"),
}
"""What a subcommand is of: the argument's name, what it is, and an example."""


def main(argv: Sequence[str] | None = None) -> int:
    """The command. Returns the exit status."""
    return program.run(make_parser(), look, argv, interrupted)


def interrupted(options: argparse.Namespace) -> str:
    """What a user who ends a command early must know."""
    return ending.interrupted(options) if options.view in ("watch", "resume") else "interrupted"


def look(options: argparse.Namespace) -> int | None:
    """Carry out the subcommand that the options name."""
    view = VIEWS[options.view]
    clients = Clients(options.region, options.profile) if view.of else Clients()
    return view.show(clients, options)


def make_parser() -> argparse.ArgumentParser:
    """The command line: every row of VIEWS is a subcommand."""
    parser = argparse.ArgumentParser(
        prog="job.py",
        usage="%(prog)s COMMAND JOBBKT JOB [options]",
        description="Look after jobs that driver.py has started.",
        epilog=f"`job.py COMMAND --help` has its options. Example:\n  {example_of('status')}\n\n"
        f"{STATUSES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    views = parser.add_subparsers(
        prog="job.py", title="commands", metavar="COMMAND", dest="view", required=True
    )
    for command, view in VIEWS.items():
        own = views.add_parser(
            command,
            usage=f"%(prog)s {' '.join(view.of) or 'FILE.py SAMPLE...'} [options]",
            help=view.help,
            description=f"{view.help[0].upper()}{view.help[1:]}.",
            epilog=f"example: {example_of(command)}\n\n{STATUSES}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        for name in view.of:
            dest, what, _ = PLACES[name]
            own.add_argument(dest, metavar=name, help=what)
        view.options(own)
        if view.of:
            arguments.add_aws(own.add_argument)
    return parser


def example_of(name: str) -> str:
    """A subcommand as a user may call it."""
    view = VIEWS[name]
    where = [PLACES[place][2] for place in view.of]
    return " ".join(filter(None, ["python job.py", name, *where, view.example]))


# ------------------------------------------------------------------------------ what each shows


def show_status(clients: Clients, options: argparse.Namespace) -> int:
    """Print where a job is; 1 where no answer will come by itself."""
    status = read_status(clients.s3, options.jobbkt, options.jobid)
    print(json.dumps(status.to_json()) if options.json else "\n".join(status.lines()))
    return 1 if status.needs_help else 0


def show_list(clients: Clients, options: argparse.Namespace) -> None:
    """Print the jobs of a bucket."""
    found = listed.read_jobs(clients, options.jobbkt)
    if options.json:
        print(json.dumps({"jobs": [dataclasses.asdict(job) for job in found]}))
    else:
        print("\n".join(listed.lines(found)))


def show_result(clients: Clients, options: argparse.Namespace) -> None:
    """Print a job's answer."""
    found = read_answer(clients.s3, options.jobbkt, options.jobid)
    if questions.is_question(found.job) and not options.json:
        if options.top or options.sort != "key":
            raise UsageError("the answer to a question has the order that its ORDER BY gave it")
        return questions.answer(clients.s3, found.job, options.format)
    pairs = found.pairs()
    chosen = result.choose(pairs, options.sort, options.top)
    result.write(chosen, "json" if options.json else options.format)


def show_logs(clients: Clients, options: argparse.Namespace) -> None:
    """Print what a job's functions logged, or print it as it comes until the job is done."""
    if options.follow:
        for line in logs.follow_job(clients, options.jobbkt, options.jobid):
            print(line.text(), flush=True)
        return
    lines = logs.read_logged(clients, options.jobbkt, options.jobid)
    if options.json:
        print(json.dumps({"lines": [dataclasses.asdict(line) for line in lines]}))
    else:
        print("".join(f"{line.text()}\n" for line in lines), end="")


def show_cancel(clients: Clients, options: argparse.Namespace) -> None:
    """End a job."""
    mark = Cancelled(cancelling.caller(clients), clients.clock())
    log(cancelling.cancel(clients.s3, options.jobbkt, options.jobid, mark))


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
    prices = costs.own_prices(options.prices)
    done = read_summary(clients, options.jobbkt, options.jobid, prices)
    ending.write_report(clients, options.output, done)
    if options.json:
        print(json.dumps({"summary": done.to_json()}))


def show_watch(clients: Clients, options: argparse.Namespace) -> None:
    """Look on until a job ends, and say what it did."""
    prices = costs.own_prices(options.prices)
    place = options.jobbkt, options.jobid, options.timeout
    with display.chosen(options) as shown:
        outcome = resuming.watch(clients, *place, shown)
    ending.end_of_waiting(clients, outcome, options, prices)


def show_resume(clients: Clients, options: argparse.Namespace) -> None:
    """Start what has no output, look on until the job ends, and say what it did."""
    prices = costs.own_prices(options.prices)
    place = options.jobbkt, options.jobid, options.timeout
    with display.chosen(options) as shown:
        outcome = resuming.resume(clients, *place, shown, options.mapper)
    ending.end_of_waiting(clients, outcome, options, prices)


def show_comparison(clients: Clients, options: argparse.Namespace) -> None:
    """Print two jobs, or two experiments, side by side."""
    from terminal import comparing

    comparing.show(clients, options)


def show_trial(clients: Clients, options: argparse.Namespace) -> int:
    """Try a job's file, without AWS."""
    from terminal import trying

    return trying.show_trial(options)


# -------------------------------------------------------------------------- what each may be told


def _no_options(parser: argparse.ArgumentParser) -> None:
    """Nothing besides what all take."""


def _status_options(parser: argparse.ArgumentParser) -> None:
    arguments.add_json(parser.add_argument)


def _result_options(parser: argparse.ArgumentParser) -> None:
    form = parser.add_mutually_exclusive_group().add_argument
    forms, safe = ("csv", "csv-safe", "json", "table"), "no cell that a spreadsheet computes"
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


def _waiting_options(parser: argparse.ArgumentParser) -> None:
    add: Add = parser.add_argument
    arguments.add_timeout(add)
    arguments.add_display(add)
    arguments.add_prices(add)
    arguments.add_json(add)


def _resume_options(parser: argparse.ArgumentParser) -> None:
    how = "the mapper function to go on with, if not the job's own"
    parser.add_argument("--mapper", metavar="NAME", default="", help=how)
    _waiting_options(parser)


VIEWS = {
    "status": View("show where a job is; exit 1 if it needs help", show_status, _status_options),
    "list": View("print the jobs of a bucket", show_list, _status_options, of=("JOBBKT",)),
    "watch": View("look on until a job ends", show_watch, _waiting_options),
    "resume": View("start what has no output, then watch", show_resume, _resume_options),
    "cancel": View("end a job: nothing more is started or written", show_cancel, _no_options),
    "result": View("print a job's answer", show_result, _result_options, "--sort value --top 10"),
    "logs": View("print what a job's functions logged, by time", show_logs, _logs_options),
    "timings": View("print a row for each call of a function", show_timings, _timings_options),
    "compare": View(
        "print two jobs, or two experiments, side by side",
        show_comparison,
        _status_options,
        of=("A", "B"),
    ),
    "nudge": View("wake a job whose S3 event was lost", show_nudge, _no_options),
    "report": View(
        "write an HTML page about a job", show_report, _report_options, "--output job1000.html"
    ),
    "try": View(
        "try a job of your own on a sample, without AWS",
        show_trial,
        _trial_options,
        "countries.py sample.csv",
        of=(),
    ),
}
"""The subcommands, in the order of the help."""
