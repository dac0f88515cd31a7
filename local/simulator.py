"""The simulator: a whole job on a simulated AWS, in seconds of this machine.

    python local/simulator.py --query 2A --input 1node --splitsize 64MB --seeds 5

In: a query of the Big Data Benchmark, its input, what the driver is asked for, rates, seeds. Out:
seconds, dollars and requests of each run. The driver, the planner and the coordinator are the
project's own; S3 and Lambda are played on a virtual clock (`local/simulated/`), with the times,
limits and prices of `local/simulated/rates.py`; what mappers and reducers compute is only timed.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "mr")]

from local.simulated import presets
from local.simulated.job import Report, Step, request_for, simulate
from local.simulated.rates import read_rates
from running import costs
from running.request import byte_size, whole_number
from state.records import GOALS
from terminal import program
from views import bill, words

EPILOG = """examples:
  query 2A over 25.4 GB, with the original's batches:
    python local/simulator.py
  over 126.8 GB, one mapper every 128 MB, as Polars and orjson compute it, ten times:
    python local/simulator.py --input 5nodes --splitsize 128MB --engine polars --seeds 10"""


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="local/simulator.py",
        description="Simulate a job on AWS: its seconds, its dollars, its requests.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=EPILOG,
    )
    add = parser.add_argument
    add("--query", choices=presets.QUERIES, default="2A", help="how many groups (default: 2A)")
    add("--input", choices=presets.INPUTS, default="1node", help="how much data (default: 1node)")
    add("--engine", choices=presets.ENGINES, default="standard", help="what computes it")
    add("--splitsize", type=_size, metavar="SIZE", help="bytes a mapper, such as 64MB")
    add("--batchsize", type=_count, metavar="N", help="objects a mapper")
    add("--goal", choices=GOALS, help="choose the split size as the driver does")
    add("--reducers", type=_count, metavar="N", help="so many ranges of keys, as the driver's")
    add("--fanin", type=_count, metavar="N", help="so many outputs a reducer, as the driver's")
    add("--memory", type=_count, metavar="MB", help="of mapper and reducer (default: 1536)")
    add("--coordinator", type=_count, metavar="MB", help="its memory (default: 1024)")
    add("--wait4reducers", action="store_true", help="call mappers and wait, instead of by Event")
    add("--concurrency", type=_count, metavar="N", help="so many of those calls at once")
    add("--account", type=_count, metavar="N", help="functions at once (default: 1000)")
    add("--seeds", type=_count, default=1, metavar="N", help="so many runs, with seeds 1 to N")
    add("--rates", metavar="FILE", help="a JSON file of other rates")
    add("--prices", metavar="FILE", help="a JSON file of other prices")
    add("--json", action="store_true", help="print JSON")
    return parser


def _size(text: str) -> int:
    try:
        return byte_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _count(text: str) -> int:
    try:
        return whole_number(text, 1)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def run_all(options: argparse.Namespace) -> list[Report]:
    """One report a seed. UsageError for what cannot be simulated."""
    asked = _given(
        options,
        splitsize="split_size",
        batchsize="batch_size",
        goal="goal",
        concurrency="concurrency",
        reducers="reducers",
        fanin="fan_in",
    )
    request = request_for(full_async=not options.wait4reducers, **asked).checked([])
    layout = presets.layout(options.query, options.input)
    given = _given(options, memory="memory", coordinator="coordinator_memory")
    layout = dataclasses.replace(layout, **given)
    rates = presets.with_engine(read_rates(options.rates), options.engine)
    rates = dataclasses.replace(rates, **_given(options, account="concurrency"))
    prices = costs.read_prices(options.prices)
    return [simulate(request, layout, rates, seed, prices) for seed in range(1, options.seeds + 1)]


def _given(options: argparse.Namespace, **names: str) -> dict[str, Any]:
    """The options that were given, under their fields' names."""
    found = {field: getattr(options, option) for option, field in names.items()}
    return {field: value for field, value in found.items() if value is not None}


def lines(reports: list[Report]) -> list[str]:
    """What is printed for a person: one line a run, then the first run's bill and requests."""
    first = reports[0]
    shown = [
        f"{words.counted(first.mappers, 'mapper')}, reducers {' + '.join(map(shape, first.steps))}",
        f"{'seed':>4} {'seconds':>9} {'mapped':>8} {'result':>8} {'dollars':>9}",
    ]
    for seed, one in enumerate(reports, 1):
        shown.append(
            f"{seed:>4} {one.seconds:>9.1f} {one.mapped:>8.1f} {one.answered:>8.1f} "
            f"{words.dollars(one.dollars):>9}"
        )
        shown += [f"     {problem}" for problem in problems(one)]
    if len(reports) > 1:
        seconds = [one.seconds for one in reports]
        shown.append(
            f"median {statistics.median(seconds):.1f} s, {min(seconds):.1f} to {max(seconds):.1f}"
        )
    shown += ["", "the run of seed 1:"]
    shown += [
        f"  step {number}, {shape(step)}: claimed at {step.claimed:.1f} s, begun at "
        f"{step.begun:.1f} s, ended at {step.ended:.1f} s; the longest merged for "
        f"{step.longest:.1f} s"
        for number, step in enumerate(first.steps, 1)
    ]
    shown += [
        f"  {item.what}: {bill.quantity(item)}, {words.dollars(item.dollars)}"
        for item in first.items
    ]
    shown += [
        f"  {role}: " + ", ".join(f"{count:,} {operation}" for operation, count in asked.items())
        for role, asked in by_role(first.requests).items()
    ]
    return shown


def shape(step: Step) -> str:
    """The reducers of a step: so many groups of outputs, so many ranges of keys."""
    return f"{step.grid.groups} x {step.grid.ranges}"


def problems(one: Report) -> list[str]:
    """What went wrong in a run."""
    found = [f"no result: {one.failure}"] if one.failure else []
    found += [f"{name} failed: {error}" for name, error in one.failures.items()]
    found += [f"{count:,} requests refused: {code}" for code, count in one.refused.items()]
    if one.throttles:
        found.append(f"{one.throttles:,} starts found no room, with {one.most_at_once:,} at once")
    return found


def by_role(requests: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    """role -> operation -> requests."""
    found: dict[str, dict[str, int]] = {}
    for (role, operation), count in sorted(requests.items()):
        found.setdefault(role, {})[operation] = count
    return found


def to_json(reports: list[Report]) -> list[dict[str, Any]]:
    """What is printed for programs."""
    return [
        {
            **dataclasses.asdict(one),
            "requests": by_role(one.requests),
            "dollars": one.dollars,
            "seed": seed,
        }
        for seed, one in enumerate(reports, 1)
    ]


def main(argv: list[str] | None = None) -> int:
    """The command; 1 where a run has no result."""
    return program.run(make_parser(), simulate_and_show, argv)


def simulate_and_show(options: argparse.Namespace) -> int:
    """Run what was asked for and print it."""
    reports = run_all(options)
    shown = json.dumps(to_json(reports), indent=1) if options.json else "\n".join(lines(reports))
    print(shown)
    return 1 if any(one.failure for one in reports) else 0


if __name__ == "__main__":
    raise SystemExit(main())
