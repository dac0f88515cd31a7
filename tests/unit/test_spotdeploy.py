"""What a wrapped function is deployed with; and the errors of AWS that the emulator cannot make."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from deploy import botocorepatch, wrapping
from deploy.clients import Clients, DeployError
from deploy.config import ConfigError, FunctionSpec
from deploy.desired import files_of
from deploy.wrapping import SpotWrap, Table
from spotwrap.settings import Address, Settings
from tests.spotcloud import patched  # noqa: F401 - a fixture

ACCOUNT = "123456789012"
TABLE = Table("spotFns", "us-west-2")


def spec(folder: Path | None, bucket: str | None = "code") -> FunctionSpec:
    return FunctionSpec(
        name="f",
        memory=128,
        handler="f.handler",
        zip_name="f.zip",
        files={},
        patched_botocore_dir=folder,
        code_bucket=bucket,
    )


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    made = Clients("us-west-2", None)
    made.account = ACCOUNT
    return made


@pytest.fixture
def s3(clients) -> Any:
    with Stubber(clients.client("s3")) as stub:
        yield stub


@pytest.fixture
def dynamodb(clients) -> Any:
    with Stubber(clients.client("dynamodb")) as stub:
        yield stub


@pytest.fixture
def spotwrap(clients, patched: Path) -> SpotWrap:
    return SpotWrap(clients, [spec(patched)], TABLE, keep=False)


def test_the_zip_is_a_botocore_whatever_the_folders_name(patched, tmp_path) -> None:
    other = shutil.copytree(patched, tmp_path / "any-name")
    one, two = wrapping.library(patched), wrapping.library(other)
    assert (one.address("code"), one.code()) == (two.address("code"), two.code())
    with zipfile.ZipFile(io.BytesIO(one.code())) as archive:
        assert {name.split("/")[0] for name in archive.namelist()} == {"botocore"}
    key = f"spotwrap/botocore-{one.version}-{one.digest}.zip"
    assert (one.address("code").key, str(one.address("code"))) == (key, f"s3://code/{key}")


def test_a_folder_that_changed_has_another_key(patched, tmp_path) -> None:
    other = shutil.copytree(patched, tmp_path / "botocore")
    (other / "spotrecorder.py").write_text(botocorepatch.RECORDER.read_text() + "# changed\n")
    addresses = [wrapping.library(folder).address("code") for folder in (other, patched)]
    assert addresses[0].key != addresses[1].key


def test_the_settings_name_the_library_and_the_table(patched) -> None:
    texts = wrapping.settings(spec(patched), patched, Table("mine", "eu-west-1"), ACCOUNT)
    assert json.loads(texts["spotwrap.json"]) == {
        "handler": "f.handler",
        "library": str(wrapping.library(patched).address("code")),
        "owner": ACCOUNT,
        "patience": 30,
        "table": "mine",
        "tableRegion": "eu-west-1",
    }


def test_the_wrapper_reads_the_settings_that_were_written(patched) -> None:
    texts = wrapping.settings(spec(patched), patched, TABLE, ACCOUNT)
    told = Settings.parse(texts["spotwrap.json"])
    assert told.library == wrapping.library(patched).address("code")
    assert (told.handler, told.table, told.patience) == ("f.handler", "spotFns", 30)
    with pytest.raises(ValueError, match="'s3://code/x' is not the address of a patched botocore"):
        Address.parse("s3://code/x")


def test_a_file_of_ones_own_may_not_hide_the_wrapper(patched, tmp_path) -> None:
    one = dataclasses.replace(spec(patched), files={"f.py": tmp_path / "f.py"})
    assert {"f.py", "SpotWrap.py", "spotwrap/wrapper.py"} <= files_of(one, wrapping.files()).keys()
    hides = dataclasses.replace(one, files={"spotwrap.py": tmp_path / "spotwrap.py"})
    with pytest.raises(ConfigError, match=r"spotwrap\.py and .* would both be spotwrap: rename"):
        files_of(hides, wrapping.files())


def test_a_bucket_of_someone_else_is_a_clear_error(s3, spotwrap) -> None:
    wanted = {"Bucket": "code", "ExpectedBucketOwner": ACCOUNT}
    s3.add_client_error("head_bucket", "403", "Forbidden", 403, expected_params=wanted)
    with pytest.raises(
        DeployError, match=r"bucket code, .* s3bucket .* belongs to another account"
    ):
        spotwrap.check()


def test_a_bucket_in_another_region_is_a_clear_error(s3, spotwrap) -> None:
    s3.add_response("head_bucket", {"BucketRegion": "eu-west-1"})
    with pytest.raises(DeployError, match="code, which s3bucket names, is in eu-west-1"):
        spotwrap.check()


def test_a_name_that_someone_took_meanwhile_is_a_clear_error(s3, spotwrap) -> None:
    s3.add_client_error("head_bucket", "404", "Not Found", 404)
    s3.add_client_error("create_bucket", "BucketAlreadyExists", "taken", 409)
    with pytest.raises(DeployError, match="belongs to someone else: name another"):
        [step.do() for step in spotwrap.steps()]


@pytest.mark.parametrize(
    ("region", "where"),
    [
        ("us-east-1", {}),
        ("us-west-2", {"CreateBucketConfiguration": {"LocationConstraint": "us-west-2"}}),
    ],
)
def test_a_new_bucket_is_right_for_its_region(monkeypatch, region: str, where) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    clients = Clients(region, None)
    with Stubber(clients.client("s3")) as stub:
        stub.add_response("create_bucket", {}, {"Bucket": "code", **where})
        SpotWrap(clients, [], TABLE, keep=False)._make_bucket("code")
        stub.assert_no_pending_responses()


def test_a_stale_library_is_noticed_where_none_may_be_uploaded(s3, spotwrap) -> None:
    spotwrap.keep = True
    s3.add_response("head_bucket", {})
    s3.add_client_error("head_object", "404", "Not Found", 404)
    with pytest.raises(DeployError, match="deploy once without --no_botocore_change"):
        spotwrap.check()


@pytest.mark.parametrize("keep", [True, False])
def test_a_library_that_is_there_is_neither_built_nor_uploaded(
    s3,
    dynamodb,
    clients,
    patched,
    keep: bool,
) -> None:
    s3.add_response("head_bucket", {})
    s3.add_response("head_object", {}, {"Bucket": "code", "Key": ANY, "ExpectedBucketOwner": ANY})
    dynamodb.add_response("describe_table", {"Table": {"KeySchema": key("requestID", "ts")}})
    steps = SpotWrap(clients, [spec(patched)] * 3, TABLE, keep).steps()
    assert [step.do() for step in steps] == ["unchanged"] * 3
    s3.assert_no_pending_responses()


def key(hash_: str, range_: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": hash_, "KeyType": "HASH"},
        {"AttributeName": range_, "KeyType": "RANGE"},
    ]


def test_a_table_with_another_key_is_a_clear_error(s3, dynamodb, spotwrap) -> None:
    s3.add_response("head_bucket", {})
    dynamodb.add_response("describe_table", {"Table": {"KeySchema": key("ts", "requestID")}})
    with pytest.raises(DeployError, match="has the key ts, requestID, not requestID, ts: name an"):
        spotwrap.check()


def test_a_plan_says_what_would_be_made(s3, dynamodb, spotwrap) -> None:
    s3.add_client_error("head_bucket", "404", "Not Found", 404)
    s3.add_client_error("head_object", "404", "Not Found", 404)
    dynamodb.add_client_error("describe_table", "ResourceNotFoundException")
    bucket, library, table = [f"{step.name}: {step.look()}" for step in spotwrap.steps()]
    assert bucket == "s3://code: would be made"
    assert library.endswith(".zip: would be uploaded")
    assert table == "table spotFns in us-west-2: would be made"


def test_folders_that_are_no_patched_botocore_are_told_by_function(patched, tmp_path) -> None:
    specs = [spec(patched), spec(None, None), dataclasses.replace(spec(tmp_path), name="g")]
    (fault,) = wrapping.folder_faults(specs)
    assert fault.startswith(f"g: patched_botocore_dir: {tmp_path} is no botocore")
