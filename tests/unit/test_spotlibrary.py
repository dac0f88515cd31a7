"""The library: a name stands for one content, and it takes the place of the runtime's botocore."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deploy import bundle, wrapping
from spotwrap import library
from spotwrap.library import LibraryError
from tests.cloud import ROOT
from tests.spotcloud import patched  # noqa: F401 - a fixture

FILES = {"botocore/__init__.py": b"a = 1\n", "botocore/data/x.json": b"{}"}
DIGEST = library.digest(FILES)


@pytest.mark.parametrize(
    "other",
    [
        {**FILES, "botocore/__init__.py": b"a = 2\n"},
        {**FILES, "botocore/new.py": b""},
        {"botocore/__init__.py": FILES["botocore/__init__.py"]},
        {"botocore/__init__.pya = 1\n": b"", "botocore/data/x.json": b"{}"},
    ],
)
def test_another_content_has_another_digest(other) -> None:
    assert library.digest(other) != DIGEST
    assert library.digest(dict(reversed(FILES.items()))) == DIGEST


def test_what_was_unpacked_is_what_was_packed(tmp_path: Path) -> None:
    library.unpack(bundle.pack(FILES), DIGEST, tmp_path / "lib")
    assert {name: (tmp_path / "lib" / name).read_bytes() for name in FILES} == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["lib"]


def test_another_content_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    other = {**FILES, "botocore/evil.py": b"print('!')"}
    with pytest.raises(LibraryError, match=f"not {DIGEST}"):
        library.unpack(bundle.pack(other), DIGEST, tmp_path / "lib")
    assert list(tmp_path.iterdir()) == []


def test_a_library_that_would_unpack_to_too_much_is_refused_unread(tmp_path: Path) -> None:
    code = bundle.pack({"botocore/zeros": bytes(library.MOST_BYTES + 1)})
    assert len(code) < 1 << 20
    with pytest.raises(LibraryError, match=f"{library.MOST_BYTES + 1} bytes, more than"):
        library.unpack(code, DIGEST, tmp_path / "lib")
    assert list(tmp_path.iterdir()) == []


def test_whoever_unpacks_second_uses_what_the_first_one_made(tmp_path: Path) -> None:
    for _ in range(2):
        library.unpack(bundle.pack(FILES), DIGEST, tmp_path / "lib")
    assert [path.name for path in tmp_path.iterdir()] == ["lib"]


def test_a_library_that_is_there_is_not_downloaded(tmp_path: Path, patched: Path) -> None:
    kept = wrapping.library(patched)
    folder = tmp_path / f"spotlibs-{kept.digest}"
    library.unpack(kept.code(), kept.digest, folder)
    address = str(kept.address("no-such-bucket"))
    program = f"""
import sys
import boto3, botocore, s3transfer
old = botocore.__file__
sys.path.insert(0, {str(ROOT / "lambda-python")!r})
import pathlib
from spotwrap import library, settings
address = settings.Address.parse({address!r})
recorder = library.install(address, "123456789012", 1, pathlib.Path({str(tmp_path)!r}))
import boto3, botocore, s3transfer
assert botocore.__file__ != old and botocore.__file__.startswith({str(folder)!r}), botocore.__file__
assert recorder.__name__ == "botocore.spotrecorder"
assert botocore.client.spotrecorder is recorder
assert sys.modules["s3transfer"].__name__ == "s3transfer"
keys = dict(aws_access_key_id="none", aws_secret_access_key="none")
client = boto3.client("s3", region_name="us-west-2", **keys)
assert type(client).__mro__[1] is botocore.client.BaseClient
print("fine")
"""
    assert run_python(program) == "fine"


def test_a_library_that_cannot_be_loaded_leaves_everything_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "botocore").mkdir()
    (tmp_path / "botocore/__init__.py").write_text("import nothing_of_that_name\n")
    program = f"""
import sys
import boto3, botocore
before, path = dict(sys.modules), list(sys.path)
sys.path.insert(0, {str(ROOT / "lambda-python")!r})
import pathlib
from spotwrap import library, settings
try:
    library.load(pathlib.Path({str(tmp_path)!r}))
except ModuleNotFoundError as error:
    assert "nothing_of_that_name" in str(error)
assert all(sys.modules[name] is module for name, module in before.items())
assert {str(tmp_path)!r} not in sys.path
import boto3
boto3.client("s3", region_name="us-west-2")
print("fine")
"""
    assert run_python(program) == "fine"


def run_python(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-B", "-c", program],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
