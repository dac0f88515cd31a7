"""A bundle follows imports: what goes along, what is not followed, and what is nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy import imports
from deploy.bundle import BundleError
from deploy.imports import Closure, Import, may_define, module_imports

ROOT = Path(__file__).resolve().parents[2]
EVERYWHERE = b"""
import a.b, c
from d import e as f, g
from . import h
try:
    import i
except ImportError:
    import j
if TYPE_CHECKING:
    import k
else:
    import l
class C:
    import m
    def f(self):
        import n
with x, y:
    for z in x:
        import o
async def f():
    import p
"""


def test_what_a_module_imports_when_it_is_loaded() -> None:
    found = module_imports(EVERYWHERE)
    names = ["a.b", "c", "d", "", "i", "j", "l", "m", "o"]
    assert [one.module for one in found] == names
    assert found[2:4] == (
        Import("d", ("e", "g"), 0, 3, sure=True),
        Import("", ("h",), 1, 4, sure=True),
    )
    assert [one.module for one in found if not one.sure] == ["i", "j", "o"]


def tree(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def gather(folder: Path, *listed: str, job: str | None = None) -> Closure:
    return imports.gather([folder / name for name in listed], "python3.13", job)


def missing(closure: Closure) -> list[tuple[str, int, str]]:
    return [(one.path.name, one.line, one.module) for one in closure.missing]


ROOMS = {
    "start.py": "import json\nimport boto3\nfrom room.file import name\ndef f():\n import lazy\n",
    "lazy.py": "",
    "other.py": "",
    "room/__init__.py": '"""A charter."""\n',
    "room/file.py": "from room import beside\nfrom deep.er import thing\n",
    "room/beside.py": "import other\n",
    "room/unused.py": "import nowhere\n",
    "room/table.json": "{}",
    "room/parts/page.css": "",
    "room/inner/__init__.py": "",
    "room/inner/data.txt": "",
    "room/__pycache__/file.cpython-313.pyc": "",
    "deep/__init__.py": "",
    "deep/er/__init__.py": "from .thing import made\n",
    "deep/er/thing.py": "from ..low import made\n",
    "deep/low.py": "made = 1\n",
}


def test_neighbours_go_along_deep_with_the_data_of_their_packages(tmp_path: Path) -> None:
    closure = gather(tree(tmp_path, ROOMS), "start.py")
    assert sorted(closure.files) == [
        "deep/__init__.py",
        "deep/er/__init__.py",
        "deep/er/thing.py",
        "deep/low.py",
        "other.py",
        "room/__init__.py",
        "room/beside.py",
        "room/file.py",
        "room/parts/page.css",
        "room/table.json",
        "start.py",
    ]
    assert missing(closure) == []
    assert closure.files["room/file.py"] == tmp_path / "room/file.py"


def test_who_lists_what_would_go_along_gets_the_same(tmp_path: Path) -> None:
    tree(tmp_path, ROOMS)
    short = gather(tmp_path, "start.py")
    assert gather(tmp_path, "other.py", "deep", "start.py").files == short.files


def test_a_listed_folder_stays_as_it_is(tmp_path: Path) -> None:
    closure = gather(tree(tmp_path, ROOMS), "room")
    assert "room/unused.py" in closure.files
    assert not any(name.startswith("deep") for name in closure.files)
    assert missing(closure) == []


def test_installed_packages_are_not_followed(tmp_path: Path) -> None:
    files = {"start.py": "import lib\n", "site-packages/lib.py": "import optional\n"}
    closure = gather(tree(tmp_path, files), "start.py", "site-packages")
    assert sorted(closure.files) == ["lib.py", "start.py"]
    assert missing(closure) == []


def test_what_is_nowhere_is_named_with_file_and_line(tmp_path: Path) -> None:
    files = {
        "start.py": "import room.gone\nfrom room import absent, there\nimport annotationlib\n",
        "room/__init__.py": '"""A charter."""\n',
        "room/there.py": "\n\nfrom nowhere.deep import x\nfrom ... import y\nimport start.x\n",
    }
    closure = gather(tree(tmp_path, files), "start.py")
    assert sorted(missing(closure)) == [
        ("start.py", 1, "room.gone"),
        ("start.py", 2, "room.absent"),
        ("start.py", 3, "annotationlib"),
        ("there.py", 3, "nowhere.deep"),
        ("there.py", 4, "..."),
        ("there.py", 5, "start.x"),
    ]
    assert "start.py:1 imports room.gone, which is nowhere: put it beside" in str(
        closure.missing[0] if closure.missing[0].line == 1 else closure.missing[1]
    )


@pytest.mark.parametrize(("runtime", "is_missing"), [("python3.14", False), ("python3.13", True)])
def test_the_standard_library_is_that_of_the_functions_runtime(
    tmp_path: Path, runtime: str, is_missing: bool
) -> None:
    tree(tmp_path, {"start.py": "from compression import zstd\n"})
    closure = imports.gather([tmp_path / "start.py"], runtime, None)
    assert bool(closure.missing) is is_missing


def test_what_is_tried_may_be_nowhere_and_what_it_leads_to_as_well(tmp_path: Path) -> None:
    files = {
        "start.py": "try:\n    import fast\n    import gone\nexcept ImportError:\n    pass\n",
        "fast.py": "import polars\n",
    }
    closure = gather(tree(tmp_path, files), "start.py")
    assert sorted(closure.files) == ["fast.py", "start.py"]
    assert missing(closure) == []
    (tmp_path / "second.py").write_text("import fast\n")
    assert missing(gather(tmp_path, "start.py", "second.py")) == [("fast.py", 1, "polars")]


def test_names_that_a_package_makes_are_no_modules(tmp_path: Path) -> None:
    files = {"start.py": "from made import x\nfrom plain import y\n", "plain.py": "y = 1\n"}
    closure = gather(tree(tmp_path, {**files, "made/__init__.py": "x = 1\n"}), "start.py")
    assert missing(closure) == []


def test_folders_without_init_and_compiled_modules_are_found(tmp_path: Path) -> None:
    files = {
        "start.py": "import space.inside\nimport fast\nimport xml\n",
        "space/inside.py": "",
        "space/data.bin": "",
        "fast.cpython-313-x86_64-linux-gnu.so": "",
        "xml/notes.txt": "",
    }
    closure = gather(tree(tmp_path, files), "start.py")
    assert sorted(closure.files) == [
        "fast.cpython-313-x86_64-linux-gnu.so",
        "space/data.bin",
        "space/inside.py",
        "start.py",
    ]
    assert missing(closure) == []


def test_files_of_two_folders_find_each_other_in_either_order(tmp_path: Path) -> None:
    tree(tmp_path, {**ROOMS, "own/job.py": "from room import beside\nimport helper\n"})
    tree(tmp_path, {"own/helper.py": ""})
    for listed in (("own/job.py", "start.py"), ("start.py", "own/job.py")):
        closure = gather(tmp_path, *listed)
        assert missing(closure) == []
        assert closure.files["helper.py"] == tmp_path / "own/helper.py"


def test_two_neighbours_of_one_name_are_an_error(tmp_path: Path) -> None:
    files = {
        "a/x.py": "import util\n",
        "b/y.py": "import util\n",
        "a/util.py": "1",
        "b/util.py": "2",
    }
    with pytest.raises(BundleError, match=r"would both be util\.py in the zip"):
        gather(tree(tmp_path, files), "a/x.py", "b/y.py")


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfimport helper\r\n",
        b"# -*- coding: latin-1 -*-\n# gr\xf6\xdfe\nimport helper\n",
        "import helper\n\ngröße = 1\n".encode(),
    ],
)
def test_python_is_what_python_takes(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "start.py").write_bytes(text)
    (tmp_path / "helper.py").write_text("")
    closure = gather(tmp_path, "start.py")
    assert sorted(closure.files) == ["helper.py", "start.py"]
    assert closure.faults == []


@pytest.mark.parametrize("text", [b"def (:\n", b"gr\xf6\xdfe = 1\n", b"a = 1\0\n"])
def test_a_file_that_is_no_python_is_named(tmp_path: Path, text: bytes) -> None:
    tree(tmp_path, {"start.py": "from pkg import thing\n"})
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg/__init__.py").write_bytes(text)
    (fault,) = gather(tmp_path, "start.py").faults
    assert fault.startswith(f"{tmp_path}/pkg/__init__.py is not Python: ")


JOBS = {
    "mapper.py": "from jobs import loading\n",
    "jobs/__init__.py": "",
    "jobs/loading.py": "import importlib\n",
    "jobs/one.py": "import helper\n",
    "jobs/fast.py": "import polars\n",
    "helper.py": "",
    "own.py": "import ownhelper\nimport gone\n",
    "ownhelper.py": "",
}
WHOLE = ["helper.py", *(name for name in JOBS if name.startswith("jobs/")), "mapper.py"]


@pytest.mark.parametrize(
    ("job", "more", "lost"),
    [
        (None, [], []),
        ("one", [], []),
        ("own", ["own.py", "ownhelper.py"], [("own.py", 2, "gone")]),
        ("fast", [], [("fast.py", 1, "polars")]),
    ],
)
def test_what_loads_jobs_by_name_takes_them_all_and_the_one_that_is_named(
    tmp_path: Path, job: str | None, more: list[str], lost: list[tuple[str, int, str]]
) -> None:
    closure = gather(tree(tmp_path, JOBS), "mapper.py", job=job)
    assert sorted(closure.files) == sorted([*WHOLE, *more])
    assert missing(closure) == lost
    assert closure.has_job


@pytest.mark.parametrize("job", ["gone", "../mapper", "jobs.one", ""])
def test_a_job_that_is_nowhere(tmp_path: Path, job: str) -> None:
    closure = gather(tree(tmp_path, JOBS), "mapper.py", job=job)
    assert closure.has_job is (job == "")
    assert sorted(closure.files) == sorted(WHOLE)


@pytest.mark.parametrize(
    ("listed", "rooms"),
    [
        ("mr/driver.py", {"aws", "inputs", "jobs", "running", "shuffle", "state"}),
        ("mr/mapper.py", {"aws", "inputs", "jobs", "shuffle", "state"}),
        ("mr/reducer.py", {"aws", "jobs", "shuffle", "state"}),
        ("mr/reducerCoordinator.py", {"aws", "shuffle", "state"}),
    ],
)
def test_the_rooms_of_a_terminal_are_in_no_zip(listed: str, rooms: set[str]) -> None:
    closure = gather(ROOT, listed)
    assert {name.split("/")[0] for name in closure.files if "/" in name} == rooms
    assert (closure.missing, closure.faults) == ([], [])
    jobs = {f"jobs/{path.name}" for path in (ROOT / "mr/jobs").glob("*.py")}
    assert closure.files.keys() & jobs == (jobs if "jobs" in rooms else set())


@pytest.mark.parametrize(
    ("source", "may"),
    [
        ("def handler(): ...", True),
        ("class handler: ...", True),
        ("handler = print", True),
        ("from x import y as handler", True),
        ("from x import *", True),
        ("try:\n    from x import handler\nexcept ImportError:\n    handler = None", True),
        ("if True:\n    def handler(): ...", True),
        ("def __getattr__(name): ...", True),
        ("def (:", True),
        ("def other():\n    handler = 1", False),
        ("other.handler = 1", False),
        ("", False),
    ],
)
def test_whether_a_module_may_have_a_handler(source: str, may: bool) -> None:
    assert may_define(source.encode(), "handler") is may
