"""The jobs that are there, and what each can be told: read from their files, of which none is run.

So the driver knows a job's settings and packages without having these packages, and no file of a
user's own is run where only its settings are asked for.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from errors import JobError
from jobs.settings import Setting, declared

FOLDER = Path(__file__).parent
PLACES = (FOLDER.parent, FOLDER)
"""Where a job is looked for: one of one's own has its name to itself."""


@dataclasses.dataclass(frozen=True)
class Listed:
    """A job as its file tells it: `about` is its docstring's first line, `packages` what its
    function needs beside the runtime, as pip names it.
    """

    name: str
    about: str = ""
    settings: tuple[Setting, ...] = ()
    packages: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The form for programs; the field names are a contract."""
        settings = [dataclasses.asdict(one) for one in self.settings]
        return {"name": self.name, "settings": settings, "packages": list(self.packages)}


def jobs() -> list[Listed]:
    """Every job beside this file, and of one's own in the folder above, by name. JobError."""
    paths = (path for place in PLACES for path in sorted(place.glob("*.py")))
    found = {path.stem: path for path in paths if is_job(path.read_bytes())}
    return [read(path) for _, path in sorted(found.items())]


def find(name: str) -> Listed | None:
    """The job of a name; None where it is not here. JobError where its file cannot be read."""
    for place in PLACES:
        path = place / f"{name}.py"
        if path.is_file() and is_job(path.read_bytes()):
            return read(path)
    return None


def is_job(source: bytes) -> bool:
    """Whether a module has what a job must have: `combine`, and a way to map."""
    try:
        names = set(_bound(ast.parse(source)))
    except (SyntaxError, ValueError):
        return False
    return "combine" in names and not names.isdisjoint({"map_line", "Accumulator"})


def read(path: Path) -> Listed:
    """What a job's file says of it. JobError where it is not Python, or says it in another form."""
    try:
        tree = ast.parse(path.read_bytes())
        about = (ast.get_docstring(tree) or "").partition("\n")[0]
        packages = tuple(map(str, _literal(tree, "PACKAGES", path) or ()))
        settings = declared(_literal(tree, "SETTINGS", path) or {})
    except SyntaxError as error:
        raise JobError(f"{path}, line {error.lineno}: {error.msg}: correct it") from error
    except ValueError as error:
        raise JobError(f"{path}: {error} (see docs/jobs.md)") from error
    return Listed(path.stem, about, settings, packages)


def _literal(tree: ast.Module, name: str, path: Path) -> Any:
    """The literal that a module binds to a name, or imports from a module beside it."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and name in _targets(node):
            return _evaluated(node.value, name)
        if isinstance(node, ast.ImportFrom) and name in [one.name for one in node.names]:
            beside = path.with_name(f"{(node.module or '').rpartition('.')[2]}.py")
            return _literal(ast.parse(beside.read_bytes()), name, beside)
    return None


def _evaluated(node: ast.expr, name: str) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise ValueError(f"{name} must be a literal: it is read without running the file") from None


def _bound(tree: ast.Module) -> Iterator[str]:
    """The names that a module has once it is loaded."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from _targets(node)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (one.asname or one.name for one in node.names)


def _targets(node: ast.Assign) -> list[str]:
    return [target.id for target in node.targets if isinstance(target, ast.Name)]
