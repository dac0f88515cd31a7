"""Names that modules of a bundle must not have, since a module of that name is there already.

In Lambda a bundle's files come before everything else: a `random.py` at its top is what every
`import random` in the function finds, that of the standard library's own modules among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from stdlib_list import short_versions, stdlib_list

RUNTIME = frozenset(["boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"])
"""Packages that Lambda's Python runtimes bring."""

OURS = Path(__file__).resolve().parents[2] / "mr"
OLDEST = "3.11"


@cache
def standard_library(runtime: str) -> frozenset[str]:
    """The modules that a runtime such as "python3.13" has, or the newest one that is known."""
    version = runtime.removeprefix("python")
    known = stdlib_list(version if version in short_versions else short_versions[-1])
    return frozenset(name.partition(".")[0] for name in known)


@cache
def every_standard_library() -> frozenset[str]:
    """The modules of Python 3.11 and of all that came after: a runtime may be changed."""
    versions = short_versions[short_versions.index(OLDEST) :]
    # What is imported as __main__ is never looked for.
    return frozenset().union(*map(standard_library, versions)) - {"__main__"}


def modules(files: Mapping[str, Path]) -> dict[str, Path]:
    """Modules and packages at the top of a zip, by the names that an import finds them by."""
    found = {}
    for name, path in files.items():
        first, _, rest = name.partition("/")
        if not rest and name.endswith((".py", ".so")):
            found[name.partition(".")[0]] = path
        elif rest == "__init__.py":
            found[first] = path.parent
    return found


def faults(files: Mapping[str, Path]) -> Iterator[str]:
    """Modules of a bundle that hide others, or each other.

    What lies in a folder `site-packages` may be a package of the runtime: a version of one's own.
    """
    found = modules(files)
    with_ours = any(_is_ours(path) for path in found.values())
    for name, path in found.items():
        owner = _hidden(name, path)
        if owner is None and with_ours and name in _our_names() and not _is_ours(path):
            owner = "this project"
        if owner:
            yield f"{path} would hide the module {name} of {owner}: give it another name"
        elif {f"{name}.py", f"{name}/__init__.py"} <= files.keys():
            yield f"{files[f'{name}.py']} and {path} would both be {name}: rename one of them"


def _hidden(name: str, path: Path) -> str | None:
    """Who else has a module of that name; None where nobody has."""
    if name in every_standard_library():
        return "Python's standard library"
    if name in RUNTIME and path.parent.name != "site-packages":
        return "Lambda's runtime"
    return None


def _is_ours(path: Path) -> bool:
    return OURS in path.resolve().parents


@cache
def _our_names() -> frozenset[str]:
    """The modules and packages at the top of `mr/`."""
    packages = {path.parent.name for path in OURS.glob("*/__init__.py")}
    return frozenset(packages | {path.stem for path in OURS.glob("*.py")})
