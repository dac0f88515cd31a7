"""What a bundle's files import when they are loaded, and where that is.

In: the files that are listed, by their names in the zip. Out: a `Closure` of these files, of what
they import of their neighbours, deep, and of the data files of those packages; and the imports
that are nowhere. An import inside a function is not followed.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy import bundle
from deploy.names import RUNTIME, standard_library

JOBS = "jobs"
LOADS_BY_NAME = (f"{JOBS}/loading.py", f"{JOBS}/catalog.py")
"""They load or read others of their folder by a name known only at run time: with them, the folder
goes along whole."""


@dataclass(frozen=True)
class Import:
    """A module that is imported, and the names that are taken `from` it.

    `level` is the number of dots before it; `sure` whether it is loaded whatever happens, and not
    on a condition or tried.
    """

    module: str
    names: tuple[str, ...]
    level: int
    line: int
    sure: bool


@dataclass(frozen=True)
class Missing:
    """An import of a module that is neither listed, nor beside, nor in Lambda's runtime."""

    path: Path
    line: int
    module: str

    def __str__(self) -> str:
        return (
            f"{self.path}:{self.line} imports {self.module}, which is nowhere: put it beside the "
            "file, or name it in files_and_dirs, packages or layers"
        )


@functools.cache
def module_imports(source: bytes) -> tuple[Import, ...]:
    """What a module imports when it is loaded; pure. SyntaxError, ValueError."""
    return tuple(_imports(ast.parse(source).body, sure=True))


def _imports(nodes: Iterable[ast.AST], sure: bool) -> Iterator[Import]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, (), 0, node.lineno, sure) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            yield Import(node.module or "", names, node.level, node.lineno, sure)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from _imports(node.orelse, sure)
        elif isinstance(node, ast.ClassDef):
            yield from _imports(node.body, sure)
        elif isinstance(node, _BLOCKS):
            yield from _imports(ast.iter_child_nodes(node), sure=False)


_BLOCKS = (
    *(ast.If, ast.Try, ast.TryStar, ast.ExceptHandler, ast.With),
    *(ast.For, ast.While, ast.Match, ast.match_case),
)


def may_define(source: bytes, name: str) -> bool:
    """Whether a module may have a name at its top level; pure. One that is no Python is another
    fault.
    """
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return True
    found: set[str] = set()
    for node in body:
        for one in ast.walk(node) if isinstance(node, _DEEP) else (node,):
            found.update(_bound(one))
    return bool(found & {name, "*", "__getattr__"})


_DEEP = (*_BLOCKS, ast.Assign, ast.AnnAssign)
"""Statements whose names are bound where they stand."""


def _bound(node: ast.AST) -> Iterator[str]:
    """The names that a statement binds."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id


def is_charter(source: bytes) -> bool:
    """Whether a module has nothing that could be imported from it, but a docstring; pure."""
    try:
        return all(isinstance(node, ast.Expr) for node in ast.parse(source).body)
    except (SyntaxError, ValueError):
        return False


def gather(sources: Iterable[Path], runtime: str, job: str | None) -> Closure:
    """The closure of the files and folders that a function lists, and of the job it is told.

    A folder goes along as it is: what its files import is followed only where a listed file leads
    to them. BundleError.
    """
    closure = Closure(sources, runtime)
    closure.follow(source.name for source in closure.sources if source.is_file())
    if job:
        closure.follow_job(job)
    return closure


class Closure:
    """The files of a bundle: `files` by their names in the zip.

    `missing` are the imports that are nowhere, `faults` the files that are not Python; `has_job`
    is whether the job was found.

    Whatever is listed lies at the top of one zip, so neighbours are looked for beside the importing
    file, and then beside everything listed.
    """

    def __init__(self, sources: Iterable[Path], runtime: str) -> None:
        self.sources = list(sources)
        self.files = bundle.entries(self.sources)
        self.missing: list[Missing] = []
        self.faults: list[str] = []
        self.has_job = True
        self._roots = [bundle.base_of(source) for source in self.sources]
        self._provided = standard_library(runtime) | RUNTIME
        self._followed: set[tuple[str, bool]] = set()
        self._with_data: set[Path] = set()

    def follow(self, names: Iterable[str], sure: bool = True) -> None:
        """Take along what these files import, deep.

        Unless it is `sure` that they are loaded, nothing that they import can be missing.
        """
        waiting = [(name, sure) for name in names]
        while waiting:
            name, sure = waiting.pop()
            if name.endswith(".py") and not self._followed & {(name, sure), (name, True)}:
                self._followed.add((name, sure))
                waiting += self._loaded_by(name, sure)

    def follow_job(self, job: str) -> None:
        """Take along the file that MR_JOB names: one of one's own, or one of `jobs/`."""
        for parts in ([job], [JOBS, job]) if job.isidentifier() else ():
            if taken := self._take(parts, self._roots):
                return self.follow(taken)
        self.has_job = False

    def _loaded_by(self, name: str, sure: bool) -> Iterator[tuple[str, bool]]:
        """The files that a file loads, and whether that is sure."""
        path = self.files[name]
        if path.parents[name.count("/")].name == "site-packages":
            return  # what pip laid there is whole
        if name in LOADS_BY_NAME:
            yield from ((entry, False) for entry in self._add_all(path.parent, path.parents[1]))
        for one in self._imports_of(path, sure):
            for module, taken in self._resolve(one, name):
                if taken is None and sure and one.sure:
                    self.missing.append(Missing(path, one.line, module))
                yield from ((entry, sure and one.sure) for entry in taken or ())

    def _imports_of(self, path: Path, sure: bool) -> Sequence[Import]:
        try:
            return module_imports(bundle.read(path))
        except (SyntaxError, ValueError) as error:
            if sure:
                self.faults.append(f"{path} is not Python: {error}")
            return ()

    def _resolve(self, one: Import, name: str) -> Iterator[tuple[str, list[str] | None]]:
        """The modules that an import in a file of the bundle means, and the files that each loads:
        None where it is nowhere. Modules that the runtime has are left out."""
        package = name.split("/")[:-1]
        module = "." * one.level + one.module
        if one.level > len(package):
            yield module, None
            return
        parts = package[: len(package) - one.level + 1] if one.level else []
        parts += one.module.split(".") if one.module else []
        roots = [self.files[name].parents[len(package)], *self._roots]
        if self._is_provided(parts[0], roots):
            return
        taken = self._take(parts, roots)
        yield module, taken
        for wanted in one.names if taken is not None else ():
            if deeper := self._take([*parts, wanted], roots):
                yield f"{module}.{wanted}", deeper
            elif self._is_bare(parts, roots):
                yield f"{module}.{wanted}", None

    def _is_provided(self, module: str, roots: Sequence[Path]) -> bool:
        """Whether the runtime has a module, and no file of the bundle hides it."""
        return module in self._provided and not _find(module, roots)

    def _is_bare(self, parts: Sequence[str], roots: Sequence[Path]) -> bool:
        """Whether there is nothing in a package but its modules."""
        found = _find("/".join(parts), roots)
        return found is None or (
            found[1].name == "__init__.py" and is_charter(bundle.read(found[1]))
        )

    def _take(self, parts: Sequence[str], roots: Sequence[Path]) -> list[str] | None:
        """Take along what is loaded for a module, its packages first; None where it is nowhere."""
        taken = []
        for length in range(1, len(parts) + 1):
            place = "/".join(parts[:length])
            if found := _find(place, roots):
                name, path = found
                if self.files.get(name) != path:
                    bundle.check(path, path.parents[name.count("/")])
                    bundle.add(self.files, name, path)
                taken.append(name)
                folder = path.parent if path.name == "__init__.py" else None
            else:
                folder = next((root / place for root in roots if (root / place).is_dir()), None)
            if folder:
                self._add_data(folder, folder.parents[length - 1])
            elif not found or length < len(parts):
                return None
        return taken

    def _add_data(self, folder: Path, root: Path) -> None:
        """Take along what is no module in a package, but not that of packages within it."""
        if folder in self._with_data:
            return
        self._with_data.add(folder)
        for path in bundle.entries([folder]).values():
            within = [parent for parent in path.parents if folder in parent.parents]
            if path.suffix != ".py" and not any((one / "__init__.py").is_file() for one in within):
                bundle.add(self.files, path.relative_to(root).as_posix(), path)

    def _add_all(self, folder: Path, root: Path) -> list[str]:
        """Take along a whole folder; returns the names in the zip."""
        found = {
            path.relative_to(root).as_posix(): path for path in bundle.entries([folder]).values()
        }
        for name, path in found.items():
            bundle.add(self.files, name, path)
        return list(found)


def _find(place: str, roots: Iterable[Path]) -> tuple[str, Path] | None:
    """The file that is loaded for a package or module at a place such as "room/file", and its name
    in the zip; None where there is none."""
    for root in roots:
        for name in (f"{place}/__init__.py", f"{place}.py"):
            if (root / name).is_file():
                return name, root / name
        for path in sorted(root.glob(f"{place}.*.so")):
            return path.relative_to(root).as_posix(), path
    return None
