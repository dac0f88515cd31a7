"""Functions deployed with SpotWrap: every call of a job is recorded, and the job can be drawn."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from graph import causes
from local.emulator import Emulator
from tests import spotcloud
from tests.cloud import Cloud, run
from tests.faults import FaultProxy, slow
from tests.smallapp import check
from tests.spotcloud import (
    BUCKET,
    CODE_BUCKET,
    FUNCTIONS,
    ROWS,
    calls,
    deploy,
    drive,
    ending,
    make_cloud,
    of_function,
    patched,  # noqa: F401 - a fixture
    settle,
)

EXPECTED = {"driverNS": 1, "mapperNS": 4, "reducerNS": 1, "reducerCoordinatorNS": 10}
"""Invocations of the job: the coordinator is woken by each of the ten objects that it leaves."""

SAME = {"GetBucketNotificationConfiguration": "GetBucketNotification"}
"""Operations that the proxy calls otherwise."""


@dataclass
class TracedJob:
    """A job that has run, the answer of its driver, its records, and what each proxy saw."""

    cloud: Cloud
    answer: Any
    records: list[dict[str, Any]]
    seen: dict[str, Counter[tuple[str, str, str | None]]]
    started: dict[str, list[str]]
    downloads_when_warm: int
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
        seen = {name: calls_through(proxy) for name, proxy in proxies.items()}
        found = spotcloud.records(cloud)
        started = {name: requests_of(cloud, name) for name in FUNCTIONS}
        assert '"200"' in drive(cloud, "warm").stdout
        settle(cloud, "warm")
        library = ("s3", "GetObject", CODE_BUCKET)
        more = sum(
            calls_through(proxy)[library] - seen[name][library] for name, proxy in proxies.items()
        )
        answer = json.JSONDecoder().raw_decode(done.stdout)[0]
        yield TracedJob(cloud, answer, found, seen, started, more, deployed)


def calls_through(proxy: FaultProxy) -> Counter[tuple[str, str, str | None]]:
    """(service, operation, bucket) of every call that went through a proxy."""
    return Counter((one["service"], one["operation"], one["resource"]) for one in proxy.fired())


def requests_of(cloud: Cloud, function: str) -> list[str]:
    """The requests of a function, from the platform's own START lines, in order."""
    lines = cloud.log_lines(function)
    return [line.split()[2] for line in lines if line.startswith("START RequestId")]


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
    assert len(entries) == EXPECTED[function]
    assert sorted(entries) == sorted(exits) == sorted(job.started[function])
    assert {record["requestID"] for record in calls(own)} <= set(entries)
    # The one call that may be refused: a claim of a step that another coordinator has.
    failed = [record for record in own if record["error"] != "SpotWrapPython"]
    assert all("PreconditionFailed" in record["error"] for record in failed)
    assert {record["message"] for record in failed} <= {f"SW:{BUCKET}:traced/reducerstate.1"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_call_that_the_proxy_saw_has_one_record(job, function: str) -> None:
    own = of_function(job.records, function)
    recorded = Counter(
        (record["eventSource"].removeprefix("aws:"), SAME.get(operation, operation), bucket)
        for record in calls(own)
        for operation in [record["eventOp"]]
        for bucket in [place_of(record)]
    )
    seen = +job.seen[function]
    # SpotWrap's own: its library, and its records, in batches of 25 for each invocation.
    seen.pop(("s3", "GetObject", CODE_BUCKET), None)
    written = seen.pop(("dynamodb", "BatchWriteItem", None))
    sizes = Counter(one["requestID"].partition(":")[0] for one in own)
    batches = sum(math.ceil(size / 25) for size in sizes.values())
    assert batches <= written < len(own) / 2  # a batch that took long was sent again
    assert recorded == seen
    assert {service for service, _, _ in recorded} <= {"s3", "lambda"}


def place_of(record: dict[str, Any]) -> str | None:
    """The bucket of a call of S3, as the proxy tells it."""
    return record["message"].split(":")[1] if record["eventSource"] == "aws:s3" else None


def test_a_warm_start_downloads_nothing(job) -> None:
    assert any(seen["s3", "GetObject", CODE_BUCKET] for seen in job.seen.values())
    assert job.downloads_when_warm == 0


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
    trace = causes.trace(job.records, BUCKET, "traced")
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
        ([BUCKET, "no-such-job"], "none about job no-such-job"),
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
    assert planned.stdout.count("would be updated (code") == 4
    job.cloud.config.write_text(before)


@pytest.mark.slow
def test_without_spotwrap_the_functions_are_plain_again(job) -> None:
    assert deploy(job.cloud, "--no_spotwrap").count("(plain)") == 4
    before = len(spotcloud.records(job.cloud))
    assert drive(job.cloud, "plain").stdout.startswith('"TIMER:CALL:')
    job.cloud.assert_result("plain", ROWS)
    job.cloud.settled_invocations("reducerCoordinatorNS")
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
