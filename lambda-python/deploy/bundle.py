"""A function's code as a zip: the same input gives the same bytes.

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

from errors import UsageError

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time every entry carries, the earliest a zip knows: a file's own would change the bytes."""

FILE_MODE = 0o100644
UPLOAD_LIMIT = 50 * 1024 * 1024
"""Bytes of a zip that Lambda takes directly; a larger one goes through S3."""

UNZIPPED_LIMIT = 250 * 1024 * 1024
"""Bytes that Lambda allows a function's code to be once it is unzipped."""


class BundleError(UsageError):
    """A bundle cannot be built."""


def entries(sources: Iterable[Path]) -> dict[str, Path]:
    """The zip's names and the files they come from, in order of name.

    BundleError where two files would get the same name, or one of them may not go along.
    """
    found: dict[str, Path] = {}
    for source in sources:
        for name, path in _entries_of(source):
            add(found, name, path)
    return dict(sorted(found.items()))


def add(found: dict[str, Path], name: str, path: Path) -> None:
    """Put a file under a name. BundleError where another one has it."""
    if name in found and found[name] != path and read(found[name]) != read(path):
        raise BundleError(f"{found[name]} and {path} would both be {name} in the zip")
    found[name] = path


def base_of(source: Path) -> Path:
    """The folder that is the zip's top for what is in a file or folder."""
    return source if source.name == "site-packages" else source.parent


def _entries_of(source: Path) -> Iterator[tuple[str, Path]]:
    if source.name == "..":
        source = source.resolve()  # or the names in the zip would begin with "../"
    check(source, source.parent)
    if source.is_file():
        yield source.name, source
        return
    base = base_of(source)
    for path in sorted(source.rglob("*")):
        if _is_left_out(path.relative_to(source)):
            continue
        check(path, source)
        if path.is_file():
            yield path.relative_to(base).as_posix(), path


def check(path: Path, folder: Path) -> None:
    """BundleError where a link does not lead to a file of its folder, or where something is neither
    a file nor a folder."""
    inside = folder.resolve() in path.resolve().parents
    if path.is_symlink() and not (path.is_file() and inside):
        raise BundleError(
            f"{path} is a link that leads out of {folder}, to a folder or to nothing: put the "
            "files themselves there"
        )
    if not (path.is_file() or path.is_dir()):
        raise BundleError(
            f"{path} is neither a file nor a folder: take it away, a zip can hold no pipe, socket "
            "or device"
        )


def _is_left_out(path: Path) -> bool:
    return "__pycache__" in path.parts or path.suffix in (".pyc", ".pyo")


def read(path: Path) -> bytes:
    """A file's content. BundleError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}") from error


def build(files: Mapping[str, Path], texts: Mapping[str, str] | None = None) -> bytes:
    """The zip of files by their names, and of `texts`: contents made up by the caller."""
    contents = {name: read(path) for name, path in files.items()}
    for name, text in (texts or {}).items():
        if name in contents:
            raise BundleError(f"{name} is a name that is made up here: rename your file")
        contents[name] = text.encode()
    return pack(contents)


def pack(contents: Mapping[str, bytes]) -> bytes:
    """The zip of these names and contents."""
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


def sizes(code: bytes) -> dict[str, int]:
    """The names of a zip's files, and their bytes unzipped."""
    with zipfile.ZipFile(io.BytesIO(code)) as archive:
        return {entry.filename: entry.file_size for entry in archive.infolist()}
