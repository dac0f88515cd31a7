"""`make demo`, `make play` and `make local`: what they print, and that nothing is left behind."""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.sandbox import exports
from tests.cloud import ROOT, run


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The parts of a checkout that the two commands need, in a path with a space."""
    folder = tmp_path / "a checkout"
    for name in ("local", "mr", "lambda-python", "docs"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("scns.json", "README.md", "LICENSE", "CHANGELOG.md"):
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A user's environment whose home and temporary folder start empty."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS", "PYTHON"))}
    for name in ("home", "temporary"):
        (tmp_path / name).mkdir()
    own = {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "temporary")}
    path = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{inherited['PATH']}"
    return {**inherited, **own, "PATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


def processes_in(folder: Path) -> list[str]:
    """Command lines of the processes that have anything to do with a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if str(folder) in command:
                found.append(command)
    return found


def test_the_demo_ends_well_and_leaves_nothing(checkout: Path, environment, tmp_path) -> None:
    """No `aws` is on its path: pip's does not start in a virtual environment with a space."""
    environment["PATH"] = "/usr/bin:/bin"
    done = run([sys.executable, "local/demo.py"], environment, cwd=checkout, seconds=240)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"all \d+ groups are what a sum over the same files gives", done.stdout)
    assert "TIMER:CALL:" in done.stdout
    assert "Everything is deleted." in done.stderr
    assert "play with it:       make play" in done.stdout
    assert processes_in(checkout) == []
    assert [path.name for path in (checkout / ".local").iterdir()] == ["demo.html"]
    assert list((tmp_path / "home").iterdir()) == []
    assert list((tmp_path / "temporary").iterdir()) == []


@contextmanager
def sandbox(checkout: Path, environment: dict[str, str], *options: str) -> Iterator[dict[str, str]]:
    """`make local`'s program until the block ends; then Ctrl-C. Yields a second terminal's
    environment, in which SAID is what the program said.
    """
    command = [sys.executable, "local/sandbox.py", *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=checkout, env=environment, **pipes)
    assert process.stderr is not None
    told = "".join(itertools.takewhile(lambda line: "Ctrl-C" not in line, process.stderr))
    try:
        yield {**sourced(checkout, environment), "SAID": told}
    finally:
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert printed.startswith("export AWS_ENDPOINT_URL=http://127.0.0.1:")
    assert "Traceback" not in said
    assert processes_in(checkout) == []
    assert not (checkout / ".local/env").exists()


def sourced(checkout: Path, environment: dict[str, str]) -> dict[str, str]:
    """The environment after `source .local/env`."""
    command = ["bash", "-c", "source .local/env && env -0"]
    done = run(command, environment, cwd=checkout)
    assert done.returncode == 0, done.stderr
    return dict(entry.split("=", 1) for entry in done.stdout.split("\0") if entry)


@pytest.mark.slow
def test_the_local_aws_is_reached_by_what_it_exports_and_stops_cleanly(
    checkout: Path, environment
) -> None:
    with sandbox(checkout, environment, "--data") as second_terminal:
        assert second_terminal["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
        assert run(["aws", "s3", "mb", "s3://a-bucket"], second_terminal).returncode == 0
        assert "a-bucket" in run(["aws", "s3", "ls"], second_terminal).stdout
        assert_what_it_says_next_works(checkout, second_terminal)
        said = assert_the_lesson_runs(checkout, second_terminal)
    assert "mapper 3 read README.md (" in said
    assert "coordinator claimed step 1: 1 group of outputs x 3 ranges of keys, 3 reducers" in said
    assert "reducer 2/1 joined 3 outputs (" in said
    assert "combine is NOT associative" in said
    assert said.count("it ended with status 1") == 2
    assert "lesson7: starting 1 mapper of 6" in said
    assert "the report is lesson7.html" in said
    assert run(["aws", "s3", "ls"], second_terminal).returncode != 0
    assert not (checkout / ".local").exists()


def assert_what_it_says_next_works(checkout: Path, terminal: dict[str, str]) -> None:
    """Each command that it prints, word for word."""
    _, _, said = terminal["SAID"].partition("  source .local/env\n")
    first, result, words = (shlex.split(line) for line in said.splitlines())
    for command in (first, result, words):
        assert command[0] == "python"
        done = run([sys.executable, *command[1:]], terminal, cwd=checkout)
        assert done.returncode == 0, done.stderr
    counted = json.loads(
        run(["aws", "s3", "cp", "s3://local-jobs/job2/result", "-"], terminal).stdout
    )
    assert counted["the"] > 100


def assert_the_lesson_runs(checkout: Path, terminal: dict[str, str]) -> str:
    """docs/lesson.md word for word: files are saved under their names, and commands run. Returns
    what they said.
    """
    text = (checkout / "docs/lesson.md").read_text()
    names = iter(re.findall(r"Save this as\n?\s?`(\w+\.py)`", text))
    blocks = re.findall(r"^```(bash|python)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    said = ""
    for language, block in blocks:
        if language == "python":
            (checkout / next(names)).write_text(block)
            continue
        shell = f'set -euo pipefail\npython() {{ {sys.executable} "$@"; }}\n{block}'
        done = run(["bash", "-c", shell], terminal, cwd=checkout)
        assert done.returncode == 0, block + done.stdout + done.stderr
        said += done.stdout + done.stderr
    assert next(names, None) is None
    return said


def test_a_role_that_was_chosen_stays(monkeypatch) -> None:
    lines = exports({"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWSRole": "arn:own"})
    shell = ["bash", "-c", f'{lines}echo "$AWSRole"']
    assert run(shell, {"AWSRole": "arn:mine"}).stdout == "arn:mine\n"
    assert run(shell, {}).stdout == "arn:own\n"


@pytest.mark.slow
def test_what_is_in_it_is_kept_if_asked_for(checkout: Path, environment, tmp_path) -> None:
    with sandbox(checkout, environment, "--keep") as terminal:
        run(["aws", "s3", "mb", "s3://kept"], terminal)
        made = run(["aws", "s3", "cp", "-", "s3://kept/note", "--quiet"], terminal)
        assert made.returncode == 0, made.stderr
        put_function(terminal, "mine", tmp_path / "mine.zip")
    with sandbox(checkout, environment, "--keep") as terminal:
        assert "note" in run(["aws", "s3", "ls", "s3://kept/"], terminal).stdout
        assert {"mine", "mapperNS"} <= set(functions(terminal))
    kept = sorted(path.name for path in (checkout / ".local").iterdir())
    assert kept == ["s3", "state"]


def put_function(terminal: dict[str, str], name: str, path: Path) -> None:
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("mine.py", "def handler(event, context):\n    return 1\n")
    command = f"aws lambda create-function --function-name {name} --runtime python3.13".split()
    command += ["--handler", "mine.handler", "--role", terminal["AWSRole"]]
    done = run([*command, "--zip-file", f"fileb://{path}"], terminal)
    assert done.returncode == 0, done.stderr


def functions(terminal: dict[str, str]) -> list[str]:
    command = ["aws", "lambda", "list-functions", "--query", "Functions[].FunctionName"]
    found: list[str] = json.loads(run([*command, "--output", "json"], terminal).stdout)
    return found
