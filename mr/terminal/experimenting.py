"""The command `experiment.py`: a plan in; a table, a summary and a page out."""

from __future__ import annotations

import argparse
import ipaddress
import os
import tempfile
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path

from aws.client import Clients
from errors import JobError, UsageError, counted, log
from experiments import page, plan, summing, table
from experiments.deploying import Deployment
from experiments.measuring import Bench
from experiments.plan import Plan, Run
from experiments.table import Row
from report.page import write_aside
from terminal import arguments, program
from views.words import dollars

EXAMPLES = """examples:
  what would be run:
    python experiment.py ../experiments/memory.toml --plan
  run it, on AWS for a dollar at most:
    python experiment.py ../experiments/memory.toml --max-cost 1

exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted"""


def main(argv: Sequence[str] | None = None) -> int:
    """The command. Returns the exit status."""
    return program.run(make_parser(), carry_out, argv, lambda options: INTERRUPTED)


INTERRUPTED = "interrupted: the same command goes on with the runs that are missing"


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="experiment.py",
        description="Run a job under many settings, and say which is fastest and which cheapest.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=EXAMPLES,
    )
    add = parser.add_argument
    add("file", metavar="PLAN.toml", help="what is run: docs/experiments.md")
    add("--plan", action="store_true", help="say what would be run, and run nothing")
    add("--output", metavar="FOLDER", default=".", help="where its files are written (.)")
    add("--max-cost", type=arguments.amount, metavar="DOLLARS", help="stop before it costs more")
    arguments.add_json(add)
    arguments.add_aws(add)
    return parser


def carry_out(options: argparse.Namespace) -> None:
    """Run what has no row yet, then say what all rows show."""
    asked = plan.read(options.file)
    folder = Path(options.output)
    if not folder.is_dir():
        raise UsageError(f"--output: there is no folder {folder}: make it first")
    path = folder / f"{asked.name}.csv"
    rows = table.read(path) if path.exists() else []
    due = table.missing(asked.runs(), rows)
    say_what_is_due(asked, due, rows)
    if options.plan:
        return
    check_cost(options.max_cost, os.environ)
    if due:
        rows = run_all(options, asked, due, rows, path)
    show(options, asked, rows, folder)


def say_what_is_due(asked: Plan, due: Sequence[Run], rows: Sequence[Row]) -> None:
    """What an experiment consists of."""
    combinations = counted(len(asked.combinations), "combination")
    log(f"{combinations} x {asked.repeat}: {counted(len(due), 'run')} to make, {len(rows)} made")
    for one in asked.combinations:
        log(f"  {one.words()}")


def check_cost(most: float | None, environment: Mapping[str, str]) -> None:
    """UsageError where an experiment might cost money without a limit."""
    if most is None and not is_local(environment.get("AWS_ENDPOINT_URL", "")):
        raise UsageError("this is AWS, where runs cost money: say how much with --max-cost DOLLARS")


def is_local(endpoint: str) -> bool:
    """Whether an endpoint is on this machine; pure."""
    host = urllib.parse.urlsplit(endpoint).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def run_all(
    options: argparse.Namespace, asked: Plan, due: Sequence[Run], rows: list[Row], path: Path
) -> list[Row]:
    """Deploy, make the runs, and delete what was deployed. All rows there are then."""
    with tempfile.TemporaryDirectory() as folder:
        deployment = Deployment(asked, options.region, options.profile, Path(folder))
        clients = Clients(options.region, options.profile)
        bench = Bench(deployment, clients.clock, clients.sleep)
        try:
            log(f"deploying {counted(len(asked.machines), 'pair')} of functions")
            deployment.deploy()
            for run in due:
                check_spent(rows, options.max_cost)
                log(f"run {run.number}: {run.combination.words()}")
                row = bench.measure(run)
                table.append(path, row)
                rows = [*rows, row]
                log(f"run {run.number}: {row.seconds:.2f} s, {dollars(row.dollars)}")
        finally:
            log("deleting the functions")
            deployment.delete(clients)
    return rows


def check_spent(rows: Sequence[Row], most: float | None) -> None:
    """JobError where another run, as dear as the dearest, might pass what may be spent."""
    if most is None or not rows:
        return
    costs = [row.dollars * row.combination.made for row in rows]
    spent, dearest = sum(costs), max(costs)
    if spent + dearest > most:
        raise JobError(
            f"{counted(len(rows), 'run')} cost {dollars(spent)}, and another may cost "
            f"{dollars(dearest)}: more than --max-cost {dollars(most)}. What was measured is kept; "
            "with a higher one the same command goes on"
        )


def show(options: argparse.Namespace, asked: Plan, rows: Sequence[Row], folder: Path) -> None:
    """Say what the rows show, and draw it."""
    found = summing.figures(rows)
    path = folder / f"{asked.name}.html"
    try:
        write_aside(path, page.page(asked.name, rows, found))
    except OSError as error:
        raise JobError(f"{path} cannot be written: {error.strerror}") from error
    if options.json:
        print(page.as_json(found))
    else:
        print("\n".join(summing.lines(found)))
    log(f"the table is {folder / f'{asked.name}.csv'}, the page {path}")
