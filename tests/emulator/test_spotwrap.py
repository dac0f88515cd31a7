"""Functions deployed with SpotWrap: every call of a job is recorded, and nothing hinders a job."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import spottrace
from local.emulator import Emulator
from tests import spotcloud
from tests.cloud import SECONDS, Cloud, cloud_on, run
from tests.faults import FaultProxy, slow
from tests.smallapp import check
from tests.spotcloud import CODE_BUCKET, calls, ending, of_function, patched  # noqa: F401

BUCKET, DATA = "traced-jobs", "traced-data"
ROWS = [f"1.1.1.{n},u,d,{n}.5,a\n".encode() for n in range(4)]
FUNCTIONS = ("driverNS", "mapperNS", "reducerNS", "reducerCoordinatorNS")
SAME = {"GetBucketNotificationConfiguration": "GetBucketNotification"}
"""Operations that the proxy calls otherwise."""


def drive(cloud: Cloud, job_id: str, **fields: Any) -> subprocess.CompletedProcess[str]:
    """Run a job of four mappers with the driver function; its answer is on standard output."""
    payload = {
        "eventSource": "ext:invokeCLI",
        "bucket": DATA,
        "prefix": "rows/",
        "jobBucket": BUCKET,
        "job_id": job_id,
        "mapper": "mapperNS",
        "reducer": "reducerNS",
        "batchSize": 1,
        **fields,
    }
    words = ["lambda", "invoke", "--function-name", "driverNS", "--payload", json.dumps(payload)]
    return cloud.aws(*words, "/dev/stdout")


def settle(cloud: Cloud, job_id: str) -> None:
    """Wait until nothing of a job is at work any more."""
    cloud.wait_for(f"{job_id}/task/reducer/done")
    cloud.settled_invocations("reducerCoordinatorNS")
    wait_for_exits(cloud)


def wait_for_exits(cloud: Cloud) -> None:
    """Wait until every entry has its exit."""
    deadline = time.monotonic() + SECONDS
    while True:
        found = spotcloud.records(cloud)
        if len(ending(found, ":entry")) == len(ending(found, ":exit")):
            return
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


def make_cloud(folder: Path, emulator: Emulator, patched: Path, **fields: Any) -> Cloud:
    """Buckets, input, and a configuration that asks for SpotWrap; nothing is deployed."""
    cloud = cloud_on(emulator, folder, BUCKET, DATA, timeout=60, **fields)
    cloud.put_input("rows/", ROWS)
    spotcloud.traced(cloud, patched)
    return cloud


def deploy(cloud: Cloud, *options: str) -> str:
    done = cloud.setup_apps(*options)
    assert done.returncode == 0, done.stderr
    return done.stderr


# --------------------------------------------------------------------------- a whole job


@dataclass
class TracedJob:
    """A job that has run, the answer of its driver, its records, and what each proxy saw."""

    cloud: Cloud
    answer: Any
    records: list[dict[str, Any]]
    seen: dict[str, Counter[tuple[str, str, str | None]]]
    deployed: list[str]


@pytest.fixture(scope="module")
def job(tmp_path_factory, patched: Path) -> Iterator[TracedJob]:
    """One job, each function behind a proxy of its own, deployed twice before."""
    folder = tmp_path_factory.mktemp("traced")
    with contextlib.ExitStack() as stack:
        emulator = stack.enter_context(Emulator())
        proxies = {
            name: stack.enter_context(FaultProxy(emulator.endpoint, folder / f"{name}.log"))
            for name in FUNCTIONS
        }
        cloud = make_cloud(folder, emulator, patched)
        written = json.loads(cloud.config.read_text())
        for function in written["functions"]:
            endpoint = proxies[function["name"]].endpoint
            function["environment"] = {"AWS_ENDPOINT_URL": endpoint}
        cloud.config.write_text(json.dumps(written))
        deployed = [deploy(cloud), deploy(cloud)]
        for proxy in proxies.values():
            proxy.rules(*slow(1))  # a rule that fires on every call, and so records it
        done = drive(cloud, "traced")
        settle(cloud, "traced")
        seen = {
            name: Counter(
                (one["service"], one["operation"], one["resource"]) for one in proxy.fired()
            )
            for name, proxy in proxies.items()
        }
        answer = json.JSONDecoder().raw_decode(done.stdout)[0]
        yield TracedJob(cloud, answer, spotcloud.records(cloud), seen, deployed)


def test_the_job_is_right_and_its_answer_comes_in_the_envelope(job) -> None:
    job.cloud.assert_result("traced", ROWS)
    assert job.answer["statusCode"] == "200"
    assert job.answer["body"].startswith("TIMER:CALL:")


def test_a_second_deployment_changes_nothing(job) -> None:
    first, second = job.deployed
    assert first.count("created") == 4 and "uploaded" in first
    assert f"s3://{CODE_BUCKET} made" in first and "table spotFns in us-west-2 made" in first
    assert second.count("(with SpotWrap)") == 4 and "0 changed" in second
    assert not any(word in second for word in ("made", "uploaded", "created", "updated"))


def test_the_table_is_billed_on_demand_and_has_the_right_key(job) -> None:
    table = job.cloud.make_client("dynamodb").describe_table(TableName="spotFns")["Table"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    names = {part["AttributeName"]: part["KeyType"] for part in table["KeySchema"]}
    assert names == {"requestID": "HASH", "ts": "RANGE"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_invocation_has_an_entry_and_an_exit(job, function: str) -> None:
    own = of_function(job.records, function)
    entries = [record["requestID"].removesuffix(":entry") for record in ending(own, ":entry")]
    exits = [record["requestID"].removesuffix(":exit") for record in ending(own, ":exit")]
    started = job.cloud.invocations(function)
    assert started >= {"mapperNS": 4}.get(function, 1)
    assert len(set(entries)) == len(entries) == started
    assert sorted(entries) == sorted(exits)
    assert {record["requestID"] for record in calls(own)} <= set(entries)
    assert all(record["error"] == "SpotWrapPython" for record in own)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_call_that_the_proxy_saw_has_one_record(job, function: str) -> None:
    recorded = Counter(
        (record["eventSource"].removeprefix("aws:"), SAME.get(operation, operation), bucket)
        for record in calls(of_function(job.records, function))
        for operation in [record["eventOp"]]
        for bucket in [place_of(record)]
    )
    seen = +job.seen[function]
    # SpotWrap's own: its library, once on this machine, and its records.
    written = seen.pop(("dynamodb", "BatchWriteItem", None))
    seen.pop(("s3", "GetObject", CODE_BUCKET), None)
    assert recorded == seen
    assert {service for service, _, _ in recorded} <= {"s3", "lambda"}
    assert written == job.cloud.invocations(function)  # one batch for each invocation


def place_of(record: dict[str, Any]) -> str | None:
    """The bucket of a call of S3, as the proxy tells it."""
    return record["message"].split(":")[1] if record["eventSource"] == "aws:s3" else None


def test_the_library_is_downloaded_once(job) -> None:
    assert sum(seen["s3", "GetObject", CODE_BUCKET] for seen in job.seen.values()) == 1


def test_callers_are_known(job) -> None:
    (driver,) = ending(of_function(job.records, "driverNS"), ":entry")
    assert driver["eventSource"] == "aws:CLIInvoke:ext:invokeCLI"
    request = driver["requestID"].removesuffix(":entry")
    mappers = ending(of_function(job.records, "mapperNS"), ":entry")
    assert {(one["caller"], one["eventOp"]) for one in mappers} == {(request, "RequestResponse")}
    assert all(one["eventSource"].endswith(":function:driverNS") for one in mappers)
    (reducer,) = ending(of_function(job.records, "reducerNS"), ":entry")
    coordinators = of_function(job.records, "reducerCoordinatorNS")
    woken = {one["requestID"].removesuffix(":entry") for one in ending(coordinators, ":entry")}
    assert reducer["caller"] in woken
    assert reducer["eventOp"] == "Event"


def test_the_coordinators_entries_tell_of_the_objects_that_woke_them(job) -> None:
    entries = ending(of_function(job.records, "reducerCoordinatorNS"), ":entry")
    messages = " ".join(one["message"] for one in entries)
    for key in ("task/mapper/1", "task/mapper/4", "task/reducer/done"):
        assert f"{BUCKET}:traced/{key}:" in messages
    assert {one["eventOp"] for one in entries} == {"ObjectCreated:Put"}


def test_the_graph_leads_from_the_driver_to_the_result(job) -> None:
    trace = spottrace.trace(job.records, BUCKET, "traced")
    (driver,) = [node.id for node in trace.nodes if node.label == "driverNS"]
    reached, waiting = set(), [driver]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting += [
            edge.target
            for edge in trace.edges
            if edge.source == name and edge.kind != "read" and edge.target not in reached
        ]
    assert f"s3://{BUCKET}/traced/result" in reached
    assert {node.id for node in trace.nodes if node.kind == "invocation"} <= reached


def test_spotgraph_draws_the_job(job, tmp_path: Path) -> None:
    command = [sys.executable, "lambda-python/spotgraph.py", BUCKET, "traced"]
    done = run([*command, "--output", str(tmp_path / "job")], job.cloud.environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(tmp_path / "job.html"), str(tmp_path / "job.dot")]
    assert "traced/result" in (tmp_path / "job.html").read_text()
    assert f'"s3://{BUCKET}/traced/result"' in (tmp_path / "job.dot").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([BUCKET, "no-such-job"], "records is about job no-such-job"),
        ([BUCKET, "traced", "--spotFnsTableName", "none"], "there is no table none"),
        ([BUCKET, "traced", "--records", "README.md"], "README.md is not what `aws dynamodb scan"),
        ([BUCKET, "traced", "--output", "no-such-folder/job"], "cannot be written"),
    ],
)
def test_spotgraph_says_what_is_wrong(job, words: list[str], message: str) -> None:
    done = run([sys.executable, "lambda-python/spotgraph.py", *words], job.cloud.environment)
    assert done.returncode == 1
    assert message in done.stderr and "Traceback" not in done.stderr


def test_a_driver_in_the_terminal_reads_both_forms(job) -> None:
    done = job.cloud.driver("terminal", "--wait4reducers", "--batchsize", "2", prefix="rows/")
    assert done.returncode == 0, done.stderr
    job.cloud.assert_result("terminal", ROWS)


def test_a_stale_library_is_noticed(job, patched: Path, tmp_path: Path) -> None:
    assert "0 changed" in deploy(job.cloud, "--no_botocore_change")
    before = job.cloud.config.read_text()
    other = spotcloud.patch(tmp_path / "other", "--services", "s3", "lambda", "dynamodb")
    spotcloud.traced(job.cloud, other)
    stale = job.cloud.setup_apps("--no_botocore_change")
    check(stale, 1, "deploy once without --no_botocore_change")
    planned = job.cloud.setup_apps("--plan")
    assert planned.stdout.count("would be uploaded") == 1
    assert planned.stdout.count("would be updated (code)") == 4
    job.cloud.config.write_text(before)


def test_without_spotwrap_the_functions_are_plain_again(job) -> None:
    assert deploy(job.cloud, "--no_spotwrap").count("(plain)") == 4
    before = len(spotcloud.records(job.cloud))
    done = drive(job.cloud, "plain")
    assert done.stdout.startswith('"TIMER:CALL:')
    settle(job.cloud, "plain")
    job.cloud.assert_result("plain", ROWS)
    assert len(spotcloud.records(job.cloud)) == before
    deploy(job.cloud)
    assert drive(job.cloud, "again").stdout.startswith('{"statusCode": "200"')
    settle(job.cloud, "again")
    assert len(spotcloud.records(job.cloud)) > before


def test_deleting_leaves_the_table_and_the_library(job) -> None:
    assert deploy(job.cloud, "--deleteAll")
    assert spotcloud.records(job.cloud)
    listed = job.cloud.s3.list_objects_v2(Bucket=CODE_BUCKET)["Contents"]
    assert all(one["Key"].startswith("spotwrap/botocore-") for one in listed)


# --------------------------------------------------------------------------- what may be missing


def says(cloud: Cloud, text: str) -> bool:
    return any(text in line for name in FUNCTIONS for line in cloud.log_lines(name))


def test_a_missing_library_leaves_the_functions_unwrapped(tmp_path: Path, patched: Path) -> None:
    with Emulator() as emulator:
        cloud = make_cloud(tmp_path, emulator, patched)
        deploy(cloud)
        for item in cloud.s3.list_objects_v2(Bucket=CODE_BUCKET)["Contents"]:
            cloud.s3.delete_object(Bucket=CODE_BUCKET, Key=item["Key"])
        assert drive(cloud, "bare").stdout.startswith('"TIMER:CALL:')
        cloud.assert_result("bare", ROWS)
        assert spotcloud.records(cloud) == []


def test_a_library_of_another_content_is_not_run(tmp_path: Path, patched: Path) -> None:
    with Emulator() as emulator:
        cloud = make_cloud(tmp_path, emulator, patched)
        deploy(cloud)
        (item,) = cloud.s3.list_objects_v2(Bucket=CODE_BUCKET)["Contents"]
        cloud.s3.put_object(Bucket=CODE_BUCKET, Key=item["Key"], Body=b"not a zip")
        assert drive(cloud, "bare").stdout.startswith('"TIMER:CALL:')
        cloud.assert_result("bare", ROWS)


def test_a_missing_table_takes_no_job_down(tmp_path: Path, patched: Path) -> None:
    with Emulator() as emulator:
        cloud = make_cloud(tmp_path, emulator, patched)
        deploy(cloud)
        cloud.make_client("dynamodb").delete_table(TableName="spotFns")
        assert drive(cloud, "untold").stdout.startswith('{"statusCode": "200"')
        cloud.assert_result("untold", ROWS)
        assert says(cloud, "records were not written to spotFns")


@pytest.mark.parametrize("is_allowed", [True, False])
def test_the_role_may_be_made_for_spotwrap_and_need_not(
    tmp_path: Path,
    patched: Path,
    is_allowed: bool,
) -> None:
    with Emulator({"AUTH": "true"}) as emulator:
        cloud = make_cloud(tmp_path, emulator, patched)
        words = ["--bucket", BUCKET, "--databkt", DATA, "mapreduce", "policy"]
        words += ["--spotwrap", CODE_BUCKET] if is_allowed else []
        made = run([sys.executable, "setup/create-role.py", *words], cloud.environment)
        assert made.returncode == 0, made.stderr
        deploy(cloud)
        assert "TIMER:CALL:" in drive(cloud, "job").stdout
        cloud.assert_result("job", ROWS)
        settled = bool(spotcloud.records(cloud))
        assert settled == is_allowed


def test_a_denied_write_takes_no_job_down(tmp_path: Path, patched: Path) -> None:
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
    check(
        plain_cloud.setup_apps(),
        2,
        f"{written['functions'][1]['name']}: {message.split()[0]}",
        message,
    )
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
    assert "table far.away unchanged" in deploy(plain_cloud, *options)
