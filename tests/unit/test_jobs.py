"""The contract of a job module: what is checked, and how a job that breaks it is named."""

from __future__ import annotations

import dataclasses
import hashlib
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from errors import JobError
from jobs import base, loading, rankings, source, uservisits, wordcount
from shuffle.pairs import check_written_for, unwritable, write_pairs
from shuffle.partition import MAX_INDEX
from state.outputs import MAX_EXAMPLE, Counts
from state.runs import Run
from tests.model import BUCKET, S3, World

RUN = Run(None, "jobs", "job1", "run-1")
COUNTS = Counts(0.0, 0.0, 0)


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
        ("../etc", "is not the name of a job's module"),
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
    with pytest.raises(JobError, match=r"KEY_LENGTH is .*, not a whole number from 1"):
        loading.load("uservisits")


def test_a_runs_settings_come_before_the_environments_and_these_before_the_defaults(
    monkeypatch,
) -> None:
    def key(**given: int) -> bytes:
        made = loading.load("uservisits", given).start()
        made.add(b"123.456.789.0,u,d,1\n")
        return next(iter(made.pairs()))

    monkeypatch.delenv("KEY_LENGTH", raising=False)
    assert key() == b"123.456."
    monkeypatch.setenv("KEY_LENGTH", "4")
    assert key() == b"123."
    assert key(KEY_LENGTH=2) == b"12"


def test_each_part_of_a_job_gets_the_settings_that_it_has_parameters_for(module) -> None:
    module(
        "scaled",
        'SETTINGS = {"SCALE": {"default": 2}, "LAST": {"default": False}}\n\n'
        "def map_line(line, scale):\n    yield line, scale\n\n"
        "def combine(a, b, last):\n    return b if last else a\n",
    )
    job = loading.load("scaled", {"SCALE": 3, "LAST": True})
    made = job.start()
    made.add(b"x\n")
    assert made.pairs() == {"x": 3}
    assert job.combine(1, 2) == 2
    assert job.combine_name == "scaled.combine"


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
    message = r"job myjob: combine failed at key 'a': TypeError: .* \(of 1 and 'text'\)"
    with pytest.raises(JobError, match=message):
        job.merge(merged, {"a": "text"})


def test_a_combine_that_forgets_to_return_is_an_error_that_names_key_and_values() -> None:
    job = line_job(words, lambda a, b: None)
    message = r"job myjob: combine failed at key 'a': TypeError: it gave None.* \(of 1 and 2\)"
    with pytest.raises(JobError, match=message):
        job.merge({"a": 1}, {"a": 2})
    with pytest.raises(JobError, match=message.replace("2", "1")):
        job.start().add(b"a b a")


@pytest.mark.parametrize(("one", "other"), [(None, None), (None, 1), (1, None)])
def test_none_is_a_value_like_any_other(one, other) -> None:
    merged = {"a": one}
    line_job(words, lambda a, b: None).merge(merged, {"a": other})
    assert merged == {"a": None}


def test_an_exit_in_a_job_is_an_error_of_the_job() -> None:
    def leave(line: str) -> None:
        raise SystemExit(3)

    with pytest.raises(JobError, match="job myjob: map_line failed on 'a': SystemExit: 3"):
        line_job(leave).start().add(b"a")


class Unfit(Sums):
    """An accumulator whose parts fail as the test says."""

    def pairs(self) -> dict[str, int]:
        raise LookupError("nothing kept")


def test_an_accumulator_that_fails_at_the_end_is_named() -> None:
    job = loading.check("myjob", SimpleNamespace(combine=add, Accumulator=Unfit))
    with pytest.raises(JobError, match=r"job myjob: Accumulator\.pairs failed at the end: Lookup"):
        job.pairs(job.start())


@pytest.mark.parametrize("value", ["7", 1.5, None])
def test_counts_that_are_none_are_an_error(value) -> None:
    job = loading.check("myjob", SimpleNamespace(combine=add, Accumulator=Sums))
    accumulator = job.start()
    accumulator.lines = value
    with pytest.raises(JobError, match="job myjob: Accumulator failed when asked for its counts"):
        job.counts(accumulator)


@pytest.mark.parametrize("key", [3, None, ("a", "b"), ["a"], {}])
def test_a_key_that_is_no_text_is_an_error_at_its_first_line(key) -> None:
    with pytest.raises(JobError, match=r"job myjob: the key .* is .*, not str \(its value: 1\)"):
        line_job(lambda line: [(key, 1)]).start().add(b"a")


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


class Accumulating:
    def __repr__(self) -> str:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ({"a\ud800": 1}, r"the value 1 of key 'a\\ud800': 'utf-8' codec can't encode"),
        ({"a": 1, "b": ["x\udfff"]}, r"the value \['x\\udfff'\] of key 'b': 'utf-8' codec"),
        ({"a": 10**5000}, "the value <int.* of key 'a': Exceeds the limit"),
        ({"a": {"b": float("inf")}}, "of key 'a': Out of range float"),
        ({"a": Accumulating()}, "of key 'a': Object of type Accumulating is not JSON"),
    ],
    ids=["surrogate key", "surrogate value", "digits", "infinite", "unprintable"],
)
def test_what_json_in_utf_8_cannot_hold_does_not_leave_a_function(pairs, message) -> None:
    with pytest.raises(JobError, match=f"job myjob: .*{message}"):
        write_pairs(RUN, line_job(words), "k", pairs, COUNTS)


def test_a_key_that_is_not_utf_8_is_an_error_that_names_it() -> None:
    with pytest.raises(JobError, match=r"the value 1 of key b'\\xff': 'utf-8' codec can't decode"):
        write_pairs(RUN, line_job(words), "k", {b"a": 1, b"\xff": 1}, COUNTS)


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", float("nan"), float("inf"), object()])
def test_a_value_without_a_json_form_is_an_error_that_names_its_key(value) -> None:
    error = ValueError("as json.dumps says it")
    assert "key 'b'" in str(unwritable(line_job(words), {"a": 1, "b": value}, error))


def written(job: base.Job) -> dict[str, str]:
    """The metadata of an output that the job writes."""
    world = World(1)
    write_pairs(Run(S3(world), BUCKET, "job1", "run-0"), job, "job1/result", {"a": 1}, COUNTS)
    return world.objects["job1/result"].metadata


def größe_addieren(a, b):
    return a + b


@pytest.mark.parametrize("combine", [größe_addieren, max, partial(add), lambda a, b: a])
def test_a_combine_of_any_name_is_kept_in_ascii_and_known_again(combine) -> None:
    job = line_job(words, combine)
    metadata = written(job)
    assert all(value.isascii() for value in metadata.values())
    check_written_for(job, metadata, "o")
    with pytest.raises(
        JobError, match=r"o is to be combined with .*, but the reducer runs the job"
    ):
        check_written_for(line_job(words), metadata, "o")


def test_the_longest_names_leave_room_in_an_objects_metadata() -> None:
    def combine(a, b):
        return a

    combine.__qualname__ = "ß" * 5000
    job = dataclasses.replace(line_job(words, combine), name="x" * 5000, digest="f" * 64)
    metadata = written(job)
    row = {
        "errexample": "x" * MAX_EXAMPLE,
        "errobject": "x" * MAX_EXAMPLE,
        "index": "x" * MAX_INDEX,
    }
    fullest = {**metadata, **row, "runid": "f" * 32, "linecount": "9" * 15, "groupcount": "9" * 15}
    assert sum(len(name) + len(value) for name, value in fullest.items()) < 2048
    check_written_for(job, metadata, "o")


OWN = "def map_line(line):\n    yield line, 1\n\n\ndef combine(a, b):\n    return a + b\n"


def test_an_output_says_which_job_wrote_it_and_its_digest(module) -> None:
    module("digested", OWN)
    expected = hashlib.sha256(OWN.encode()).hexdigest()
    metadata = written(loading.load())
    found = [metadata[name] for name in ("job", "jobdigest", "combine")]
    assert found == ["digested", expected, "digested.combine"]


def test_the_digest_covers_what_a_job_imports_from_beside_it(tmp_path: Path) -> None:
    own, helper = tmp_path / "ownjob.py", tmp_path / "helper.py"
    own.write_text("import json\nfrom helper import LIMIT\n\ndef f():\n    import unused\n")
    helper.write_text("from ownjob import f\nimport more.other\nLIMIT = 3\n")
    (tmp_path / "other.py").write_text("# größe", encoding="utf-8")
    (tmp_path / "unused.py").write_text("")
    names = ["ownjob.py", "helper.py", "other.py"]
    assert [path.name for path in source.files(own)] == names
    before = source.digest(str(own))
    bodies = b"".join((tmp_path / name).read_bytes() for name in names)
    assert before == hashlib.sha256(bodies).hexdigest()
    helper.write_text("LIMIT = 4\n")
    assert source.digest(str(own)) != before


@pytest.mark.parametrize("text", [b"# -*- coding: latin-1 -*-\n# \xdf\n", b"\xef\xbb\xbfx = 1\r\n"])
def test_any_source_that_python_runs_has_a_digest(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "odd.py"
    path.write_bytes(text)
    assert source.digest(str(path)) == hashlib.sha256(text).hexdigest()


def test_an_output_of_another_version_of_the_job_is_refused() -> None:
    old = dataclasses.replace(line_job(words), digest="a" * 64)
    new = dataclasses.replace(old, digest="b" * 64)
    check_written_for(new, written(new), "o")
    message = "another version of the job, myjob .sha256 a{12}., than the reducer runs, myjob"
    with pytest.raises(JobError, match=message):
        check_written_for(new, written(old), "o")


def test_an_output_of_another_job_that_combines_alike_is_taken() -> None:
    accelerated = dataclasses.replace(line_job(words), name="accelerated", digest="a" * 64)
    plain = dataclasses.replace(line_job(words), name="plain", digest="b" * 64)
    check_written_for(plain, written(accelerated), "o")
