"""A function's code as a zip: the same input gives the same bytes, on any machine.

In: files and folders. Out: the zip in memory. Files lie flat at its top, so modules import each
other by name; a folder keeps its name and its depth, but `site-packages` is laid flat at the top.
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time every entry carries, the earliest a zip knows: a file's own would change the bytes."""

FILE_MODE = 0o100644
LEFT_OUT = ("__pycache__", ".pyc", ".pyo")
UPLOAD_LIMIT = 50 * 1024 * 1024
"""Bytes of a zip that Lambda takes directly; a larger one goes through S3."""


class BundleError(Exception):
    """A bundle cannot be built."""


def entries(sources: Iterable[Path]) -> dict[str, Path]:
    """The zip's names and the files they come from, in order of name.

    BundleError where two files would get the same name, or a link leads out of its folder.
    """
    found: dict[str, Path] = {}
    for source in sources:
        for name, path in _entries_of(source):
            if name in found and found[name].read_bytes() != path.read_bytes():
                raise BundleError(f"{found[name]} and {path} would both be {name} in the zip")
            found[name] = path
    return dict(sorted(found.items()))


def _entries_of(source: Path) -> Iterator[tuple[str, Path]]:
    if source.is_file():
        yield source.name, source
        return
    base = source if source.name == "site-packages" else source.parent
    root = source.resolve()
    for path in sorted(source.rglob("*")):
        if not path.is_file() or _is_left_out(path):
            continue
        if root not in path.resolve().parents:
            raise BundleError(f"{path} is a link that leads out of {source}: copy the file there")
        yield path.relative_to(base).as_posix(), path


def _is_left_out(path: Path) -> bool:
    return any(part == LEFT_OUT[0] for part in path.parts) or path.suffix in LEFT_OUT[1:]


def build(sources: Iterable[Path], texts: Mapping[str, str] | None = None) -> bytes:
    """The zip of files and folders, and of `texts`: names and contents made up by the caller."""
    contents = {name: path.read_bytes() for name, path in entries(sources).items()}
    contents |= {name: text.encode() for name, text in (texts or {}).items()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(contents):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = FILE_MODE << 16
            archive.writestr(entry, contents[name])
    return buffer.getvalue()


def code_sha256(code: bytes) -> str:
    """The digest of a zip in the form in which Lambda gives it, CodeSha256."""
    return base64.b64encode(hashlib.sha256(code).digest()).decode()
