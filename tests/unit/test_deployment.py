"""What a role needs of scns.json: region and functions, and which of them are started by others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import deployment
from deployment import Deployment, config
from tests.cloud import ROOT


def entry(name: str, handler: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "handler": handler, **more}


def written(folder: Path, value: Any) -> str:
    path = folder / "scns.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return str(path)


def test_the_shipped_file_is_found_from_anywhere_and_needs_no_bucket_yet(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "MY-BUCKET-NAME" in (ROOT / "scns.json").read_text()
    assert deployment.read("scns.json") == Deployment(
        region="us-west-2",
        functions=("driverNS", "mapperNS", "reducerNS", "reducerCoordinatorNS"),
        workers=("mapperNS", "reducerNS"),
        code_buckets=(),
    )


def test_the_file_beside_one_comes_first(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, {"region": "eu-west-1", "functions": [entry("m", "mapper.handler")]})
    assert deployment.read("scns.json").region == "eu-west-1"


def test_a_function_of_ones_own_is_started_by_driver_or_coordinator() -> None:
    functions = [
        entry("d", "driver.handler"),
        entry("own", "mine.map", s3bucket="code-b"),
        entry("own2", "mine.reduce", s3bucket="code-a"),
        entry("c", "reducerCoordinator.handler", s3bucket="code-a"),
    ]
    found = deployment.of({"region": "us-west-2", "functions": functions})
    assert found.workers == ("own", "own2")
    assert found.code_buckets == ("code-a", "code-b")


MAPPER = entry("m", "mapper.handler")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("{", "Expecting property name"),
        ([], "a list of at least one function"),
        ({"region": "us-west-2", "functions": []}, "a list of at least one function"),
        ({"region": "*", "functions": [MAPPER]}, "region: '*' is not a region"),
        ({"functions": [MAPPER]}, "region: None is not a region"),
        ({"region": "us-west-2", "functions": ["m"]}, "function 1: not a JSON object but str"),
        (
            {"region": "us-west-2", "functions": [MAPPER, entry("*", "mapper.handler")]},
            "function 2: name: '*' is not a function name",
        ),
        (
            {"region": "us-west-2", "functions": [entry("a:function:*", "mapper.handler")]},
            "name: 'a:function:*' is not a function name",
        ),
        ({"region": "us-west-2", "functions": [{"name": "m"}]}, "handler: None is not"),
        (
            {"region": "us-west-2", "functions": [entry("m", "mapper.handler", s3bucket="a/*")]},
            "s3bucket: 'a/*' is no bucket name",
        ),
    ],
)
def test_faults_are_said(tmp_path: Path, value: Any, said: str) -> None:
    with pytest.raises(config.ConfigError) as caught:
        deployment.read(written(tmp_path, value))
    assert said in str(caught.value)


def test_every_fault_is_said_in_one_go(tmp_path: Path) -> None:
    faulty = {"region": "*", "functions": [entry("a*", "mapper.handler"), entry("b", "b")]}
    with pytest.raises(config.ConfigError) as caught:
        deployment.read(written(tmp_path, faulty))
    assert len(str(caught.value).splitlines()) == 3
