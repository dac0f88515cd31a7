"""setupApps.py --plan: says what would be done, and does nothing."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import setupApps
from tests.cloud import ROOT, Cloud, run
from tests.faults import FaultProxy, slow
from tests.smallapp import HANDLER, make_app, names, notifications, through_proxy, unique_name
from tests.smallapp import write_config as write

READS = ("Get", "Head", "List", "Describe")


@pytest.fixture
def app(tmp_path: Path, aws_environment, aws_client, request) -> Cloud:
    return make_app(tmp_path, aws_environment, aws_client, unique_name(request))


@pytest.fixture
def recorded(app: Cloud) -> Iterator[FaultProxy]:
    """A proxy that records every call of the app's commands."""
    with through_proxy(app) as running:
        running.rules(*slow(1))  # a rule that fires on every call, and so records it
        yield running


def plan(app: Cloud, *options: str) -> list[str]:
    """The lines of a plan, with the names that a test makes up left out."""
    done = app.setup_apps("--plan", *options)
    assert done.returncode == 0, done.stderr
    assert "This is a plan: nothing was changed." in done.stderr
    return done.stdout.replace(app.bucket, "BUCKET").replace(app.suffix, "").splitlines()


def test_nothing_is_there_yet(app: Cloud) -> None:
    created, coordinator, trigger, *bundles = plan(app, "--no_spotwrap")
    size = len(HANDLER.format(number=1))
    assert bundles == [f"{name}: bundle: 1 file, {size} bytes" for name in ("plain", "coordinator")]
    assert created.startswith("plain: would be created (")
    assert coordinator.startswith("coordinator: would be created (")
    assert trigger == "coordinator: trigger on s3://BUCKET/job1000: would be wired"
    assert names(app) == set()
    assert notifications(app) == {}


def test_the_changes_are_named_and_not_made(app: Cloud) -> None:
    app.setup_apps("--no_spotwrap")
    assert plan(app, "--no_spotwrap")[:-2] == [
        "plain: unchanged",
        "coordinator: unchanged",
        "coordinator: trigger on s3://BUCKET/job1000: unchanged",
    ]
    (app.config.parent / "plain.py").write_text(HANDLER.format(number=3))
    write(app, job_id="job2", timeout=7)
    for _ in range(2):  # the second time it says the same
        assert plan(app, "--no_spotwrap")[:-2] == [
            "plain: would be updated (code, Timeout 300 -> 7)",
            "coordinator: unchanged",
            "coordinator: trigger on s3://BUCKET/job2: would be wired",
        ]
    assert plan(app, "--no_spotwrap", "--update")[:-2] == [
        "plain: would be updated (code, Timeout 300 -> 7)",
        "coordinator: unchanged",
    ]


def test_what_would_be_deleted(app: Cloud) -> None:
    *lines, emptied, log, other_log = plan(app, "--deleteAll")
    assert all(line.endswith(": not there") for line in (*lines, log, other_log))
    assert emptied == "s3://BUCKET: contents: 0 objects would be deleted"
    app.setup_apps("--no_spotwrap")
    app.s3.put_object(Bucket=app.bucket, Key="job1000/jobdata", Body=b"{}")
    before = notifications(app)
    lines = plan(app, "--deleteAll")
    assert lines[0] == "plain: function: would be deleted"
    assert lines[-2:] == ["plain: log group: not there", "coordinator: log group: not there"]
    assert "coordinator: notification of s3://BUCKET: would be deleted" in lines
    assert "coordinator: permission of s3://BUCKET: would be deleted" in lines
    assert lines[-3] == "s3://BUCKET: contents: 1 object would be deleted"
    assert plan(app, "--deleteAll", "--saveTriggerBucket")[-3].endswith("contents: kept")
    assert names(app) == {f"plain{app.suffix}", f"coordinator{app.suffix}"}
    assert notifications(app) == before
    assert app.keys("") == ["job1000/jobdata"]


def test_a_plan_for_a_program_lists_the_files(app: Cloud) -> None:
    folder = app.config.parent
    (folder / "plain.py").write_text("import beside\n" + HANDLER.format(number=1))
    (folder / "beside.py").write_text("")
    size = (folder / "plain.py").stat().st_size
    assert plan(app, "--no_spotwrap")[-2] == f"plain: bundle: 2 files, {size} bytes"
    told = json.loads("\n".join(plan(app, "--no_spotwrap", "--json")))
    assert [step["what"] for step in told["steps"]][:2] == ["plain", "coordinator"]
    bundle = told["bundles"][0]
    assert bundle["files"] == {"beside.py": 0, "plain.py": size}
    assert (bundle["function"], bundle["bytes"]) == ("plain", size)
    assert f"would be created ({bundle['zip']} bytes" in told["steps"][0]["plan"]
    deleting = json.loads("\n".join(plan(app, "--deleteAll", "--json")))
    assert deleting["bundles"] == []
    assert {"what": "plain: function", "plan": "not there"} in deleting["steps"]
    assert app.setup_apps("--json").returncode == 2


def test_a_plan_makes_no_call_that_writes(app: Cloud, recorded: FaultProxy) -> None:
    plan(app, "--no_spotwrap")
    plan(app, "--deleteAll")
    calls = {one["operation"] for one in recorded.fired()}
    assert "GetFunctionConfiguration" in calls
    assert [name for name in calls if not name.startswith(READS)] == []


def test_a_plan_for_a_bucket_that_is_not_there_is_an_error(app: Cloud) -> None:
    app.s3.delete_bucket(Bucket=app.bucket)
    done = app.setup_apps("--plan", "--no_spotwrap")
    assert done.returncode == 1
    assert f"there is no bucket {app.bucket}, which permission names" in done.stderr
    assert "s3://BUCKET: contents: not there" in plan(app, "--deleteAll")


def test_the_examples_of_help_run_as_they_stand(app: Cloud) -> None:
    examples = re.findall(r"^    python (setupApps\.py .*)$", setupApps.EXAMPLES, re.MULTILINE)
    assert len(examples) >= 5
    profiles = app.config.parent / "config"
    profiles.write_text("[profile me]\naws_access_key_id = test\naws_secret_access_key = test\n")
    environment = {**app.environment, "AWS_CONFIG_FILE": str(profiles)}
    for line in examples:
        program, *words = shlex.split(line)
        command = [sys.executable, str(ROOT / "lambda-python" / program), *words]
        done = run(command, environment, cwd=app.config.parent)
        assert done.returncode == 0, f"{line}: {done.stderr}"
    assert names(app) == set()


@pytest.mark.parametrize(
    ("redirected", "status", "said"),
    [
        (">/dev/full", 1, "setupApps.py: standard output cannot be written: No space left on"),
        (">&-", 1, "setupApps.py: standard output is closed"),
        ("2>&-", 0, ""),
    ],
)
def test_a_plan_meets_streams_that_are_full_or_closed(
    app: Cloud, redirected: str, status: int, said: str
) -> None:
    words = [sys.executable, "lambda-python/setupApps.py", "-f", str(app.config), "--deleteAll"]
    command = f"{shlex.join([*words, '--plan', '--json'])} {redirected}"
    done = run(["bash", "-c", command], app.environment)
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    if status == 0:
        assert json.loads(done.stdout)["steps"]
