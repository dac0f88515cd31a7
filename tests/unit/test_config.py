"""scns.json: what is accepted, and every fault in one go."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from deploy import config
from deploy.config import ConfigError

ROOT = Path(__file__).resolve().parent.parent.parent


def function(**fields: Any) -> dict[str, Any]:
    base = {
        "name": "mapperNS",
        "lambdaMemory": 1536,
        "handler": "mapper.handler",
        "zip": "mapperzip.zip",
        "files_and_dirs": ["mr/mapper.py", "mr/helper.py"],
    }
    return {name: value for name, value in {**base, **fields}.items() if value is not ...}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mr").mkdir()
    (tmp_path / "mr" / "mapper.py").write_text("import json\nimport helper\nhandler = print\n")
    (tmp_path / "mr" / "helper.py").write_text("import os\n")
    (tmp_path / "mr" / "lost.py").write_text("import helper\n\nimport gone\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "queue.py").write_text("")
    (tmp_path / "mr" / "sub").mkdir()
    (tmp_path / "mr" / "sub" / "mapper.py").write_text("another = handler = 1\n")
    return tmp_path


def write(folder: Path, *functions: Any, **fields: Any) -> Path:
    path = folder / "scns.json"
    path.write_text(json.dumps({"region": "us-west-2", "functions": list(functions), **fields}))
    return path


def faults(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    return str(caught.value).replace(f"{path}: ", "").split("\n")


def test_a_function_has_the_defaults_of_the_design(folder: Path) -> None:
    loaded = config.load(write(folder, function()))
    assert loaded.region == "us-west-2"
    (spec,) = loaded.functions
    assert spec == config.FunctionSpec(
        name="mapperNS",
        memory=1536,
        handler="mapper.handler",
        zip_name="mapperzip.zip",
        files={"helper.py": folder / "mr/helper.py", "mapper.py": folder / "mr/mapper.py"},
        runtime="python3.13",
        timeout=300,
        architecture="x86_64",
    )


def test_every_optional_field_is_read(folder: Path) -> None:
    layer = "arn:aws:lambda:us-west-2:123456789012:layer:polars:3"
    path = write(
        folder,
        function(
            runtime="python3.12",
            timeout=900,
            architecture="arm64",
            environment={"MR_JOB": "wordcount"},
            layers=[layer],
            permission="my-bucket",
            job_id="job1000",
            patched_botocore_dir="mr",
            s3bucket="my-code",
        ),
    )
    (spec,) = config.load(path).functions
    assert (spec.runtime, spec.timeout, spec.architecture) == ("python3.12", 900, "arm64")
    assert (spec.environment, spec.layers) == ({"MR_JOB": "wordcount"}, (layer,))
    assert (spec.permission, spec.job_id) == ("my-bucket", "job1000")
    assert (spec.patched_botocore_dir, spec.code_bucket) == (folder / "mr", "my-code")


def test_the_shipped_file_is_right_but_for_its_placeholder() -> None:
    assert faults(ROOT / "scns.json") == [
        "reducerCoordinatorNS: permission: MY-BUCKET-NAME is the placeholder: fill in the name of "
        "your bucket"
    ]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": ...}, "function 1: name: missing"),
        ({"name": "a b"}, "a b: name: 'a b' is not a function name"),
        ({"lambdaMemory": 64}, "mapperNS: lambdaMemory: 64 is not a number from 128 to 10240 MB"),
        ({"lambdaMemory": "128"}, "lambdaMemory: '128' is not"),
        ({"lambdaMemory": True}, "lambdaMemory: True is not"),
        ({"handler": "handler"}, "mapperNS: handler: 'handler' is not of the form file.name"),
        ({"handler": "a.b.c"}, "handler: 'a.b.c' is not of the form file.name"),
        ({"handler": "other.handler"}, "handler: other.handler needs other.py, which is not in"),
        ({"zip": "../x.zip"}, "zip: '../x.zip' is not the name of a zip file"),
        ({"files_and_dirs": []}, "files_and_dirs: [] is not a list of paths"),
        ({"files_and_dirs": ["mr/none.py"]}, "mr/none.py does not exist"),
        ({"files_and_dirs": ["mr/mapper.py", "mr", "mr/sub/mapper.py"]}, "would both be mapper.py"),
        ({"files_and_dirs": ["mr/mapper.py", "mr/lost.py"]}, "mr/lost.py:3 imports gone, which is"),
        ({"environment": {"MR_JOB": "own"}}, "environment: MR_JOB is own: add own.py to files_and"),
        ({"environment": {"MR_JOB": "../x"}}, "environment: MR_JOB is ../x: add"),
        (
            {"files_and_dirs": ["mr/mapper.py", "other/queue.py"]},
            "other/queue.py would hide the mo",
        ),
        ({"runtime": "python3.99"}, "runtime: 'python3.99' is no Python runtime of Lambda that"),
        ({"handler": "mapper.handle"}, "handler: mapper.handle: there is no handle in "),
        ({"runtime": "nodejs20.x"}, "runtime: 'nodejs20.x' is no Python runtime of Lambda that"),
        ({"timeout": 901}, "timeout: 901 is not a number from 1 to 900 seconds"),
        ({"architecture": "arm"}, "architecture: 'arm' is not one of x86_64, arm64"),
        ({"environment": {"AB": 1}}, "environment: AB is int, not a text"),
        ({"environment": {"1A": "x"}}, "environment: '1A' is no name of a variable"),
        ({"environment": []}, "environment: it is list, not an object"),
        ({"layers": ["polars"]}, "layers: 'polars' is not the ARN of a layer version"),
        ({"permission": "My_Bucket"}, "permission: 'My_Bucket' is no bucket name"),
        ({"permission": "192.168.1.1"}, "permission: '192.168.1.1' is no bucket name"),
        ({"permission": "my-bucket", "job_id": "a/b"}, "job_id: 'a/b' is not a job id"),
        ({"job_id": "job1"}, "job_id: means nothing without permission"),
        ({"patched_botocore_dir": "mr"}, "s3bucket: SpotWrap needs it beside"),
        ({"memory": 128}, "mapperNS: memory: unknown field"),
    ],
)
def test_a_fault_names_the_function_and_the_field(folder: Path, fields, message: str) -> None:
    found = faults(write(folder, function(**fields)))
    assert any(message in fault for fault in found), found


HIDDEN = "hunter2"


@pytest.mark.parametrize(
    "environment",
    [
        {"1A": HIDDEN},
        {"AB": [HIDDEN]},
        {"AB": {HIDDEN: HIDDEN}},
        {"AB": HIDDEN, "CD": 1},
        HIDDEN,
        [HIDDEN],
    ],
)
def test_no_fault_shows_a_value_of_the_environment(folder: Path, environment) -> None:
    found = faults(write(folder, function(environment=environment)))
    assert len(found) == 1
    assert HIDDEN not in found[0]


def test_all_faults_are_told_in_one_go(folder: Path) -> None:
    path = write(
        folder,
        function(lambdaMemory=1, timeout=0),
        function(handler="x"),
        "not an object",
        region="Oregon",
        regions=1,
    )
    assert faults(path) == [
        "regions: unknown field",
        "region: 'Oregon' is not a region such as us-west-2",
        "mapperNS: name: used 2 times",
        "mapperNS: lambdaMemory: 1 is not a number from 128 to 10240 MB",
        "mapperNS: timeout: 0 is not a number from 1 to 900 seconds",
        "mapperNS: handler: 'x' is not of the form file.name",
        "function 3: not a JSON object but str",
    ]


def test_functions_without_a_name_are_counted_and_not_called_none(folder: Path) -> None:
    found = faults(write(folder, function(name=...), function(name=...), function(name=["x"])))
    assert [fault for fault in found if "name" in fault] == [
        "function 1: name: missing",
        "function 2: name: missing",
        "function 3: name: ['x'] is not a function name: 1 to 64 letters, digits, '-' and '_'",
    ]


def test_a_neighbour_may_come_out_of_a_folder_that_is_laid_flat(folder: Path) -> None:
    (folder / "site-packages").mkdir()
    shutil.copy(folder / "mr/helper.py", folder / "site-packages/helper.py")
    path = write(folder, function(files_and_dirs=["mr/mapper.py", "site-packages"]))
    assert len(config.load(path).functions) == 1


def test_deleting_needs_no_files(folder: Path) -> None:
    path = write(folder, function(files_and_dirs=["mr/gone.py"]))
    assert config.load(path, with_sources=False).functions[0].name == "mapperNS"
    wrong = write(folder, function(files_and_dirs=["mr/gone.py"], name="a b"))
    with pytest.raises(ConfigError, match="'a b' is not a function name"):
        config.load(wrong, with_sources=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON: Expecting property name enclosed in double quotes: line 1 column 2"),
        ("[]", "the file must hold a JSON object, not list"),
        ('{"region": "us-west-2"}', "functions: there must be a list of at least one function"),
    ],
)
def test_a_file_that_is_no_configuration_is_said_so(tmp_path: Path, text, message) -> None:
    path = tmp_path / "scns.json"
    path.write_text(text)
    assert any(message in fault for fault in faults(path))


def test_a_python_file_that_is_none_is_a_fault(folder: Path) -> None:
    (folder / "mr" / "helper.py").write_text("def (:\n")
    assert any("helper.py is not Python" in fault for fault in faults(write(folder, function())))


def test_a_handler_may_lie_in_a_folder_that_is_laid_flat(folder: Path) -> None:
    shutil.move(folder / "mr", folder / "site-packages")
    path = write(folder, function(files_and_dirs=["site-packages"]))
    (spec,) = config.load(path).functions
    assert spec.files["mapper.py"] == folder / "site-packages/mapper.py"


def test_a_neighbour_that_is_imported_goes_along(folder: Path) -> None:
    (spec,) = config.load(write(folder, function(files_and_dirs=["mr/mapper.py"]))).functions
    assert list(spec.files) == ["helper.py", "mapper.py"]


@pytest.mark.parametrize(
    ("fields", "needs"),
    [
        ({"packages": ["gone==1.0"]}, ["gone"]),
        ({"layers": ["arn:aws:lambda:us-west-2:123456789012:layer:gone:1"]}, []),
    ],
)
def test_what_packages_or_layers_may_have_is_not_missing_yet(folder: Path, fields, needs) -> None:
    path = write(folder, function(files_and_dirs=["mr/mapper.py", "mr/lost.py"], **fields))
    (spec,) = config.load(path).functions
    assert [one.module for one in spec.needs] == needs


def test_a_file_is_looked_up_here_and_then_in_the_root(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert config.find("scns.json") == ROOT / "scns.json"
    (tmp_path / "scns.json").write_text("{}")
    assert config.find("scns.json") == Path("scns.json")
    with pytest.raises(ConfigError, match=r"nothing\.json: no such file"):
        config.find("nothing.json")
