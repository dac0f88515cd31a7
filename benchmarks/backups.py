"""The section about backup copies: what they bring where some functions are slow. Computed: whole
jobs of the project's own driver and coordinator, on the simulated AWS of local/simulated/.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import os
import statistics
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from common import Bench, Section

from local.simulated import presets
from local.simulated.groups import alike
from local.simulated.job import Layout, Report, request_for, simulate
from local.simulated.rates import Rates
from local.simulated.work import Query

SLOW = Rates(straggler_share=0.01, straggler_factor=5.0)
"""One environment of 100 is five times as slow as the others."""


@dataclasses.dataclass(frozen=True)
class Case:
    """Jobs over a layout, asked for with `options`, so many of them, with seeds from 1 on."""

    title: str
    layout: Layout
    options: Mapping[str, Any]
    jobs: int


@dataclasses.dataclass(frozen=True)
class Job:
    """What became of one: its seconds and dollars, and the functions that were started beyond one
    a task.
    """

    seconds: float
    dollars: float
    copies: int


FEW_GROUPS = Layout(126_800_000_000, 400, Query(alike(2000), 164, 28))
"""Input of which 400 mappers take 317 MB each, and the answer is small."""
CASES = (
    Case(
        "400 mappers, by Event",
        FEW_GROUPS,
        {"split_size": 320_000_000, "wait": True},
        100,
    ),
    Case(
        "400 mappers, called",
        FEW_GROUPS,
        {"split_size": 320_000_000, "concurrency": 400},
        40,
    ),
    Case(
        "2A over 25.4 GB: 202 mappers, 32 reducers, by Event",
        presets.layout("2A", "1node"),
        {"split_size": 128_000_000, "wait": True},
        40,
    ),
)


def backups(bench: Bench) -> Section:
    """Jobs with copies and without, with the same random numbers."""
    rows = [["", "", "jobs", "median", "99th percentile", "x median", "mean cost", "copies a job"]]
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        for case in CASES:
            seeds = range(1, 1 + (2 if bench.quick else case.jobs))
            for name, has_none in (("**with copies**", False), ("`--no-backups`", True)):
                one = functools.partial(run, case, has_none)
                rows.append([case.title, name, *shown(list(processes.map(one, seeds)))])
    text = (
        "**Not measured**: `local/simulator.py`'s AWS, of which one environment of 100 runs five "
        "times as slow as the others. Jobs with copies and jobs without have the same random "
        "numbers. The cost is all that AWS asks for. Copies are functions that were started beyond "
        "one a task."
    )
    return Section("backups", "Backup copies", text, rows, how="Computed")


def run(case: Case, has_none: bool, seed: int) -> Job:
    """One job. RuntimeError where it has no answer."""
    request = request_for(no_backups=has_none, **case.options)
    report = simulate(request, case.layout, SLOW, seed)
    if report.failure:
        raise RuntimeError(f"{case.title}, seed {seed}: {report.failure}")
    return Job(report.seconds, report.dollars, copies_of(report))


def copies_of(report: Report) -> int:
    """How many mappers and reducers were started beyond one a task; pure."""
    started = sum(used.calls for used in report.usages if used.role in ("mapper", "reducer"))
    return started - report.mappers - sum(step.grid.count for step in report.steps)


def shown(jobs: Sequence[Job]) -> list[str]:
    """The cells of a row, after what it is about."""
    seconds = sorted(job.seconds for job in jobs)
    middle, high = statistics.median(seconds), seconds[math.ceil(0.99 * len(seconds)) - 1]
    return [
        str(len(jobs)),
        f"{middle:.1f} s",
        f"{high:.1f} s",
        f"{high / middle:.2f}",
        f"${statistics.mean(job.dollars for job in jobs):.4f}",
        f"{statistics.mean(job.copies for job in jobs):.1f}",
    ]
