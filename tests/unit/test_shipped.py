"""A job in a file that goes with the run: what is loaded, under which name, and what is refused."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from errors import JobError, UsageError
from jobs import loading, shipped, source, sql
from running import choosing, preflight
from running.preflight import FunctionFacts
from running.request import JobRequest

SUMS = (
    b"import dataclasses\n\n\n@dataclasses.dataclass\nclass Row:\n    n: int\n\n\n"
    b"def map_line(line):\n    yield line, Row(1).n\n\n\ndef combine(a, b):\n    return a + b\n"
)


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@pytest.fixture
def allowed(monkeypatch) -> None:
    monkeypatch.setenv(shipped.ALLOWED, "yes")


def test_a_shipped_job_runs_and_hides_no_module(allowed) -> None:
    job = loading.load("json", {}, digest(SUMS), lambda _: SUMS)
    made = job.start()
    made.add(b"x\nx\n")
    assert made.pairs() == {"x": 2}
    assert (job.name, job.digest) == ("json", digest(SUMS))
    assert job.combine_name == f"job_{digest(SUMS)}.combine"
    assert sys.modules["json"].__name__ == "json" and hasattr(sys.modules["json"], "loads")


def test_it_is_fetched_once_for_a_warm_function(allowed) -> None:
    body = SUMS + b"# once\n"
    fetched: list[str] = []

    def fetch(wanted: str) -> bytes:
        fetched.append(wanted)
        return body

    for _ in range(2):
        loading.load("own", {}, digest(body), fetch)
    assert fetched == [digest(body)]


@pytest.mark.parametrize("value", ["", "no", "YES", "1"])
def test_nothing_is_fetched_where_the_deployment_does_not_allow_it(value, monkeypatch) -> None:
    monkeypatch.setenv(shipped.ALLOWED, value)
    with pytest.raises(JobError, match="can then run code as its role"):
        loading.load("own", {}, digest(SUMS), lambda _: pytest.fail("fetched"))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"1 / 0\n", "job own: own.py cannot be loaded: ZeroDivisionError"),
        (b"def combine(a, b:\n", "own.py cannot be loaded: SyntaxError"),
        (b"import no_such_library\n", "job own needs the module no_such_library"),
        (b"x = 1\n", "own is no job: there is no function combine"),
    ],
)
def test_a_file_that_is_no_job_is_told_and_not_kept(allowed, body, message) -> None:
    for _ in range(2):
        with pytest.raises(JobError, match=message):
            loading.load("own", {}, digest(body), lambda _: body)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("two-words.py", SUMS.decode(), "'two-words' is no name of a module"),
        ("own.py", "def combine(a, b):\n    return a\n", "is no job: it needs combine"),
        ("own.py", f"import helpers\n{SUMS.decode()}", "imports helpers.py, but one file alone"),
    ],
)
def test_the_driver_refuses_a_file_before_anything_starts(tmp_path, name, text, message) -> None:
    (tmp_path / "helpers.py").write_text("")
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        choosing.choose(JobRequest(job=str(path)))


def test_the_driver_sends_the_file_with_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_bytes(SUMS + b'SETTINGS = {"N": {"default": 1}}\n')
    choice, body = choosing.choose(JobRequest(job=str(path), settings={"N": "2"}))
    assert choice == ("own", {"N": 2}, digest(body))
    assert body == path.read_bytes()


def test_a_payload_names_no_file() -> None:
    payload = {"jobBucket": "b", "job_id": "j", "mapper": "m", "reducer": "r", "job": "./own.py"}
    with pytest.raises(UsageError, match="which the command alone can send along"):
        JobRequest.from_payload(payload, None)


def test_a_function_that_was_not_deployed_for_it_is_named() -> None:
    facts = {"mapperNS": FunctionFacts(), "reducerNS": FunctionFacts(runs_files=False)}
    with pytest.raises(JobError, match=r"^reducerNS runs no job files, since whoever may write"):
        preflight.check_files(facts)


def test_the_digest_of_the_job_sql_covers_how_values_combine() -> None:
    names = {path.name for path in source.files(Path(sql.__file__))}
    assert {"sql.py", "partials.py", "plan.py", "faults.py"} <= names
