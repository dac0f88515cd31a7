"""The section that is computed: what the queries would take on AWS, beside what others published.

Each row is runs of `local/simulator.py`, with the rates that other sections of the same run
measured; where they were not run, with those of local/simulated/rates.py.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from common import Bench, Section
from measure import ROOT, CaseFailed

from local.simulated import presets
from local.simulated.rates import Rates

PUBLISHED = [
    ("2A", "1node", "the original, on AWS", "600", ""),
    ("2A", "1node", "corral (Go), on AWS", "48.5", ""),
    ("2A", "5nodes", "corral (Go), on AWS", "168.8", ""),
    ("2A", "5nodes", "awslabs' reference, on AWS", "200", "$0.1129"),
    ("2A", "5nodes", "Redshift", "25.5", ""),
    ("2A", "5nodes", "Impala", "84", ""),
    ("2A", "5nodes", "Hive", "731", ""),
    ("2B", "5nodes", "Redshift", "57", ""),
    ("2C", "5nodes", "Redshift", "79", ""),
]

ENGINES = {
    "standard library": ("standard", {"kernel": "kernel", "merge": "merge"}),
    "Polars, orjson": (
        "polars",
        {"kernel": "polars", "merge": "merge_orjson", "encode": "encode_orjson"},
    ),
}
"""Title -> the simulator's engine, and which measured rate is which of its own."""
COMPUTING = ("client", "next_client", "request", "listed", "receive", "encode")
"""Rates of the section `computing`."""
INPUTS = ("1node", "5nodes")
SPLITS = (64, 128, 256, 512)
SEEDS = 20
"""Runs of each row."""


Reports = list[dict[str, Any]]
"""What the simulator says of a row's runs."""


@dataclasses.dataclass(frozen=True)
class Row:
    """What is simulated: a query over an input, by an engine, in splits of so many MB."""

    query: str
    data: str
    engine: str
    split: int


def model(bench: Bench) -> Section:
    """The queries on AWS, simulated with what was measured."""
    queries, inputs = (("2A",), ("1node",)) if bench.quick else (("2A", "2B", "2C"), INPUTS)
    wanted = [Row(*one) for one in itertools.product(queries, inputs, ENGINES, SPLITS)]
    found = simulated(bench, wanted)
    rows = [
        ["query", "input", "computed with", "split", "mappers", "reducers", "runs", "seconds",
         "dollars"]
    ]  # fmt: skip
    rows += [shown(row, found[row]) for row in wanted]
    rows += [
        [query, data, who, "", "", "", "", seconds, dollars]
        for query, data, who, seconds, dollars in PUBLISHED
    ]
    series: dict[str, list[tuple[float, float]]] = {}
    for row in (row for row in wanted if isinstance(found[row], list)):
        name = f"{row.query}, {row.data}, {row.engine}"
        series.setdefault(name, []).append((row.split, median(found[row], "seconds")))
    plot = {
        "kind": "lines", "title": "Simulated on AWS", "x": "split size, MB", "y": "seconds",
        "series": series,
    }  # fmt: skip
    return Section("model", "Simulated on AWS", text_of(bench), rows, plot, how="Computed")


def text_of(bench: Bench) -> str:
    """What the rows are, and the rates they rest on."""
    rates = dataclasses.replace(Rates(), **rates_of(bench, "standard library")).to_json()
    fast = rates_of(bench, "Polars, orjson")
    listed = ", ".join(f"`{name}` {value}" for name, value in rates.items())
    return (
        "**Computed, not measured**: `local/simulator.py` runs the project's own driver, "
        "coordinator and planner on a simulated AWS, the driver on a computer in the same region "
        "that starts every mapper by Event. Each row is so many runs with other random numbers as "
        "it says: the median, and the least and the most. "
        "The dollars are all that AWS asks for: functions, requests, listings. A core here is "
        "taken for a core there. At the bottom, what others have published, on AWS and on "
        f"clusters. `1node` is 25.4 GB, `5nodes` 126.8 GB. The rates, of which "
        f"`local/simulated/rates.py` says what each is, and [median, 99th percentile] where a "
        f"time is drawn: {listed}. With Polars and orjson, `kernel` is {fast['kernel']:.4g}, "
        f"`merge` {fast['merge']:.4g}, `encode` {fast['encode']:.4g}."
    )


def rates_of(bench: Bench, engine: str) -> dict[str, float]:
    """The rates that an engine is simulated with: measured, or else the simulator's own."""
    own, names = ENGINES[engine]
    names = {name: name for name in COMPUTING} | names
    measured = {name: bench.rates[one] for name, one in names.items() if one in bench.rates}
    return {**presets.ENGINES[own], **measured}


def simulated(bench: Bench, rows: Sequence[Row]) -> dict[Row, Reports | str]:
    """The reports of each row, or why it cannot be run; as many at once as there are cores."""
    files = {}
    for number, engine in enumerate(ENGINES):
        files[engine] = bench.folder / f"rates-{number}.json"
        files[engine].write_text(json.dumps(rates_of(bench, engine)))

    def run(row: Row) -> Reports | str:
        try:
            return simulate(
                "--query", row.query, "--input", row.data, "--splitsize", f"{row.split}MB",
                "--rates", str(files[row.engine]), "--seeds", str(SEEDS if not bench.quick else 2),
            )  # fmt: skip
        except CaseFailed as error:
            return str(error)

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return dict(zip(rows, threads.map(run, rows), strict=True))


def simulate(*options: str) -> Reports:
    """Run the simulator. CaseFailed, with why, where a run of it has no result."""
    command = [sys.executable, str(ROOT / "local" / "simulator.py"), *options, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        failures = [one["failure"] for one in json.loads(done.stdout or "[]")]
        raise CaseFailed(next(filter(None, failures), done.stderr[-300:]))
    reports: Reports = json.loads(done.stdout)
    return reports


def median(reports: Reports, what: str) -> float:
    return statistics.median(report[what] for report in reports)


def shown(row: Row, reports: Reports | str) -> list[str]:
    """A row of the table."""
    what = [row.query, row.data, row.engine, f"{row.split} MB"]
    if isinstance(reports, str):
        return [*what, "", "", "0", reports, ""]
    seconds = [report["seconds"] for report in reports]
    first = reports[0]
    steps = " + ".join(
        f"{step['grid']['groups']} x {step['grid']['ranges']}" for step in first["steps"]
    )
    return [
        *what, f"{first['mappers']:,}", steps, str(len(reports)),
        f"{statistics.median(seconds):.1f} ({min(seconds):.1f}-{max(seconds):.1f})",
        f"${median(reports, 'dollars'):.4f}",
    ]  # fmt: skip
