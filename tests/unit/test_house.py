"""The house: who may import whom, as the table in docs/architecture.md has it; and no circles."""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from deploy import names

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/architecture.md"
_ROW = re.compile(r"\| `([\w-]+)/` \| (.+?) \| .+ \| (.+?) \|")


def table() -> dict[Path, list[str]]:
    """Files and folders of the house, and the names of those that may import them.

    Out of rows such as `| `mr/` | driver, mapper | doors | nobody |`, where the second column is
    one folder or some files of the first one's.
    """
    found = {}
    for root, what, guests in _ROW.findall(PAGE.read_text()):
        for name in re.findall(r"[\w-]+", what):
            folder = ROOT / root / name
            path = folder if folder.is_dir() else folder.with_suffix(".py")
            found[path] = re.findall(r"[\w-]+", guests)
    return found


HOUSE = table()
ROOTS = sorted({path.parent for path in HOUSE})
FILES = sorted(path for root in ROOTS for path in root.rglob("*.py"))


def place_of(path: Path) -> Path:
    """A file's room, or the file itself where it stands before the rooms."""
    (root,) = (root for root in ROOTS if root in path.parents)
    return path if path.parent == root else root / path.relative_to(root).parts[0]


def imported(path: Path) -> set[Path]:
    """The files of the house that a file imports, wherever in it: its own root's come first."""
    roots = sorted(ROOTS, key=lambda root: root not in path.parents)
    found = set()
    for name in modules(ast.parse(path.read_bytes())):
        files = (root.joinpath(*name.split(".")).with_suffix(".py") for root in roots)
        found |= set([file for file in files if file.is_file()][:1])
    return found


def modules(tree: ast.Module) -> Iterator[str]:
    """Everything that may be a module: `a` and `a.b` for `from a import b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def order(edges: Iterable[tuple[Path, Path]]) -> None:
    """CycleError where the edges lead in a circle."""
    sorter: graphlib.TopologicalSorter[Path] = graphlib.TopologicalSorter()
    for source, target in edges:
        if source != target:
            sorter.add(source, target)
    sorter.prepare()


IMPORTS = [(path, target) for path in FILES for target in imported(path)]


def test_every_file_has_its_place_in_the_table() -> None:
    assert {place_of(path) for path in FILES} == set(HOUSE)


@pytest.mark.parametrize("place", HOUSE, ids=lambda place: str(place.relative_to(ROOT)))
def test_only_those_come_in_that_the_table_lets_in(place: Path) -> None:
    guests = {
        place_of(source).stem
        for source, target in IMPORTS
        if place_of(target) == place != place_of(source)
    }
    allowed = set(HOUSE[place])
    assert allowed, f"{place} has no word on who may come in"
    if allowed == {"nobody"}:
        assert guests == set()
    elif allowed != {"all"}:
        assert guests <= allowed


def test_what_runs_in_a_wrapped_function_needs_nothing_that_only_this_project_has() -> None:
    inside = ROOT / "lambda-python/spotwrap"
    found = {target for path, target in IMPORTS if inside in path.parents}
    assert found
    assert all(inside in target.parents for target in found)


def test_no_module_has_a_name_of_python_or_of_lambdas_runtime() -> None:
    taken = names.every_standard_library() | names.RUNTIME
    assert {path.stem for path in (*FILES, *HOUSE)} & taken == set()


def test_files_import_each_other_in_no_circle() -> None:
    order(IMPORTS)


def test_rooms_import_each_other_in_no_circle() -> None:
    order((place_of(source), place_of(target)) for source, target in IMPORTS)


def test_a_circle_is_found() -> None:
    one, other = FILES[:2]
    with pytest.raises(graphlib.CycleError):
        order([(one, other), (other, one)])


@pytest.mark.parametrize(
    "room", [place for place in HOUSE if place.is_dir()], ids=lambda place: place.name
)
def test_every_room_has_a_charter_and_no_code_in_it(room: Path) -> None:
    """What lives here, who may come in: a docstring of a few lines, and nothing else."""
    for folder in (room, *(path for path in room.rglob("*") if any(path.glob("*.py")))):
        tree = ast.parse((folder / "__init__.py").read_bytes())
        assert len(tree.body) == 1
        assert 2 <= len((ast.get_docstring(tree) or "").splitlines()) <= 10
