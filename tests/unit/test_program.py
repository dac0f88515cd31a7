"""What every command does with its arguments, its streams, signals and errors: real processes."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from terminal import program

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def command(tmp_path: Path) -> Callable[[str], list[str]]:
    """Makes a command of a function's body, which has its arguments in `options.words`."""

    def make(body: str) -> list[str]:
        path = tmp_path / "it.py"
        path.write_text(
            "import argparse, json, os, signal, sys, time\n"
            f"sys.path.append({str(ROOT / 'mr')!r})\n"
            "from errors import JobError, UsageError, log\n"
            "from terminal import program\n"
            "parser = argparse.ArgumentParser(prog='it.py')\n"
            "parser.add_argument('words', nargs='*')\n"
            "def command(options):\n"
            f"{textwrap.indent(textwrap.dedent(body), '    ')}\n"
            "sys.exit(program.run(parser, command))\n"
        )
        return [sys.executable, str(path)]

    return make


def run(words: list[str], redirected: str = "", **environment: str) -> tuple[int, str, str]:
    """Exit status, standard output, standard error of a command with the shell's redirections."""
    done = subprocess.run(
        ["bash", "-c", f'"$@" {redirected}', "bash", *words],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


# ------------------------------------------------------------------------------- exit statuses


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("log('fine')", 0, "fine\n"),
        ("return 3", 3, ""),
        ("raise JobError('it broke: mend it')", 1, "it.py: it broke: mend it\n"),
        ("raise UsageError('it is wrong: correct it')", 2, "it.py: it is wrong: correct it\n"),
        ("raise UsageError('one\\n', 'two')", 2, "it.py: one\\n\nit.py: two\n"),
        ("open('/nowhere/at/all')", 1, "it.py: /nowhere/at/all: No such file or directory\n"),
        ("raise OSError('no space')", 1, "it.py: no space\n"),
    ],
)
def test_an_error_is_a_line_and_a_status(command, body: str, status: int, said: str) -> None:
    assert run(command(body)) == (status, "", said)


def test_a_fault_of_our_own_keeps_its_traceback(command) -> None:
    status, _, said = run(command("return 1 / 0"))
    assert status == 1
    assert said.endswith("ZeroDivisionError: division by zero\n")
    assert "Traceback" in said


# ------------------------------------------------------------------------------------- streams


@pytest.mark.parametrize(
    ("redirected", "said"),
    [
        (">&-", "it.py: standard output is closed\n"),
        (">/dev/full", "it.py: standard output cannot be written: No space left on device\n"),
        ("<&- >&-", "it.py: standard output is closed\n"),
    ],
)
@pytest.mark.parametrize("body", ["print('data')", "print('data' * 100_000)"])
def test_data_that_cannot_be_written_is_an_error(
    command, body: str, redirected: str, said: str
) -> None:
    assert run(command(body), redirected) == (1, "", said)


@pytest.mark.parametrize("redirected", [">&-", ">/dev/full"])
def test_a_command_without_data_needs_no_standard_output(command, redirected: str) -> None:
    assert run(command("log('done')"), redirected) == (0, "", "done\n")


def test_help_that_cannot_be_written_is_an_error_too(command) -> None:
    status, _, said = run([*command("pass"), "--help"], ">/dev/full")
    assert (status, said.count("\n")) == (1, 1)


@pytest.mark.parametrize("redirected", ["2>&-", "2>/dev/full", "<&- 2>&-"])
@pytest.mark.parametrize("end", ["", "raise JobError('x')"])
def test_standard_output_has_data_alone_where_standard_error_takes_nothing(
    command, redirected: str, end: str
) -> None:
    body = f"log('words'); print(json.dumps(1), flush=True); log('more words')\n{end}"
    assert run(command(body), redirected) == (1 if end else 0, "1\n", "")


def test_a_file_that_is_opened_is_no_standard_stream(command) -> None:
    body = """
        with open(sys.argv[1], "w") as file:
            os.write(2, b"words of a library")
            file.write(str(file.fileno() > 2))
    """
    made = command(body)
    path = Path(made[1]).with_name("made")
    assert run([*made, str(path)], "<&- >&- 2>&-")[0] == 0
    assert path.read_text() == "True"


def test_a_reader_who_has_enough_is_no_error(command) -> None:
    words = command("for number in range(100_000): print(number)")
    assert run(words, '| head -n 1; exit "${PIPESTATUS[0]}"') == (1, "0\n", "")


def test_a_text_that_a_stream_cannot_show_is_escaped(command) -> None:
    words = command(r"log('gr\u00fc\u00dfe'); print('gr\u00fc\u00dfe', '\ud800')")
    status, output, said = run(words, PYTHONIOENCODING="ascii")
    assert (status, output, said) == (0, "gr\\xfc\\xdfe \\ud800\n", "gr\\xfc\\xdfe\n")
    assert run(words, PYTHONIOENCODING="utf-8")[1] == "grüße \\ud800\n"


def test_arguments_that_are_not_utf_8_are_wrong_usage(command) -> None:
    done = subprocess.run(
        [*map(os.fsencode, command("print(options.words)")), b"fine", b"j\xff"],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"it.py: argument 2, j\\xff, is not UTF-8, ")


# ------------------------------------------------------------------------------------- signals

WAITS = """
    try:
        print("begun", flush=True)
        time.sleep(60)
    finally:
        print("tidied", flush=True)
"""


def begun(words: list[str], ignored: tuple[int, ...] = ()) -> subprocess.Popen[str]:
    """The command, under way."""

    def set_signals() -> None:
        # Tests run in the background ignore Ctrl-C, and so would this.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)

    process = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=set_signals,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_command_in_order(command, number: int) -> None:
    process = begun(command(WAITS))
    process.send_signal(number)
    assert process.communicate(timeout=60) == ("tidied\n", "it.py: interrupted\n")
    assert process.returncode == 128 + number


def test_who_asks_twice_does_not_wait(command) -> None:
    body = WAITS.replace('print("tidied", flush=True)', 'log("tidying"); time.sleep(60)')
    process = begun(command(body))
    process.send_signal(signal.SIGTERM)
    assert process.stderr is not None
    assert process.stderr.readline() == "tidying\n"
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == -signal.SIGTERM


def test_what_must_not_be_left_half_way_is_done_first(command) -> None:
    body = """
        with program.undisturbed():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.1)
            print("whole")
        print("never")
    """
    assert run(command(body)) == (128 + signal.SIGTERM, "whole\n", "it.py: interrupted\n")


def test_what_nohup_ignores_stays_ignored(command) -> None:
    process = begun(command(WAITS.replace("60", "0.5")), ignored=(signal.SIGHUP,))
    process.send_signal(signal.SIGHUP)
    assert process.communicate(timeout=60) == ("tidied\n", "")
    assert process.returncode == 0


def test_nothing_of_it_stays_when_the_command_has_ended(capsys) -> None:
    """A notebook may call a command's `main`."""
    before = sys.stdout, sys.stderr, [signal.getsignal(number) for number in program.SIGNALS]
    parser = argparse.ArgumentParser(prog="it.py")
    assert program.run(parser, lambda options: print(json.dumps({})), []) == 0
    assert capsys.readouterr().out == "{}\n"
    after = sys.stdout, sys.stderr, [signal.getsignal(number) for number in program.SIGNALS]
    assert after == before


# ---------------------------------------------------------------------------------- completion


def completions(path: str, line: str, folder: Path) -> list[str]:
    """What the shell would offer at the end of a line; argcomplete's own protocol."""
    found = folder / "completions"
    subprocess.run(
        [sys.executable, path],
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


@pytest.mark.parametrize(
    ("path", "words", "offered"),
    [
        ("mr/driver.py", "--wa", "--wait4reducers"),
        ("mr/job.py", "re", "report"),
        ("mr/job.py", "result b j --sort ", "value"),
        ("lambda-python/setupApps.py", "--pl", "--plan"),
    ],
)
def test_the_shell_completes_commands_options_and_choices(
    tmp_path: Path, path: str, words: str, offered: str
) -> None:
    pytest.importorskip("argcomplete")
    assert offered in completions(path, f"{Path(path).name} {words}", tmp_path)


DOORS = (
    *("mr/driver.py", "mr/job.py", "setup/create-role.py", "setup/delete-role.py"),
    *(f"lambda-python/{name}.py" for name in ("setupApps", "patch-botocore", "spotgraph")),
)


@pytest.mark.parametrize("path", DOORS)
def test_every_command_says_that_its_help_could_not_be_written(path: str) -> None:
    status, _, said = run([sys.executable, str(ROOT / path), "--help"], ">/dev/full")
    assert status == 1
    name = Path(path).name
    assert said == f"{name}: standard output cannot be written: No space left on device\n"


@pytest.mark.parametrize("path", DOORS)
def test_the_shell_may_ask_a_command(path: str) -> None:
    assert "PYTHON_ARGCOMPLETE_OK" in (ROOT / path).read_text()[:1024]
