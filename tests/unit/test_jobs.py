"""The contract of a job module: what is checked, and how a job that breaks it is named."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from errors import JobError
from jobs import base, loading, rankings, uservisits, wordcount
from shuffle.pairs import PORTION, encode_pairs, unwritable, write_pairs


def add(a, b):
    return a + b


def words(line):
    for word in line.split():
        yield word, 1


class Sums:
    lines = errors = 0
    example = ""

    def add(self, block: bytes) -> None:
        """Nothing is kept."""

    def pairs(self) -> dict[str, int]:
        return {}


@pytest.mark.parametrize("module", [uservisits, wordcount, rankings])
def test_every_shipped_job_keeps_the_contract(module) -> None:
    assert loading.check(module.__name__, module).name == module.__name__


class NeedsMore(Sums):
    def __init__(self, size: int) -> None:
        """It cannot be made."""


class Fails(Sums):
    def __init__(self) -> None:
        raise KeyError("SETTING")


class NoPairs:
    lines = errors = 0

    def add(self, block: bytes) -> None:
        """Nothing is kept."""


FAULTS = {
    "nothing at all": ({}, "combine(a, b)"),
    "no combine": ({"map_line": words}, "combine(a, b)"),
    "combine of one argument": ({"map_line": words, "combine": len}, "combine(a, b)"),
    "no mapper": ({"combine": add}, "either map_line(line) or a class Accumulator"),
    "two mappers": ({"combine": add, "map_line": words, "Accumulator": Sums}, "either map_line"),
    "map_line of two": ({"combine": add, "map_line": add}, "a function of one argument"),
    "map_line is no function": ({"combine": add, "map_line": 3}, "a function of one argument"),
    "accumulator with an argument": ({"combine": add, "Accumulator": NeedsMore}, "no argument"),
    "accumulator that fails": ({"combine": add, "Accumulator": Fails}, "KeyError: 'SETTING'"),
    "accumulator that lacks": (
        {"combine": add, "Accumulator": NoPairs},
        "Accumulator has no example, pairs()",
    ),
}


@pytest.mark.parametrize(("names", "message"), FAULTS.values(), ids=FAULTS)
def test_a_module_that_breaks_the_contract_is_named_with_its_fault(names, message) -> None:
    with pytest.raises(JobError, match="myjob is no job") as caught:
        loading.check("myjob", SimpleNamespace(**names))
    assert message in str(caught.value)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a job module and chooses it, as a function's environment would."""

    def write(name: str, text: str) -> None:
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setenv("MR_JOB", name)

    return write


def test_the_job_is_uservisits_unless_the_environment_names_another(monkeypatch, module) -> None:
    monkeypatch.delenv("MR_JOB", raising=False)
    assert loading.load().name == "uservisits"
    module("letters", "def map_line(line):\n    yield from zip(line, [1] * 99)\n\n")
    with pytest.raises(JobError, match="letters is no job"):
        loading.load()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../etc", "not the name of a module"),
        ("no_such_job", "the function has no no_such_job.py: add it to files_and_dirs"),
    ],
)
def test_a_job_that_is_not_there_is_an_error_that_says_what_to_do(name, message, monkeypatch):
    monkeypatch.setenv("MR_JOB", name)
    with pytest.raises(JobError, match=message):
        loading.load()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("broken_one", "def combine(a, b:\n", "broken_one.py cannot be loaded: SyntaxError"),
        ("broken_two", "import no_such_library\n", "needs the module no_such_library"),
        ("broken_three", "1 / 0\n", "cannot be loaded: ZeroDivisionError"),
    ],
)
def test_a_module_that_cannot_be_loaded_is_an_error_that_names_it(name, text, message, module):
    module(name, text)
    with pytest.raises(JobError, match=message):
        loading.load()


@pytest.mark.parametrize("text", ["0", "-1", "eight", "8.0"])
def test_a_setting_that_is_no_whole_number_is_an_error(text, monkeypatch) -> None:
    monkeypatch.setenv("KEY_LENGTH", text)
    with pytest.raises(JobError, match="KEY_LENGTH is"):
        base.whole_number_setting("KEY_LENGTH", 8, 1)


def line_job(map_line, combine=add) -> base.Job:
    return loading.check("myjob", SimpleNamespace(map_line=map_line, combine=combine))


def test_a_map_line_gets_text_and_its_pairs_are_combined() -> None:
    accumulator = line_job(words).accumulator()
    accumulator.add(b"a b a\n\n\nb\n")
    accumulator.add("ä b".encode())
    assert accumulator.pairs() == {"a": 2, "b": 3, "ä": 1}
    assert (accumulator.lines, accumulator.errors) == (3, 0)


def test_lines_that_map_line_refuses_or_that_are_no_text_are_bad_rows() -> None:
    accumulator = line_job(lambda line: [("n", int(line))]).accumulator()
    accumulator.add(b"1\nx\n\xff\n2\n")
    assert accumulator.pairs() == {"n": 3}
    assert (accumulator.lines, accumulator.errors, accumulator.example) == (4, 2, "x")


@pytest.mark.parametrize(
    ("map_line", "message"),
    [
        (lambda line: None, "map_line failed on 'a b': TypeError"),
        (lambda line: [line.split()[7]], "IndexError"),
        (lambda line: ["ab"], "not a pair"),
        (lambda line: [("a", 1, 2)], "not a pair"),
    ],
)
def test_a_map_line_that_fails_is_an_error_that_names_the_job(map_line, message) -> None:
    with pytest.raises(JobError, match="job myjob") as caught:
        line_job(map_line).accumulator().add(b"a b\n")
    assert message in str(caught.value)


def test_a_combine_that_fails_is_an_error_that_names_the_key() -> None:
    job = line_job(words)
    merged = {"a": 1}
    with pytest.raises(JobError, match="job myjob: combine failed at key 'a': TypeError"):
        job.merge(merged, {"a": "text"})


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([("a", 1)], "pairs\\(\\) gave list, not a dict"),
        ({"a": 1, 2: 1}, "the key 2 is int, not str"),
        ({b"a": 1, "b": 1}, "the key 'b' is str, not bytes"),
    ],
)
def test_pairs_that_are_none_are_an_error(pairs, message) -> None:
    with pytest.raises(JobError, match=message):
        line_job(words).check_keys(pairs)


@pytest.mark.parametrize("count", [0, 1, PORTION, PORTION + 1, 2 * PORTION + 1])
def test_pairs_are_written_as_one_json_object(count: int) -> None:
    pairs = {f'{number} "ä\\\n': number / 7 for number in range(count)}
    body = encode_pairs(pairs)
    assert json.loads(body) == pairs
    assert encode_pairs({key.encode(): value for key, value in pairs.items()}) == body


def test_a_key_that_is_not_utf_8_is_an_error_that_names_it() -> None:
    with pytest.raises(JobError, match=r"the value 1 of key b'\\xff': 'utf-8' codec can't decode"):
        write_pairs(None, line_job(words), "b", "k", {b"a": 1, b"\xff": 1}, {})


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", float("nan"), float("inf"), object()])
def test_a_value_without_a_json_form_is_an_error_that_names_its_key(value) -> None:
    error = ValueError("as json.dumps says it")
    assert "key 'b'" in str(unwritable(line_job(words), {"a": 1, "b": value}, error))


def test_rankings_keeps_the_pages_above_the_limit() -> None:
    accumulator = rankings.Accumulator(rank_above=10)
    accumulator.add(b"url1,10,3\nurl2,11,5\n\nurl3,x,1\nurl4\nurl2,12\n\xff,99,1\n\xff,1,1\n")
    assert accumulator.pairs() == {"url2": 12}
    assert (accumulator.lines, accumulator.errors, accumulator.example) == (7, 3, "url3,x,1")
    assert rankings.combine(3, 4) == 4


@pytest.mark.parametrize(
    ("block", "ranks", "errors"),
    [
        (b'"a,b",11,5\nc,12\n', {"a,b": 11, "c": 12}, 0),
        (b"a,1_1,5\nb, 12 ,5\nc,+13\nd,1.5e3,1\n", {"b": 12, "c": 13}, 2),
        (b'a"b,11,5\n"c,12\nd,13,"\n', {}, 3),
        (b"a,11,5\fb,12,5\nc,13\n", {"c": 13}, 1),
    ],
)
def test_rankings_reads_csv_as_the_other_jobs_do(block, ranks, errors) -> None:
    accumulator = rankings.Accumulator(rank_above=10)
    accumulator.add(block)
    assert (accumulator.pairs(), accumulator.errors) == (ranks, errors)
