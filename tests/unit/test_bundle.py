"""Zips: what is in them, under which name, and that the bytes are always the same."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from deploy import bundle
from deploy.bundle import BundleError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "mr/mapper.py",
        "mr/__pycache__/mapper.cpython-311.pyc",
        "pkg/__init__.py",
        "pkg/deep/er/data.json",
        "pkg/old.pyc",
        "lib/site-packages/boto/__init__.py",
        "lib/site-packages/single.py",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {name}\n")
    return tmp_path


def build(sources: Iterable[Path], texts: dict[str, str] | None = None) -> bytes:
    return bundle.build(bundle.entries(sources), texts)


def names(code: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(code)) as archive:
        return archive.namelist()


def test_files_lie_flat_and_folders_are_deep(tree: Path) -> None:
    assert names(build([tree / "mr/mapper.py", tree / "pkg"])) == [
        "mapper.py",
        "pkg/__init__.py",
        "pkg/deep/er/data.json",
    ]


def test_site_packages_is_laid_flat(tree: Path) -> None:
    assert names(build([tree / "lib/site-packages"])) == ["boto/__init__.py", "single.py"]


def test_the_same_input_gives_the_same_bytes(tree: Path) -> None:
    sources = [tree / "mr/mapper.py", tree / "pkg", tree / "lib/site-packages"]
    first = build(sources)
    for path in tree.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
        if path.is_file():
            path.chmod(0o755)
    assert build(list(reversed(sources))) == first


def test_everyone_may_read_what_is_in_it(tree: Path) -> None:
    (tree / "mr/mapper.py").chmod(0o600)
    with zipfile.ZipFile(io.BytesIO(build([tree / "mr/mapper.py"]))) as archive:
        (entry,) = archive.infolist()
        assert entry.external_attr >> 16 == 0o100644
        assert archive.read(entry) == b"# mr/mapper.py\n"


def test_two_files_of_one_name_are_an_error(tree: Path) -> None:
    (tree / "mapper.py").write_text("another")
    with pytest.raises(BundleError, match=r"would both be mapper\.py in the zip"):
        build([tree / "mapper.py", tree / "mr/mapper.py"])


def test_the_same_file_twice_is_taken_once(tree: Path) -> None:
    assert names(build([tree / "mr/mapper.py", tree / "mr/mapper.py"])) == ["mapper.py"]


def test_a_link_that_leads_out_is_an_error(tree: Path) -> None:
    (tree / "pkg/secret").symlink_to(tree / "mr/mapper.py")
    with pytest.raises(BundleError, match="leads out of"):
        build([tree / "pkg"])


def test_a_link_within_the_folder_is_followed(tree: Path) -> None:
    (tree / "pkg/again.py").symlink_to("__init__.py")
    assert "pkg/again.py" in names(build([tree / "pkg"]))


@pytest.mark.parametrize("target", ["../mr", "deep", "nothing"])
def test_a_link_to_a_folder_or_to_nothing_is_not_left_out_in_silence(
    tree: Path, target: str
) -> None:
    (tree / "pkg/link").symlink_to(target)
    with pytest.raises(BundleError, match=r"link that leads out of .*, to a folder or to nothing"):
        build([tree / "pkg"])


@pytest.mark.parametrize("target", ["../pkg/__init__.py", "deep", "nothing", "/etc/hostname"])
def test_a_listed_link_follows_the_rule_of_those_within_folders(tree: Path, target: str) -> None:
    (tree / "mr/link.py").symlink_to(target)
    with pytest.raises(BundleError, match=r"link that leads out of .*, to a folder or to nothing"):
        build([tree / "mr/link.py"])


def test_a_listed_link_to_its_neighbour_is_followed(tree: Path) -> None:
    (tree / "mr/link.py").symlink_to("mapper.py")
    assert names(build([tree / "mr/link.py"])) == ["link.py"]


@pytest.mark.parametrize("listed", ["mr/pipe", "mr"])
def test_a_pipe_is_an_error_and_never_waited_for(tree: Path, listed: str) -> None:
    os.mkfifo(tree / "mr/pipe")
    with pytest.raises(BundleError, match=r"mr/pipe is neither a file nor a folder"):
        build([tree / listed])


def test_a_device_is_an_error() -> None:
    with pytest.raises(BundleError, match=r"/dev/null is neither a file nor a folder"):
        build([Path("/dev/null")])


def test_no_name_leads_out_of_the_zip(tree: Path) -> None:
    found = names(build([tree / "pkg" / ".."]))
    assert f"{tree.name}/mr/mapper.py" in found
    assert not any(".." in name for name in found)


def test_a_checkout_in_a_folder_of_any_name_is_zipped(tmp_path: Path) -> None:
    path = tmp_path / "__pycache__" / "pkg" / "a.py"
    path.parent.mkdir(parents=True)
    path.write_text("")
    assert names(build([path.parent])) == ["pkg/a.py"]


def test_made_up_files_are_added(tree: Path) -> None:
    code = build([tree / "mr/mapper.py"], {"a.py": "x = 1\n"})
    assert names(code) == ["a.py", "mapper.py"]


def test_the_digest_has_the_form_that_lambda_gives() -> None:
    assert bundle.code_sha256(b"") == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
