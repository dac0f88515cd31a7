"""Packages of a function: wheels for its runtime and architecture, whatever this machine is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deploy import bundle, config, desired, packages


@pytest.mark.parametrize(
    ("runtime", "architecture", "first"),
    [
        ("python3.13", "x86_64", "manylinux_2_34_x86_64"),
        ("python3.12", "arm64", "manylinux_2_34_aarch64"),
        ("python3.11", "x86_64", "manylinux_2_26_x86_64"),
    ],
)
def test_the_platforms_are_those_of_lambdas_own_system(runtime, architecture, first) -> None:
    found = packages.platforms(runtime, architecture)
    machine = packages.MACHINES[architecture]
    assert found[0] == first
    assert found[-2:] == [f"manylinux_2_17_{machine}", f"manylinux2014_{machine}"]


def test_pip_is_asked_for_wheels_of_the_runtime_alone() -> None:
    command = packages.pip_command(["a==1"], "python3.13", "arm64", Path("there"))
    assert "--only-binary=:all:" in command
    assert command[command.index("--python-version") + 1] == "3.13"
    assert command[command.index("--target") + 1] == "there"
    assert not any("x86_64" in word for word in command)
    assert command[-1] == "a==1"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setattr(packages, "FOLDER", tmp_path / "packages")
    return tmp_path


def test_a_compiled_package_is_that_of_another_runtime_and_machine(folder: Path) -> None:
    found = packages.installed(["backports.zstd==1.8.0"], "python3.12", "arm64")
    compiled = [path.name for path in found.rglob("*.so")]
    assert compiled
    assert all("cpython-312-aarch64" in name for name in compiled)
    assert packages.installed(["backports.zstd==1.8.0"], "python3.12", "arm64") == found
    names = bundle.entries([found])
    assert "backports/zstd/__init__.py" in names
    assert not any(name.endswith(("RECORD", ".pyc")) for name in names)
    assert [path.name for path in packages.FOLDER.iterdir()] == [found.parent.name]


def test_what_is_imported_must_be_in_one_of_the_packages(folder: Path) -> None:
    (folder / "mapper.py").write_text("from backports import zstd\nimport polars\nhandler = 1\n")
    (spec,) = load(folder, packages=["backports.zstd==1.8.0"], runtime="python3.12").functions
    with pytest.raises(config.ConfigError) as caught:
        desired.files_of(spec, {})
    lost = f"m: files_and_dirs: {folder}/mapper.py:2 imports polars, which is nowhere: "
    assert str(caught.value).startswith(lost)
    assert "\n" not in str(caught.value)
    (folder / "mapper.py").write_text("from backports import zstd\nhandler = print\n")
    (spec,) = load(folder, packages=["backports.zstd==1.8.0"], runtime="python3.12").functions
    assert {"mapper.py", "backports/zstd/__init__.py"} <= desired.files_of(spec, {}).keys()


def test_a_package_without_a_wheel_is_an_error_and_leaves_nothing(folder: Path) -> None:
    with pytest.raises(bundle.BundleError, match=r"backports\.zstd==0\.0\.1 cannot be had"):
        packages.installed(["backports.zstd==0.0.1"], "python3.13", "x86_64")
    assert list(packages.FOLDER.iterdir()) == []


def load(folder: Path, **fields: object) -> config.Config:
    if not (folder / "mapper.py").exists():
        (folder / "mapper.py").write_text("handler = print\n")
    function = {"name": "m", "lambdaMemory": 128, "handler": "mapper.handler", "zip": "m.zip"}
    function |= {"files_and_dirs": ["mapper.py"], **fields}
    path = folder / "scns.json"
    path.write_text(json.dumps({"region": "us-west-2", "functions": [function]}))
    return config.load(path)


def test_another_list_is_another_folder(folder: Path) -> None:
    found = [packages.installed([f"six==1.{n}.0"], "python3.13", "x86_64") for n in (16, 17)]
    versions = [next(path.glob("six-*.dist-info")).name for path in found]
    assert versions == ["six-1.16.0.dist-info", "six-1.17.0.dist-info"]


def test_packages_are_read_from_the_configuration(tmp_path: Path) -> None:
    (spec,) = load(tmp_path, packages=["polars==2.1.0"]).functions
    assert spec.packages == ("polars==2.1.0",)


@pytest.mark.parametrize("value", ["polars==2.1.0", ["polars"], ["polars>=2"], ["../x==1"], [3]])
def test_a_package_without_its_version_is_a_fault(value, tmp_path: Path) -> None:
    with pytest.raises(config.ConfigError, match="m: packages: "):
        load(tmp_path, packages=value)


def test_a_job_that_is_not_in_the_bundle_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(config.ConfigError, match=r"MR_JOB is own: add own\.py to files"):
        load(tmp_path, environment={"MR_JOB": "own"})
