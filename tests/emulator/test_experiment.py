"""A whole experiment on the embedded AWS: stopped by its limit, gone on with, shown, cleaned up."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cloud import ROOT, Cloud, run

BUCKET = "experiment-jobs"
ROWS = b"a,x,y,1\nb,x,y,2\n"


@pytest.fixture
def plan(cloud: Cloud, tmp_path: Path) -> Path:
    """The plan that ships, with names filled in and fewer runs."""
    cloud.put_input("measured/", [ROWS] * 2)
    assert run(["aws", "s3", "mb", f"s3://{BUCKET}"], cloud.environment).returncode == 0
    text = (ROOT / "experiments" / "memory.toml").read_text()
    for old, new in {
        "MY-BUCKET-NAME": BUCKET,
        "MY-DATA-BUCKET": cloud.databkt,
        "uservisits/": "measured/",
        "repeat = 5": "repeat = 1",
        "[512, 1024, 1769, 3008]": "[512]",
        '["x86_64", "arm64"]': '["x86_64"]',
    }.items():
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "memory.toml"
    path.write_text(text)
    return path


def experiment(cloud: Cloud, plan: Path, *words: str) -> Any:
    command = [sys.executable, "mr/experiment.py", str(plan), "--output", str(plan.parent), *words]
    return run(command, cloud.environment, seconds=180)


def names(cloud: Cloud) -> set[str]:
    command = ["aws", "lambda", "list-functions", "--query", "Functions[].FunctionName"]
    return set(json.loads(run([*command, "--output", "json"], cloud.environment).stdout))


def test_an_experiment(cloud: Cloud, plan: Path) -> None:
    before = names(cloud)
    planned = experiment(cloud, plan, "--plan")
    assert planned.returncode == 0, planned.stderr
    assert "2 combinations x 1: 2 runs to make, 0 made" in planned.stderr

    stopped = experiment(cloud, plan, "--max-cost", "0.0000001")
    assert stopped.returncode == 1
    assert "more than --max-cost $0.000000100" in stopped.stderr
    table = plan.with_suffix(".csv")
    assert len(list(csv.DictReader(table.open()))) == 1
    assert names(cloud) == before

    done = experiment(cloud, plan)
    assert done.returncode == 0, done.stderr
    assert "2 combinations x 1: 1 run to make, 1 made" in done.stderr
    rows = list(csv.DictReader(table.open()))
    assert sorted(row["start"] for row in rows) == ["cold", "warm"]
    for row in rows:
        assert (row["memory"], row["mappers"], row["rows"], row["groups"]) == ("512", "1", "4", "2")
        assert float(row["billed_s"]) > 0 and float(row["seconds"]) > 0
        assert float(row["dollars"]) > 0
    assert done.stdout.splitlines()[-2].startswith("fastest: 512 MB")
    assert names(cloud) == before
    assert cloud.s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0
    assert "Experiment memory" in plan.with_suffix(".html").read_text()

    again = experiment(cloud, plan, "--json")
    assert "0 runs to make, 2 made" in again.stderr
    assert len(json.loads(again.stdout)["settings"]) == 2
