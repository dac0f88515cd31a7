"""Names that would hide another module in a function."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy import bundle, names

ROOT = Path(__file__).resolve().parents[2]


def faults(folder: Path, *files: str, ours: str | None = None) -> list[str]:
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    listed = [folder / name.split("/")[0] for name in files]
    found = bundle.entries([*listed, *([ROOT / ours] if ours else [])])
    return [fault.replace(f"{folder}/", "") for fault in names.faults(found)]


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("calendar.py", "calendar of Python's standard library"),
        ("random.py", "random of Python's standard library"),
        ("json/__init__.py", "json of Python's standard library"),
        ("compression.py", "compression of Python's standard library"),  # from 3.14 on
        ("imp.py", "imp of Python's standard library"),  # until 3.11
        ("queue.cpython-313-x86_64-linux-gnu.so", "queue of Python's standard library"),
        ("boto3.py", "boto3 of Lambda's runtime"),
        ("six.py", "six of Lambda's runtime"),
        ("dateutil/__init__.py", "dateutil of Lambda's runtime"),
    ],
)
def test_a_module_that_hides_another_is_named_with_the_remedy(
    tmp_path: Path, name: str, owner: str
) -> None:
    shown = name.split("/")[0]
    said = f"{shown} would hide the module {owner}: give it another name"
    assert faults(tmp_path, name) == [said]


@pytest.mark.parametrize(
    "name",
    [
        "mapper.py",
        "own.py",
        "json.txt",
        "json/data.txt",  # no package: Python's own json comes first
        "room/random.py",
        "__main__.py",
        "site-packages/six.py",
        "site-packages/boto3/__init__.py",
    ],
)
def test_other_files_hide_nothing(tmp_path: Path, name: str) -> None:
    assert faults(tmp_path, name) == []


def test_not_even_a_package_may_hide_the_standard_library(tmp_path: Path) -> None:
    assert len(faults(tmp_path, "site-packages/enum/__init__.py")) == 1


@pytest.mark.parametrize("name", ["errors.py", "state.py", "views/__init__.py", "driver.py"])
def test_ours_may_not_be_hidden_where_they_are(tmp_path: Path, name: str) -> None:
    (fault,) = faults(tmp_path, name, ours="mr/mapper.py")
    assert "of this project: give it another name" in fault
    assert faults(tmp_path, name) == []


def test_a_file_and_a_folder_of_one_name_are_named_both(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, "own.py", "own/__init__.py")
    assert fault == "own.py and own would both be own: rename one of them"


def test_a_newer_runtime_has_what_the_newest_known_one_has() -> None:
    assert names.standard_library("python3.99") == names.standard_library("python3.14")
    assert "compression" not in names.standard_library("python3.13")
