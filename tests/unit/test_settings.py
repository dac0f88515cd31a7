"""A job's settings and the list of jobs: read from files that are not run, typed, refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from errors import BadRecord, JobError, UsageError
from jobs import catalog, settings
from jobs.settings import Setting
from running import choosing
from running.request import JobRequest
from state.choice import Choice
from state.fields import Fields

WHOLE = Setting("N", 8, least=1)


@pytest.mark.parametrize(
    ("setting", "given", "value"),
    [
        (WHOLE, "10", 10),
        (WHOLE, 10, 10),
        (Setting("F", 0.5), "1e3", 1000.0),
        (Setting("F", 0.5), 3, 3.0),
        (Setting("B", False), "yes", True),
        (Setting("B", False), "False", False),
        (Setting("T", ""), "0", "0"),
    ],
)
def test_a_text_or_a_value_is_read_as_the_defaults_type(setting, given, value) -> None:
    read = setting.read(given)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("setting", "given", "what"),
    [
        (WHOLE, "0", "a whole number from 1"),
        (WHOLE, "1.5", "a whole number from 1"),
        (WHOLE, True, "a whole number from 1"),
        (WHOLE, "٣", "a whole number from 1"),
        (Setting("N", 0.5), "nan", "a number"),
        (Setting("N", 0.5), "inf", "a number"),
        (Setting("N", True), "2", "yes or no"),
    ],
)
def test_what_is_no_such_value_is_refused_with_what_it_should_be(setting, given, what) -> None:
    with pytest.raises(ValueError, match=f"^N is .*, not {what}$"):
        setting.read(given)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "SETTINGS is list, not a dict"),
        ({"length": {"default": 1}}, "'length' is no name"),
        ({"LENGTH": 8}, "LENGTH must be a dict"),
        ({"LENGTH": {"default": 8, "most": 9}}, "LENGTH must be a dict"),
        ({"LENGTH": {"default": None}}, "the default of LENGTH is no number"),
    ],
)
def test_a_declaration_of_another_form_is_an_error(value, message) -> None:
    with pytest.raises(ValueError, match=message):
        settings.declared(value)


def test_the_jobs_that_ship_are_listed_with_settings_and_packages() -> None:
    listed = {one.name: one.to_json() for one in catalog.jobs()}
    assert {"rankings", "uservisits", "uservisits_polars", "wordcount"} <= listed.keys()
    assert listed["wordcount"] == {"name": "wordcount", "settings": [], "packages": []}
    (setting,) = listed["uservisits_polars"]["settings"]
    assert (setting["name"], setting["default"], setting["least"]) == ("KEY_LENGTH", 8, 1)
    assert listed["uservisits_polars"]["packages"] == ["polars==2.1.0"]


def test_a_jobs_file_is_read_and_not_run(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text('"""Counts."""\nSETTINGS = {"N": {"default": 2}}\n1 / 0\n')
    assert catalog.read(path) == catalog.Listed("own", "Counts.", (Setting("N", 2),))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def combine(a, b:\n", "own.py, line 1: "),
        ("SETTINGS = dict(N=1)\n", "SETTINGS must be a literal"),
        ("SETTINGS = {'n': {'default': 1}}\n", "'n' is no name"),
    ],
)
def test_a_file_that_cannot_be_read_so_is_an_error_that_names_it(tmp_path, text, message) -> None:
    path = tmp_path / "own.py"
    path.write_text(text)
    with pytest.raises(JobError, match=message):
        catalog.read(path)


def asked(job: str, **given: object) -> Choice:
    return choosing.choose(JobRequest(job=job, settings=given))[0]


def test_the_driver_chooses_a_job_with_the_settings_as_values() -> None:
    assert asked("") == Choice()
    assert asked("rankings") == Choice("rankings")
    assert asked("rankings", RANK_ABOVE="10") == Choice("rankings", {"RANK_ABOVE": 10})


@pytest.mark.parametrize(
    ("job", "given", "message"),
    [
        ("rankings", {"RANK_ABOVE": "many"}, "RANK_ABOVE is 'many', not a whole number from 0"),
        ("rankings", {"LIMIT": "1"}, "there is no setting 'LIMIT': it has RANK_ABOVE"),
        ("wordcount", {"N": "1"}, "there is no setting 'N': it has none"),
        ("../x", {}, "'../x' is not the name of a job"),
    ],
)
def test_a_wrong_choice_is_refused_before_anything_starts(job, given, message) -> None:
    with pytest.raises(UsageError, match=message):
        asked(job, **given)


def test_a_job_that_is_not_beside_the_driver_is_left_to_the_functions(capsys) -> None:
    assert asked("elsewhere", N="1") == Choice("elsewhere", {"N": "1"})
    assert "its settings are checked by the mappers" in capsys.readouterr().err


def test_a_choice_is_read_as_it_was_written() -> None:
    for choice in (Choice(), Choice("a"), Choice("a", {"N": 1, "T": "x"})):
        assert Choice.from_json(Fields(choice.to_json(), "event")) == choice
    with pytest.raises(BadRecord, match="settings is"):
        Choice.from_json(Fields({"job": "a", "settings": {"N": [1]}}, "event"))
