"""The patched botocore in S3, and how it gets into a running function.

In: its address. Out: the recorder of that copy, and from then on `import boto3` gives clients that
record. The digest in the address is that of the copy's files, so an address stands for one
content, and what was downloaded is checked against it.
Anything that goes wrong leaves the function with the runtime's own botocore.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from spotwrap.settings import Address

REPLACED = ("botocore", "boto3", "s3transfer")
"""Packages that are loaded anew: botocore, and those that hold on to its modules."""


MOST_BYTES = 64 << 20
"""Bytes of a library once it is unpacked, which is done in the memory of a function: all of
botocore, with every service, has less than half."""


class LibraryError(Exception):
    """The library is not what its name says."""


def digest(contents: Mapping[str, bytes]) -> str:
    """A digest of files by name: the same for the same files, however they are packed; pure."""
    total = hashlib.sha256()
    for name in sorted(contents):
        total.update(f"{name}\0{len(contents[name])}\0".encode())
        total.update(contents[name])
    return total.hexdigest()


def install(
    address: Address, owner: str, patience: float, temporary: Path | None = None
) -> ModuleType:
    """Load the patched botocore in place of the runtime's; returns its recorder.

    It is downloaded unless the temporary folder has it. `owner` is the account of the bucket,
    `patience` the seconds that S3 may take to answer.
    """
    folder = (temporary or Path(tempfile.gettempdir())) / f"spotlibs-{address.digest}"
    if not folder.is_dir():
        unpack(download(address, owner, patience), address.digest, folder)
    return load(folder)


def download(address: Address, owner: str, patience: float) -> bytes:
    """The zip. botocore's errors, where it cannot be had."""
    import boto3
    from botocore.config import Config

    # Where S3 is out of reach, as in a VPC without an endpoint, that is soon known.
    retries = {"mode": "standard", "total_max_attempts": 2}
    config = Config(connect_timeout=2, read_timeout=patience / 2, retries=retries)
    s3 = boto3.client("s3", config=config)
    answer = s3.get_object(Bucket=address.bucket, Key=address.key, ExpectedBucketOwner=owner)
    return bytes(answer["Body"].read(MOST_BYTES + 1))


def unpack(code: bytes, wanted: str, folder: Path) -> None:
    """Unpack a zip into a folder, which appears whole or not at all. LibraryError."""
    with (
        zipfile.ZipFile(io.BytesIO(code)) as archive,
        tempfile.TemporaryDirectory(dir=folder.parent) as scratch,
    ):
        # No file gives more bytes than it says.
        if (size := sum(entry.file_size for entry in archive.infolist())) > MOST_BYTES:
            raise LibraryError(f"the library has {size} bytes, more than {MOST_BYTES}")
        contents = {name: archive.read(name) for name in archive.namelist()}
        if (found := digest(contents)) != wanted:
            raise LibraryError(f"the library's digest is {found}, not {wanted}")
        made = Path(scratch) / folder.name
        archive.extractall(made)
        try:
            made.rename(folder)
        except OSError:
            if not folder.is_dir():  # on one machine, another function may have been first
                raise


def load(folder: Path) -> ModuleType:
    """Import boto3 on top of the botocore in a folder; everything as it was where that fails."""
    before = _forget()
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        recorder = importlib.import_module("botocore.spotrecorder")
        importlib.import_module("boto3")
        return recorder
    except BaseException:
        _forget()
        sys.modules.update(before)
        sys.path.remove(str(folder))
        raise


def _forget() -> dict[str, Any]:
    """Take the modules of REPLACED out of Python's list of loaded ones; returns them."""
    names = [name for name in sys.modules if name.partition(".")[0] in REPLACED]
    return {name: sys.modules.pop(name) for name in names}
