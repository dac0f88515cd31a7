"""Which options go together, and shell completion."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from terminal import arguments

ROOT = Path(__file__).resolve().parent.parent.parent
RUN = ["b", "j", "mapperNS", "reducerNS"]


@pytest.mark.parametrize(
    ("words", "view"),
    [
        (["b", "j", "--dryrun"], None),
        (["b", "j", "--dryrun", "--json", "--prices", "p.json"], None),
        (RUN, None),
        ([*RUN, "--wait4reducers", "--json", "--quiet", "--report", "r.html"], None),
        (["--status", "b", "j", "--json"], "status"),
        (["--result", "b", "j", "--format", "json", "--sort", "value", "--top", "3"], "result"),
        (["--logs", "b", "j", "--follow"], "logs"),
        (["--logs", "b", "j", "--json"], "logs"),
        (["--report", "r.html", "b", "j", "--prices", "p.json"], "report"),
    ],
)
def test_forms_of_the_command(words, view) -> None:
    assert arguments.view_of(arguments.parse(words)) == view


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--status", *RUN],
            "mapper_function belongs to running a job: leave it out",
        ),
        (["--result", "b", "j", "--overwrite"], "--overwrite belongs to running a job"),
        (["--logs", "b", "j", "--batchsize", "2"], "--batchsize belongs to running a job"),
        (["--report", "r", "b", "j", "--wait4reducers"], "--wait4reducers belongs to running"),
        (["--status", "--result", "b", "j"], "not allowed with argument"),
        (["b", "j", "--dryrun", "--format", "csv"], "--format goes with --result"),
        (["--status", "b", "j", "--sort", "key"], "--sort goes with --result"),
        (["--status", "b", "j", "--top", "3"], "--top goes with --result"),
        (["--status", "b", "j", "--follow"], "--follow goes with --logs"),
        (["--logs", "b", "j", "--follow", "--json"], "--follow has no end"),
        (["--result", "b", "j", "--json", "--format", "csv"], "exclude each other"),
        ([*RUN, "--quiet"], "--quiet goes with --wait4reducers"),
        ([*RUN, "--report", "r"], "--report goes with --wait4reducers, or a job that is done"),
        ([*RUN, "--prices", "p"], "--prices goes with --wait4reducers, --dryrun or --report"),
        (["--status", "b", "j", "--report", "r"], "--report goes with"),
        (["--result", "b", "j", "--top", "0"], "not a whole number from 1"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(words, message, capsys) -> None:
    with pytest.raises(SystemExit) as raised:
        arguments.parse(words)
    assert raised.value.code == 2
    assert message in capsys.readouterr().err


def test_every_option_of_a_run_is_known_to_the_parser() -> None:
    options = vars(arguments.make_parser().parse_args(["b", "j"]))
    assert set(arguments.OF_A_RUN) <= options.keys()


def completions(program: str, line: str, folder: Path) -> list[str]:
    """What the shell would offer at the end of a line; argcomplete's own protocol."""
    found = folder / "completions"
    subprocess.run(
        [sys.executable, program],
        cwd=ROOT,
        env={
            **os.environ,
            "_ARGCOMPLETE": "1",
            "_ARGCOMPLETE_STDOUT_FILENAME": str(found),
            "_ARGCOMPLETE_IFS": "\n",
            "COMP_LINE": line,
            "COMP_POINT": str(len(line)),
        },
        check=True,
        timeout=60,
    )
    return [word.strip() for word in found.read_text().split("\n")]


def test_the_shell_completes_options_and_choices(tmp_path: Path) -> None:
    pytest.importorskip("argcomplete")
    assert "--wait4reducers" in completions("mr/driver.py", "driver.py --wa", tmp_path)
    line = "driver.py --result b j --sort "
    assert set(completions("mr/driver.py", line, tmp_path)) >= {"key", "value"}


def test_the_shell_completes_setup_apps(tmp_path: Path) -> None:
    pytest.importorskip("argcomplete")
    program = "lambda-python/setupApps.py"
    assert "--plan" in completions(program, "setupApps.py --pl", tmp_path)
