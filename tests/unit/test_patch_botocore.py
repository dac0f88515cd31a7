"""The patched copy of botocore: one hook, checked, for every botocore of the right shape."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import botocore
import pytest

from deploy import botocorepatch
from deploy.botocorepatch import PatchError
from tests.cloud import ROOT, run
from tests.spotcloud import patch, patched  # noqa: F401 - a fixture

INSTALLED = Path(botocore.__file__).parent
CLIENT = '''"""Clients."""
import logging
from botocore import waiter


class ClientCreator:
    def _create_api_method(self, py_operation_name, operation_name, service_model):
        def _api_call(self, *args, **kwargs):
            if args:
                raise TypeError("only keywords: ä")
            return self._make_api_call(operation_name, kwargs)

        return _api_call


class BaseClient:
    def other(self):
        return self._make_api_call("Other", {})
'''


def test_the_patch_is_one_import_and_one_call() -> None:
    before, after = CLIENT.splitlines(), botocorepatch.patch(CLIENT).splitlines()
    assert [line for line in after if line not in before] == [
        "from botocore import spotrecorder",
        "            return spotrecorder.call(self, operation_name, kwargs)",
    ]
    assert [line for line in before if line not in after] == [
        "            return self._make_api_call(operation_name, kwargs)",
    ]


def test_the_hook_is_found_by_structure_whatever_stands_around_it() -> None:
    moved = CLIENT.replace(
        "return self._make_api_call(operation_name, kwargs)",
        "x = 'ü'; return client._make_api_call(\n                name,\n                params)",
    )
    assert "x = 'ü'; return spotrecorder.call(client, name, params)\n" in botocorepatch.patch(moved)


@pytest.mark.parametrize(
    ("old", "new", "count"),
    [
        ("_make_api_call(operation_name, kwargs)", "_call(operation_name, kwargs)", 0),
        ("_make_api_call(operation_name, kwargs)", "_make_api_call(operation_name)", 0),
        ("_make_api_call(operation_name, kwargs)", "_make_api_call(*args, params=kwargs)", 0),
        ("class ClientCreator", "class ClientFactory", 0),
        ("def _create_api_method", "def _make_method", 0),
        ("raise TypeError", "return self._make_api_call(operation_name, kwargs) #", 2),
    ],
)
def test_a_botocore_of_another_shape_is_a_clear_error(old: str, new: str, count: int) -> None:
    changed = CLIENT.replace(old, new, 1)
    assert changed != CLIENT
    with pytest.raises(PatchError, match=f"there are {count} calls .* install a botocore"):
        botocorepatch.patch(changed)


def test_a_patched_client_is_not_patched_again() -> None:
    with pytest.raises(PatchError, match="patched already"):
        botocorepatch.patch(botocorepatch.patch(CLIENT))


@pytest.mark.parametrize(("version", "is_known"), [("1.34.162", False), ("1.35.0", True)])
def test_a_botocore_before_1_35_is_refused(version: str, is_known: bool) -> None:
    if is_known:
        botocorepatch.check_version(version)
        return
    with pytest.raises(PatchError, match=r"too old: `pip install 'botocore>=1.35'`"):
        botocorepatch.check_version(version)


def test_the_copy_has_the_hook_the_recorder_and_few_services(patched: Path) -> None:
    assert botocorepatch.fault(patched) is None
    assert (patched / "spotrecorder.py").read_bytes() == botocorepatch.RECORDER.read_bytes()
    services = {path.name for path in (patched / "data").iterdir() if path.is_dir()}
    assert services == set(botocorepatch.SERVICES)
    changed = [
        path.relative_to(patched)
        for path in patched.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
        if not (INSTALLED / path.relative_to(patched)).is_file()
        or (INSTALLED / path.relative_to(patched)).read_bytes() != path.read_bytes()
    ]
    assert sorted(map(str, changed)) == ["client.py", "spotpatch.json", "spotrecorder.py"]


def test_the_command_tells_the_size_before_and_after(tmp_path: Path) -> None:
    command = [sys.executable, "lambda-python/patch-botocore.py", str(tmp_path / "any-name")]
    done = run([*command, "--services", "s3", "sns"], {"PATH": "/usr/bin:/bin"})
    assert done.returncode == 0, done.stderr
    sizes = [int(text.replace(",", "")) for text in re.findall(r"([\d,]+) bytes", done.stdout)]
    before, after, zipped = sizes
    assert before > 3 * after > 3 * zipped
    assert {path.name for path in (tmp_path / "any-name/data").iterdir() if path.is_dir()} == {
        "s3",
        "sns",
    }


def test_an_older_copy_is_replaced_and_nothing_else_is(tmp_path: Path) -> None:
    folder = patch(tmp_path / "copy")
    (folder / "__pycache__").mkdir(exist_ok=True)
    (folder / "__pycache__/client.pyc").write_text("")
    old = (folder / "client.py").stat().st_ino
    assert (patch(folder) / "client.py").stat().st_ino != old
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("")
    for mine in (tmp_path / "mine", tmp_path):
        command = [sys.executable, "lambda-python/patch-botocore.py", str(mine)]
        done = run(command, {"PATH": "/usr/bin:/bin"})
        assert done.returncode == 1
        assert "is there already, and not as this command leaves it: name another" in done.stderr
    assert (tmp_path / "mine/thesis.txt").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "mine"]


@pytest.mark.parametrize("name", ["notes.txt", "client.py", "data/s3/mine", "pipe", "link"])
def test_what_someone_else_put_into_a_copy_is_not_deleted(tmp_path: Path, name: str) -> None:
    folder = patch(tmp_path / "copy")
    if name == "pipe":
        os.mkfifo(folder / name)
    elif name == "link":
        (folder / name).symlink_to("client.py")
    else:
        (folder / name).write_text("mine")
    with pytest.raises(PatchError, match=f"copy/{name} is not as this command wrote it"):
        botocorepatch.make_copy(INSTALLED, botocore.__version__, folder, ["s3"])
    assert os.path.lexists(folder / name)
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


def test_a_link_to_a_copy_is_refused(tmp_path: Path) -> None:
    folder = patch(tmp_path / "copy")
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(PatchError, match="is a link"):
        botocorepatch.make_copy(INSTALLED, botocore.__version__, tmp_path / "link", ["s3"])
    assert (folder / "client.py").is_file()


def test_an_unknown_service_is_a_clear_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(PatchError, match="has no service s4"):
        botocorepatch.make_copy(INSTALLED, botocore.__version__, tmp_path / "copy", ["s3", "s4"])
    assert list(tmp_path.iterdir()) == []


def test_a_copy_that_does_not_work_is_a_clear_error_and_leaves_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "installed"
    shutil.copytree(INSTALLED, broken, ignore=lambda folder, names: {"ec2", "__pycache__"})
    (broken / "session.py").write_text("import nothing_of_that_name\n")
    with pytest.raises(PatchError, match=r"does not work: .*nothing_of_that_name"):
        botocorepatch.make_copy(broken, "1.43.0", tmp_path / "copy", ["s3"])
    assert [path.name for path in tmp_path.iterdir()] == ["installed"]


def test_what_is_no_patched_botocore_is_told(tmp_path: Path) -> None:
    assert "is no botocore" in str(botocorepatch.fault(tmp_path / "nothing"))
    assert "not a patched one" in str(botocorepatch.fault(INSTALLED))
    (tmp_path / "__init__.py").write_text("")
    (tmp_path / "client.py").write_text("def (")
    assert "is not Python" in str(botocorepatch.fault(tmp_path))


def test_the_real_api_methods_of_the_copy_end_in_the_recorder(patched: Path) -> None:
    program = """
import botocore.session
from botocore import spotrecorder
from botocore.stub import Stubber
keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
client = botocore.session.Session().create_client("s3", region_name="us-west-2", **keys)
with Stubber(client) as stub:
    page = {"IsTruncated": True, "Contents": [], "NextContinuationToken": "t"}
    stub.add_response("list_objects_v2", page, {"Bucket": "b"})
    last = {"IsTruncated": False, "Contents": []}
    stub.add_response("list_objects_v2", last, {"Bucket": "b", "ContinuationToken": "t"})
    common = {"thisFnARN": "arn"}
    spotrecorder.begin(spotrecorder.Invocation("r", common, "spotFns"))
    list(client.get_paginator("list_objects_v2").paginate(Bucket="b"))
    spotrecorder.end()
print([(one["eventOp"], one["message"]) for one in spotrecorder.take()])
"""
    done = subprocess.run(
        [sys.executable, "-B", "-c", program],
        env={"PYTHONPATH": str(patched.parent), "PATH": "/usr/bin:/bin"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.strip() == str([("ListObjectsV2", "SW:b")] * 2), done.stderr
