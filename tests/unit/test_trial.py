"""`job.py try`: what it says of a job that is right, and of one that is not."""

from __future__ import annotations

import gzip
import itertools
import sys
from pathlib import Path

import pytest

import job
from jobs import loading, wordcount
from running import trial

ROWS = "key,value\n" + "".join(f"{key},{n}\n" for n, key in enumerate("abcab" * 30)) + "x\n"
HEAD = "def map_line(line):\n    key, value = line.split(',')\n    yield key, int(value)\n\n\n"
INDEXES = HEAD + "def combine(a, b):\n    return a[b]\n"
GIVES_A_SET = "def map_line(line):\n    yield line[0], {1}\n\n\ncombine = max\n"
DIVIDES = "def map_line(line):\n    return 1 / 0\n\n\ncombine = max\n"


@pytest.fixture
def tried(tmp_path: Path, capsys, monkeypatch):
    """Tries a job of the given text on ROWS: exit status, standard output, standard error."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    numbers = itertools.count()
    sample = tmp_path / "sample.csv.gz"
    sample.write_bytes(gzip.compress(b"\xef\xbb\xbf" + ROWS.replace("\n", "\r\n").encode()))

    def run(text: str, *options: str) -> tuple[int, str, str]:
        path = tmp_path / f"own{next(numbers)}.py"
        path.write_text(text)
        status = job.main(["try", str(path), str(sample), *options])
        return status, *capsys.readouterr()

    return run


def test_a_job_that_is_right_shows_its_rows_its_pairs_and_its_answer(tried) -> None:
    status, shown, _ = tried(HEAD + "def combine(a, b):\n    return a + b\n")
    assert status == 0
    assert "151 rows, 1 bad, 1 header line, 3 groups" in shown
    assert "not enough values to unpack (expected 2, got 1): 1, such as 'x'" in shown
    total = sum(n for n, key in enumerate("abcab" * 30) if key == "a")
    assert f'"a": {total}' in shown
    assert "combine gave the same in every grouping" in shown
    assert "depends on the order" not in shown


@pytest.mark.parametrize("body", ["a - b", "(a + b) / 2", "[b, a]"])
def test_a_combine_that_is_not_associative_is_found(tried, body: str) -> None:
    status, shown, _ = tried(f"{HEAD}def combine(a, b):\n    return {body}\n")
    assert status == 1
    assert "combine is NOT associative: key" in shown


def test_a_combine_that_takes_the_last_value_depends_on_the_order_which_is_kept(tried) -> None:
    status, shown, _ = tried(f"{HEAD}def combine(a, b):\n    return b\n")
    assert status == 0
    assert "combine depends on the order of values" in shown


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        (INDEXES, ["combine failed at key", ":7, in combine: return a[b]"]),
        (GIVES_A_SET, ["the value {1} of key", "set is not JSON"]),
        (DIVIDES, ["division by zero", ":2, in map_line: return 1 / 0"]),
        ("1 / 0\n", ["cannot be loaded: ZeroDivisionError", ":1, in <module>: 1 / 0"]),
        ("def combine(a:\n", ["line 1: "]),
        ("combine = max\n", ["it must have either map_line(line) or a class Accumulator"]),
    ],
)
def test_what_is_wrong_is_told_with_the_users_own_line_and_no_traceback(tried, text, messages):
    status, _, said = tried(text)
    assert status == 1
    assert "Traceback" not in said
    for message in messages:
        assert message in said


def test_settings_and_files_beside_it_are_taken(tried, tmp_path) -> None:
    (tmp_path / "beside_it.py").write_text("def add(a, b):\n    return a + b\n")
    text = (
        "from beside_it import add as combine\n"
        'SETTINGS = {"TIMES": {"default": 1}}\n\n\n'
        "def map_line(line, times):\n    yield 'rows', times\n"
    )
    status, shown, said = tried(text, "--set", "TIMES=3")
    assert status == 0, said
    assert '"rows": 456' in shown


def test_a_sample_without_rows_has_an_empty_answer() -> None:
    found = trial.try_job(loading.check("wordcount", wordcount), [("none", b"")])
    assert (found.lines, found.answer, found.ungrouped) == (0, {}, None)
