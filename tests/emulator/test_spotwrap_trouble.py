"""SpotWrap in trouble: nothing that it lacks hinders a job, and wrong settings are told."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.emulator import Emulator
from tests import readme, spotcloud
from tests.cloud import ROOT, SECONDS, Cloud, cloud_on, run
from tests.faults import FaultProxy
from tests.smallapp import check
from tests.spotcloud import (
    BUCKET,
    CODE_BUCKET,
    DATA,
    FUNCTIONS,
    ROWS,
    deploy,
    drive,
    ending,
    make_cloud,
    patched,  # noqa: F401 - a fixture
    settle,
)

# --------------------------------------------------------------------------- what may be missing


def says(cloud: Cloud, text: str) -> bool:
    return any(text in line for name in FUNCTIONS for line in cloud.log_lines(name))


@pytest.mark.slow
def test_a_missing_library_leaves_the_functions_unwrapped(tmp_path: Path, patched: Path) -> None:
    with Emulator() as emulator:
        cloud = make_cloud(tmp_path, emulator, patched)
        deploy(cloud)
        for item in cloud.s3.list_objects_v2(Bucket=CODE_BUCKET)["Contents"]:
            cloud.s3.delete_object(Bucket=CODE_BUCKET, Key=item["Key"])
        assert drive(cloud, "bare").stdout.startswith('"TIMER:CALL:')
        cloud.assert_result("bare", ROWS)
        assert spotcloud.records(cloud) == []


@pytest.mark.slow
def test_the_role_need_not_be_made_for_spotwrap(tmp_path: Path, patched: Path) -> None:
    """One that is made for it: test_deployer.py."""
    with Emulator({"AUTH": "true"}) as emulator:
        cloud = make_cloud(tmp_path, emulator, patched)
        words = ["--bucket", BUCKET, "--databkt", DATA, "mapreduce", "policy"]
        made = run([sys.executable, "setup/create-role.py", *words], cloud.environment)
        assert made.returncode == 0, made.stderr
        deploy(cloud)
        assert "TIMER:CALL:" in drive(cloud, "job").stdout
        cloud.assert_result("job", ROWS)
        assert spotcloud.records(cloud) == []


def test_a_denied_write_and_a_missing_table_take_no_job_down(tmp_path: Path, patched: Path) -> None:
    with Emulator() as emulator, FaultProxy(emulator.endpoint, tmp_path / "proxy.log") as proxy:
        environment = {"AWS_ENDPOINT_URL": proxy.endpoint}
        cloud = make_cloud(tmp_path, emulator, patched, environment=environment)
        deploy(cloud)
        denied = {"code": "AccessDeniedException", "status": 400}
        proxy.rules({"service": "dynamodb", "operation": "BatchWriteItem", "error": denied})
        assert drive(cloud, "denied").stdout.startswith('{"statusCode": "200"')
        cloud.assert_result("denied", ROWS)
        assert spotcloud.records(cloud) == []
        assert says(cloud, "AccessDeniedException")
        proxy.rules()
        cloud.make_client("dynamodb").delete_table(TableName="spotFns")
        assert drive(cloud, "untold").stdout.startswith('{"statusCode": "200"')
        cloud.assert_result("untold", ROWS)
        assert says(cloud, "ResourceNotFoundException")


# --------------------------------------------------------------------------- failing functions


FAILS = "def handler(event, context):\n    raise ValueError('no such thing')\n"


@pytest.fixture(scope="module")
def failing(tmp_path_factory, patched: Path) -> Iterator[Cloud]:
    """A wrapped function that fails, and one beside it that asks for nothing."""
    folder = tmp_path_factory.mktemp("failing")
    (folder / "fails.py").write_text(FAILS)
    with Emulator({"LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.1"}) as emulator:
        cloud = cloud_on(emulator, folder, BUCKET, DATA)

        def entry(name: str, **fields: Any) -> dict[str, Any]:
            handler = {"handler": "fails.handler", "files_and_dirs": ["fails.py"]}
            return {"name": name, "lambdaMemory": 128, "zip": "f.zip", **handler, **fields}

        wrapped = {"patched_botocore_dir": str(patched), "s3bucket": CODE_BUCKET}
        functions = [entry("before"), entry("wrapped", **wrapped), entry("after")]
        written = {"region": "us-west-2", "functions": functions}
        cloud.config.write_text(json.dumps(written))
        deploy(cloud, "--spotFnsTableName", "my.table")
        yield cloud


def invoke(cloud: Cloud, name: str, kind: str, payload: Any) -> dict[str, Any]:
    sent = json.dumps(payload).encode()
    functions = cloud.make_client("lambda")
    return functions.invoke(FunctionName=name, InvocationType=kind, Payload=sent)


def test_one_functions_setting_is_not_anothers(failing: Cloud) -> None:
    functions = failing.make_client("lambda")
    handlers = {
        name: functions.get_function_configuration(FunctionName=name)["Handler"]
        for name in ("before", "wrapped", "after")
    }
    plain = "fails.handler"
    assert handlers == {"before": plain, "wrapped": "SpotWrap.handleRequest", "after": plain}


def test_who_waits_gets_the_error_as_an_answer_and_it_is_recorded(failing: Cloud) -> None:
    source = {"eventSource": "ext:invokeCLI:RequestResponse"}
    answer = invoke(failing, "wrapped", "RequestResponse", source)
    assert "FunctionError" not in answer
    told = "SpotWrapPython:SpotWrap_exception:ValueError: no such thing:status:400"
    given = json.loads(answer["Payload"].read())
    assert given == {"statusCode": "400", "body": {"SpotWrapError": told}}
    assert ending(spotcloud.records(failing, "my.table"), ":exit")[-1]["error"] == told


def test_an_asynchronous_invocation_fails_so_that_lambda_tries_again(failing: Cloud) -> None:
    before = failing.invocations("wrapped")
    invoke(failing, "wrapped", "Event", {"eventSource": "ext:invokeCLI"})
    deadline = time.monotonic() + SECONDS
    while failing.invocations("wrapped") < before + 3:
        assert time.monotonic() < deadline, failing.log_lines("wrapped")
        time.sleep(0.2)
    assert failing.settled_invocations("wrapped") == before + 3
    exits = ending(spotcloud.records(failing, "my.table"), ":exit")
    assert len(exits) == failing.invocations("wrapped")


def test_nobody_is_left_without_an_error(failing: Cloud) -> None:
    answer = invoke(failing, "wrapped", "RequestResponse", {})
    assert answer["FunctionError"] == "Unhandled"
    assert "no such thing" in answer["Payload"].read().decode()


# --------------------------------------------------------------------------- the page


def test_the_commands_of_the_documentation_run_as_they_stand(checkout: Path) -> None:
    text = (checkout / "docs/spotwrap.md").read_text()
    patch, role, deploy_, draw, delete_table, _ = readme.blocks(text, "bash")
    (fields,) = readme.blocks(text, "json")
    with Emulator() as emulator:
        cloud = cloud_on(emulator, checkout, BUCKET, DATA)
        cloud.put_input("rows/", ROWS)
        written = (ROOT / "scns.json").read_text().replace("MY-BUCKET-NAME", BUCKET)
        asked = json.loads("{" + fields.replace("CODE_BUCKET", CODE_BUCKET) + "}")
        functions = json.loads(written)["functions"]
        wrapped = {"region": "us-west-2", "functions": [one | asked for one in functions]}
        (checkout / "scns.json").write_text(json.dumps(wrapped))
        names = {"JOB_BUCKET": BUCKET, "DATA_BUCKET": DATA, "CODE_BUCKET": CODE_BUCKET}
        environment = {**cloud.environment, **names, "CHECKOUT": str(checkout)}
        done = run(["bash", "-c", readme.script([patch, role, deploy_])], environment)
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("(with SpotWrap)") == 4
        assert drive(cloud, "job1000").stdout.startswith('{"statusCode": "200"')
        settle(cloud, "job1000", "task")
        done = run(["bash", "-c", readme.script([draw])], environment)
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == ["job1000.html", "job1000.dot"]
        done = run(["bash", "-c", readme.script([delete_table])], environment)
        assert done.returncode == 0, done.stderr
        assert cloud.make_client("dynamodb").list_tables()["TableNames"] == []
    assert "job1000/result" in (checkout / "job1000.html").read_text()


# --------------------------------------------------------------------------- wrong configurations


@pytest.fixture
def plain_cloud(emulator: Emulator, tmp_path: Path, request) -> Cloud:
    name = f"{abs(hash(request.node.nodeid)) % 10**8}"
    return cloud_on(emulator, tmp_path, f"jobs-{name}", f"data-{name}", suffix=f"-{name}")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"s3bucket": "code"}, "patched_botocore_dir: SpotWrap needs it beside s3bucket"),
        ({"patched_botocore_dir": "."}, "s3bucket: SpotWrap needs it beside patched_botocore_dir"),
        ({"patched_botocore_dir": "none", "s3bucket": "code"}, "none is no botocore"),
        ({"patched_botocore_dir": 7, "s3bucket": "code"}, "patched_botocore_dir: 7 is not a path"),
        ({"patched_botocore_dir": ".", "s3bucket": "CODE_BUCKET"}, "is the placeholder"),
    ],
)
def test_a_wrong_configuration_is_told_before_anything_is_made(
    plain_cloud: Cloud, fields: dict[str, Any], message: str
) -> None:
    written = json.loads(plain_cloud.config.read_text())
    written["functions"][1].update(fields)
    plain_cloud.config.write_text(json.dumps(written))
    check(plain_cloud.setup_apps(), 2, f"{written['functions'][1]['name']}: ", message)
    listed = plain_cloud.make_client("lambda").list_functions()["Functions"]
    assert not any(one["FunctionName"] == written["functions"][0]["name"] for one in listed)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--spotFnsTableName", "x"), "--spotFnsTableName is 'x'"),
        (("--spotFnsTableRegion", "Oregon"), "--spotFnsTableRegion: 'Oregon' is not a region"),
    ],
)
def test_a_wrong_table_is_told(plain_cloud: Cloud, options: tuple[str, ...], message: str) -> None:
    check(plain_cloud.setup_apps(*options), 2, message)


def test_a_table_may_be_in_another_region(plain_cloud: Cloud, patched: Path) -> None:
    spotcloud.traced(plain_cloud, patched, plain_cloud.databkt)
    options = ("--spotFnsTableName", "far.away", "--spotFnsTableRegion", "eu-west-1")
    assert "table far.away in eu-west-1 made" in deploy(plain_cloud, *options)
    assert "table far.away in eu-west-1 unchanged" in deploy(plain_cloud, *options)
