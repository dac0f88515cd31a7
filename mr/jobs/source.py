"""A job's source: the files it is made of, and the digest that tells one version from another.

The digest is SHA-256 over the bytes of the job's file and of those beside it, also in packages
there, that it imports at its top level, one after the other. So for a job in one file it is what
`sha256sum` says of it.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path


def digest(path: str | None) -> str:
    """The digest of the job in a file, in hexadecimal; "" for a job that is in none."""
    if path is None:
        return ""
    sums = hashlib.sha256()
    for file in files(Path(path)):
        sums.update(file.read_bytes())
    return sums.hexdigest()


def files(own: Path) -> list[Path]:
    """The job's file, then, by name, those of its folder that it needs."""
    found, waiting = {own}, [own]
    while waiting:
        more = set(_beside(waiting.pop())) - found
        found |= more
        waiting += more
    return [own, *sorted(found - {own})]


def _beside(file: Path) -> Iterator[Path]:
    """The files of the same folder, or of packages in it, that a file imports."""
    if file.suffix != ".py":  # an extension module
        return
    for statement in ast.parse(file.read_bytes()).body:
        for name in _imported(statement):
            parts = name.split(".")
            for place in {"/".join(parts), "/".join(parts[1:]), parts[-1]} - {""}:
                if (path := file.parent / f"{place}.py").is_file():
                    yield path


def _imported(statement: ast.stmt) -> list[str]:
    """The modules that a statement may import: `from jobs import base` are "jobs", "jobs.base"."""
    if isinstance(statement, ast.Import):
        return [alias.name for alias in statement.names]
    if isinstance(statement, ast.ImportFrom):
        module = statement.module or ""
        return [module, *(f"{module}.{alias.name}" for alias in statement.names)]
    return []
