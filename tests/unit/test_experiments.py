"""Experiments: plans, tables, medians, limits; and the page in a real browser."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import statistics
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from errors import JobError, UsageError
from experiments import page, plan, summing, table
from experiments.deploying import Deployment
from experiments.measuring import is_complete, row_of
from experiments.plan import Combination, Run
from experiments.summing import Spread, spread
from terminal import experimenting
from tests import readme
from tests.browser import browser  # noqa: F401 - a fixture

PLAN = """
name = "memory"
bucket = "jobs-bucket"
repeat = 4

[input]
bucket = "data-bucket"
prefix = "rows/"

[settings]
memory = [512, 1024]
start = ["cold", "warm"]
"""


def write(folder: Path, text: str) -> str:
    path = folder / "plan.toml"
    path.write_text(text)
    return str(path)


def row(**changed: Any) -> table.Row:
    numbers = {
        field.name: {"int": 1, "float": 2.0, "str": ""}[str(field.type)]
        for field in dataclasses.fields(table.Row)
    }
    settings = dataclasses.asdict(Combination())
    return table.Row(**{**numbers, **settings, **changed})


# --------------------------------------------------------------------------- plans


def test_a_plan_is_every_combination(tmp_path: Path) -> None:
    read = plan.read(write(tmp_path, PLAN))
    assert [one.words() for one in read.combinations] == [
        "512 MB, cold",
        "512 MB",
        "1024 MB, cold",
        "1024 MB",
    ]
    assert read.machines == [(512, "x86_64"), (1024, "x86_64")]
    assert (read.repeat, read.seed, read.databkt, read.prefix) == (4, 1, "data-bucket", "rows/")


def test_runs_come_in_an_order_by_chance_that_stays(tmp_path: Path) -> None:
    read = plan.read(write(tmp_path, PLAN))
    runs = read.runs()
    assert runs == read.runs()
    assert [run.number for run in runs] == list(range(1, 17))
    assert set(Counter(run.combination for run in runs).values()) == {4}
    assert [run.combination for run in runs[:4]] != [read.combinations[0]] * 4
    other = dataclasses.replace(read, seed=2)
    assert [run.combination for run in other.runs()] != [run.combination for run in runs]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("[", "(", "is not TOML"),
        ('name = "memory"', "", "name: missing"),
        ('"memory"', '"../x"', "name: '../x' is not a name"),
        ("repeat = 4", "repeat = 0", "repeat: 0 is not a number of runs, from 1 to 1000"),
        ("repeat = 4", "repeat = true", "repeat: True is not a number of runs"),
        ("repeat = 4", "repeats = 4", "repeats: unknown: there are name, bucket"),
        ('bucket = "data-bucket"', "", "input.bucket: missing"),
        ("[512, 1024]", "512", "settings.memory: 512 is not a list"),
        ("[512, 1024]", "[]", "settings.memory: [] is not a list"),
        ("[512, 1024]", "[512, 512]", "settings.memory: [512, 512] has a value twice"),
        ("[512, 1024]", "[64]", "settings.memory: 64 is not a memory in MB, from 128 to 10240"),
        ('"warm"', '"hot"', "settings.start: 'hot' is not cold or warm"),
        ("start", "begin", "settings.begin: unknown: there are memory, architecture"),
        ("start", 'splitsize = ["x"]\nstart', "settings.splitsize: 'x' is no size"),
        (
            "start",
            'splitsize = ["1MB"]\nbatchsize = [2]\nstart',
            "settings: batchsize and splitsize exclude each other",
        ),
        ("[settings]", "[[settings]]", "settings: [{"),
    ],
)
def test_a_fault_of_a_plan_is_named(tmp_path: Path, old: str, new: str, fault: str) -> None:
    with pytest.raises(UsageError) as caught:
        plan.read(write(tmp_path, PLAN.replace(old, new, 1)))
    assert fault in str(caught.value)


def test_all_faults_are_told_in_one_go(tmp_path: Path) -> None:
    text = PLAN.replace("512", "1").replace("repeat = 4", "repeat = 0")
    with pytest.raises(UsageError) as caught:
        plan.read(write(tmp_path, text))
    assert len(str(caught.value).splitlines()) == 2


def test_the_plan_that_ships_is_one(tmp_path: Path) -> None:
    text = (readme.ROOT / "experiments" / "memory.toml").read_text()
    with pytest.raises(UsageError, match="'MY-BUCKET-NAME' is not the name of a bucket: fill in"):
        plan.read(write(tmp_path, text))
    text = text.replace("MY-BUCKET-NAME", "jobs").replace("MY-DATA-BUCKET", "data")
    assert len(plan.read(write(tmp_path, text)).combinations) == 16


def test_every_machine_has_functions_of_its_own(tmp_path: Path) -> None:
    read = dataclasses.replace(plan.read(write(tmp_path, PLAN)), packages=("polars==2.1.0",))
    made = Deployment(read, "us-west-2", None, tmp_path).configuration(fresh=3)
    names = {one["name"]: one for one in made["functions"]}
    assert set(names) == {
        "experiment-memory-mapper-512-x86-64",
        "experiment-memory-reducer-512-x86-64",
        "experiment-memory-mapper-1024-x86-64",
        "experiment-memory-reducer-1024-x86-64",
        "experiment-memory-coordinator",
    }
    mapper = names["experiment-memory-mapper-512-x86-64"]
    assert (mapper["lambdaMemory"], mapper["packages"]) == (512, ["polars==2.1.0"])
    assert mapper["environment"] == {"MR_FRESH": "3"}
    coordinator = names["experiment-memory-coordinator"]
    assert coordinator["permission"] == "jobs-bucket"
    assert coordinator["job_id"] == "experiment-memory"
    assert all(len(name) <= 64 for name in names)


# --------------------------------------------------------------------------- tables


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "memory.csv"
    rows = [row(memory=512, batchsize="4"), row(repeat=2, splitsize="32MB", dollars=0.00001)]
    for one in rows:
        table.append(path, one)
    assert table.read(path) == rows
    assert rows[0].combination == Combination(512, batchsize=4)


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "\0", None])
def test_what_is_no_table_is_an_error(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "memory.csv"
    header = ",".join(table.COLUMNS)
    path.write_text(f"{header}\n{header}\n" if text is None else text)
    with pytest.raises(UsageError, match="is not the table of an experiment"):
        table.read(path)


def test_only_what_has_no_row_is_due(tmp_path: Path) -> None:
    runs = plan.read(write(tmp_path, PLAN)).runs()
    done = [row(repeat=run.repeat, **dataclasses.asdict(run.combination)) for run in runs[:5]]
    assert table.missing(runs, done) == runs[5:]


SUMMARY = {
    "seconds": 9.5,
    "lines": 100,
    "groups": 7,
    "cost": {"dollars": 0.25},
    "tasks": [
        {"step": 0, "number": 1, "seconds": 1.0, "started_unix_s": 50.0, "input_bytes": 10},
        {"step": 0, "number": 2, "seconds": 3.0, "started_unix_s": 40.0, "input_bytes": 20},
        {"step": 1, "number": 1, "seconds": 9.0, "started_unix_s": 60.0, "input_bytes": 30},
    ],
}


def timing(kind: str, number: int | None, billed: float | None = 1000.0, **more: Any) -> Any:
    step = {"mapper": 0, "reducer": 1}.get(kind)
    known = {"init_ms": None, "memory_used_mb": 80, "outcome": "done" if billed else "unknown"}
    return {"kind": kind, "step": step, "number": number, "billed_ms": billed, **known, **more}


TIMINGS = [
    timing("mapper", 1, init_ms=300.0),
    timing("mapper", 2, memory_used_mb=120),
    timing("coordinator", None, 50.0),
    timing("reducer", 1),
]


def test_the_row_of_a_run() -> None:
    made = row_of(Run(3, Combination(512, batchsize=2), 4), SUMMARY, TIMINGS)
    assert (made.run, made.repeat, made.memory, made.batchsize) == (3, 4, 512, "2")
    assert (made.mappers, made.reducers, made.mapper_median_s, made.mapper_longest_s) == (
        2,
        1,
        2,
        3,
    )
    assert (made.billed_s, made.cold_starts, made.memory_used_mb) == (3.05, 1, 120)
    assert (made.bytes_in, made.rows, made.groups, made.dollars) == (30, 100, 7, 0.25)
    assert (made.started_unix_s, made.seconds) == (40.0, 9.5)


@pytest.mark.parametrize(
    ("rows", "complete"),
    [
        (TIMINGS, True),
        (TIMINGS[1:], False),
        ([*TIMINGS, timing("coordinator", None, None)], False),
        ([*TIMINGS[1:], timing("mapper", 1, None)], False),
    ],
)
def test_logs_are_waited_for(rows: list[Any], complete: bool) -> None:
    assert is_complete(rows, SUMMARY) is complete


# --------------------------------------------------------------------------- what is shown


@pytest.mark.parametrize("count", range(1, 60))
def test_the_interval_holds_the_median_with_95_percent(count: int) -> None:
    """The chance that it does not, summed over the coins, is below 5 %, and one more value in
    would be too much.
    """
    found = spread(range(1, count + 1))
    rank = int(found.low)
    assert (found.median, found.high) == (statistics.median(range(1, count + 1)), count + 1 - rank)

    def miss(rank: int) -> float:
        return sum(math.comb(count, heads) for heads in range(rank)) / 2 ** (count - 1)

    assert miss(rank) <= 0.05 or (rank == 1 and count < 6)
    assert miss(rank + 1) > 0.05


def test_the_fastest_and_the_cheapest_are_named() -> None:
    rows = [
        row(memory=512, seconds=9.0, dollars=0.01),
        row(memory=512, seconds=7.0, dollars=0.02),
        row(memory=1024, seconds=5.0, dollars=0.03),
    ]
    found = summing.figures(rows)
    assert [(one.combination.memory, one.runs) for one in found] == [(512, 2), (1024, 1)]
    assert found[0].seconds == Spread(8.0, 7.0, 9.0)
    assert summing.lines(found) == [
        "setting  runs  seconds, median           dollars, median",
        "1024 MB     1  5.00 (5.00 to 5.00)       $0.0300 ($0.0300 to $0.0300)",
        "512 MB      2  8.00 (7.00 to 9.00)       $0.0150 ($0.0100 to $0.0200)",
        "fastest: 1024 MB, 5.00 s",
        "cheapest: 512 MB, $0.0150 a run",
    ]
    assert summing.lines([]) == ["no run was measured"]
    told = json.loads(page.as_json(found))["settings"]
    assert told[0]["seconds"] == {"median": 8.0, "low": 7.0, "high": 9.0}


@pytest.mark.parametrize(
    ("endpoint", "local"),
    [
        ("http://127.0.0.1:4566", True),
        ("http://localhost", True),
        ("http://[::1]:1", True),
        ("", False),
        ("https://s3.us-west-2.amazonaws.com", False),
        ("http://127.0.0.1.example.com", False),
    ],
)
def test_aws_wants_a_limit(endpoint: str, local: bool) -> None:
    variables = {"AWS_ENDPOINT_URL": endpoint} if endpoint else {}
    experimenting.check_cost(0.5, variables)
    if local:
        experimenting.check_cost(None, variables)
    else:
        with pytest.raises(UsageError, match="--max-cost DOLLARS"):
            experimenting.check_cost(None, variables)


@pytest.mark.parametrize(
    ("most", "start", "stops"),
    [(None, "warm", False), (0.31, "cold", False), (0.29, "cold", True), (0.31, "warm", True)],
)
def test_it_stops_before_it_costs_more(most: float | None, start: str, stops: bool) -> None:
    rows = [row(dollars=0.1, start=start), row(dollars=0.1, start=start)]
    if stops:
        with pytest.raises(JobError, match="2 runs cost"):
            experimenting.check_spent(rows, most)
    else:
        experimenting.check_spent(rows, most)
    experimenting.check_spent([], most)


@pytest.mark.parametrize("text", ["0", "-1", "x", "nan", "inf", ""])
def test_what_is_no_amount(text: str) -> None:
    from terminal import arguments

    with pytest.raises(argparse.ArgumentTypeError, match="is no amount"):
        arguments.amount(text)
    assert arguments.amount("$0.5") == 0.5


@pytest.mark.parametrize("wide", [400, 1200])
def test_the_page_shows_every_run(browser: Any, tmp_path: Path, wide: int) -> None:
    rows = [
        row(run=number, repeat=number, memory=memory, seconds=1000 / memory + number / 10)
        for memory in (512, 1024, 2048)
        for number in range(1, 8)
    ]
    path = tmp_path / "page.html"
    path.write_text(page.page("memory", rows, summing.figures(rows)))
    assert path.stat().st_size < 60_000
    metrics = {"width": wide, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(path.as_uri())
    assert browser.execute_script("return document.documentElement.scrollWidth") <= wide
    dots = browser.find_elements("css selector", "#seconds .dot")
    assert len(dots) == len(rows) == len(browser.find_elements("css selector", "#dollars .dot"))
    assert len(browser.find_elements("css selector", "#both .dot")) == 3
    assert browser.find_element("id", "best").text.startswith("Fastest: 2048 MB, 0.89 s. Cheapest:")
    browser.execute_script("arguments[0].focus()", dots[0])
    assert browser.find_element("id", "hover").text.startswith("2048 MB\nrun 1\n0.58828")
    assert browser.get_log("browser") == []


def test_the_page_of_documentation_has_every_field_and_every_column() -> None:
    text = (readme.ROOT / "docs" / "experiments.md").read_text()

    def named(mark: str) -> list[str]:
        cells = [name for cell, *_ in readme.rows(text, mark) for name in cell.split(", ")]
        return [name.strip("`") for name in cells]

    settings = [f"settings.{name}" for name in plan.SETTINGS]
    assert sorted(named("plan")) == sorted(
        [*plan.FIELDS, "input.bucket", "input.prefix", *settings]
    )
    columns = set(table.COLUMNS) - set(table.SETTINGS)
    assert sorted(named("rows")) == sorted(columns)
