"""The documentation says what is so: help texts, links, and what it must not say.

After a change of a command's options, `python -m tests.unit.test_docs` writes the help blocks anew.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from running.outlook import MEMORY_MB
from shuffle.estimate import Outputs
from shuffle.plan import Wish, plan_step
from state.grid import Grid
from tests import readme

PAGES = readme.pages()
HELP = [(page, program) for page in PAGES for program in readme.help_blocks(page.read_text())]


def help_of(program: str) -> str:
    """What a program's --help prints, in 80 columns."""
    done = subprocess.run(
        [sys.executable, program, "--help"],
        cwd=readme.ROOT,
        env={**os.environ, "COLUMNS": "80", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_the_readme_shows_the_help_of_every_command() -> None:
    shown = {program for page, program in HELP if page.name == "README.md"}
    commands = {"mr/driver.py", "mr/job.py", "lambda-python/setupApps.py", "setup/create-role.py"}
    assert commands <= shown


@pytest.mark.parametrize(("page", "program"), HELP, ids=[program for _, program in HELP])
def test_a_help_block_is_what_help_prints(page: Path, program: str) -> None:
    assert readme.help_blocks(page.read_text())[program] == help_of(program)


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    missing = [
        target for target in readme.links(page.read_text()) if not (page.parent / target).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_files_named_in_the_text_exist(page: Path) -> None:
    folders = "mr|lambda-python|setup|local|tests|benchmarks|docs"
    named = set(re.findall(rf"`((?:{folders})/[\w./-]+\.\w+)`", page.read_text()))
    assert [name for name in sorted(named) if not (readme.ROOT / name).exists()] == []


README = (readme.ROOT / "README.md").read_text()


def test_the_files_to_read_first_are_as_long_as_is_said() -> None:
    files = [readme.ROOT / row[0].strip("`") for row in readme.rows(README, "first")]
    (said,) = re.findall(r"Who reads these (\d+) lines", README)
    lines = sum(len(path.read_text().splitlines()) for path in files)
    assert lines == pytest.approx(int(said), abs=30)


@pytest.mark.parametrize("row", readme.rows(README, "then"), ids=lambda row: row[0])
def test_every_folder_has_a_file_to_begin_with(row: list[str]) -> None:
    folders = re.findall(r"`([\w/-]+/)`", row[0])
    assert all((readme.ROOT / folder).is_dir() for folder in folders)
    assert (readme.ROOT / folders[0] / row[2].strip("`")).is_file()


@pytest.mark.parametrize("row", readme.rows(README, "memory"), ids=lambda row: row[0])
def test_the_memory_of_a_function_is_that_of_the_configuration_and_of_the_original(row) -> None:
    original = (readme.ROOT / "tests/original/readme.md").read_text()
    shipped = (readme.ROOT / "scns.json").read_text()
    for text, said in ((shipped, row[1]), (original, row[2])):
        name = re.escape(row[0].strip("`"))
        found = re.findall(rf'"name": "{name}",\s+"lambdaMemory": (\d+)', text)
        assert set(found) == {said}


def test_the_memory_that_is_assumed_of_a_function_is_that_of_the_configuration() -> None:
    roles = {"driver": "driver", "mapper": "mapper", "reducer": "reducer"}
    roles["reducerCoordinator"] = "coordinator"
    functions = json.loads((readme.ROOT / "scns.json").read_text())["functions"]
    assert {
        roles[function["handler"].partition(".")[0]]: function["lambdaMemory"]
        for function in functions
    } == MEMORY_MB


ARCHITECTURE = (readme.ROOT / "docs/architecture.md").read_text()
UNITS = {"kB": 1e3, "MB": 1e6, "GB": 1e9, "MiB": 2.0**20}


def quantity(text: str) -> float:
    """A number as a page has it: `1,980`, `1.8 GB`, `512 bytes`."""
    number, _, unit = text.partition(" ")
    return float(number.replace(",", "")) * UNITS.get(unit, 1)


def grids(text: str) -> list[Grid]:
    """The steps of `4 x 1, 1 x 1`."""
    found = re.findall(r"(\d+) x (\d+)", text)
    return [Grid(int(groups), int(ranges)) for groups, ranges in found]


@pytest.mark.parametrize("row", readme.rows(ARCHITECTURE, "shapes"), ids=lambda row: row[2])
def test_the_shapes_on_the_page_are_those_that_are_planned(row: list[str]) -> None:
    before, size = Grid(int(quantity(row[0]))), quantity(row[1])
    for step, grid in enumerate(grids(row[2]), 1):
        assert plan_step(step, Outputs(before, size), 1536, Wish()) == grid
        before = grid
    assert before == Grid()


@pytest.mark.parametrize("row", readme.rows(ARCHITECTURE, "constants"), ids=lambda row: row[1])
def test_the_numbers_on_the_page_are_those_of_the_code(row: list[str]) -> None:
    path, name, value = (cell.strip("`") for cell in row[:3])
    module = importlib.import_module(path.removeprefix("mr/").removesuffix(".py").replace("/", "."))
    assert getattr(module, name) == quantity(value)


RELIABILITY = (readme.ROOT / "docs/reliability.md").read_text()


@pytest.mark.parametrize("row", readme.rows(RELIABILITY, "failures"), ids=lambda row: row[0])
def test_every_failure_on_the_page_is_shown_by_a_test(row: list[str]) -> None:
    path, name = re.findall(r"`([^`]+)`", row[3])
    assert f"\ndef {name}(" in (readme.ROOT / path).read_text()


if __name__ == "__main__":
    for page, program in HELP:
        page.write_text(readme.with_help(page.read_text(), program, help_of(program)))
