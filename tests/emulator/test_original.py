"""The original's own scns.json and its own commands, word for word out of its text.

Filled in are the names that it says to replace; its buckets, its job id and its profiles are made.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import uservisits
from local.emulator import Emulator
from tests.cloud import ROOT, Cloud, client_factory, command_environment, run

TEXT = (ROOT / "tests/original/readme.md").read_text()
BUCKET, DATA, PREFIX = "my-own-jobs", "big-data-benchmark", "pavlo/text/1node/uservisits/"
NAMES = {
    "MY-BUCKET-NAME": BUCKET,
    "JOBID": "job1000",
    "MAPPER_FN_NAME": "mapperNS",
    "REDUCER_FN_NAME": "reducerNS",
}
BODIES = [b"".join(uservisits.generate(3, index, 20_000)) for index in range(3)]


def filled_in(text: str) -> str:
    for name, value in NAMES.items():
        text = text.replace(name, value)
    return text


def commands(under: str) -> list[list[str]]:
    """The commands that stand directly under a comment, or begin so, as words."""
    block = TEXT[TEXT.index(under) :].partition("\n\n")[0]
    lines = re.findall(r"^(?:python|aws) .*", block, re.MULTILINE)
    assert lines, under
    return [shlex.split(filled_in(line)) for line in lines]


@pytest.fixture(scope="module")
def original(checkout: Path, tmp_path_factory) -> Iterator[Cloud]:
    """The original's functions, deployed by its own command in its own folder."""
    (config,) = re.findall(r"^\{\n.*?^\}$", TEXT, re.MULTILINE | re.DOTALL)
    (checkout / "scns.json").write_text(filled_in(config))
    profiles = tmp_path_factory.mktemp("aws") / "config"
    keys = "aws_access_key_id = test\naws_secret_access_key = test\n"
    profiles.write_text(f"[profile cjk1]\n{keys}[profile awsprofile1]\n{keys}")
    with Emulator() as emulator:
        environment = {**command_environment(emulator), "AWS_CONFIG_FILE": str(profiles)}
        make_client = client_factory(emulator)
        cloud = Cloud(environment, make_client, checkout / "scns.json", BUCKET, DATA)
        cloud.make_buckets()
        cloud.put_input(PREFIX, BODIES)
        follow(cloud, commands("python setupApps.py --profile cjk1 -f scns.json --no_spotwrap")[0])
        yield cloud


def follow(cloud: Cloud, words: list[str]) -> str:
    """Run one of the original's commands where it runs them. Returns what it printed."""
    folder = "mr" if words[1] == "driver.py" else "lambda-python"
    command = [sys.executable, *words[1:]] if words[0] == "python" else words
    done = run(command, cloud.environment, cwd=cloud.config.parent / folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def start_anew(cloud: Cloud) -> None:
    """The trigger is for one job id: a second job under it needs the first one's objects gone."""
    cloud.wait_for("job1000/task/reducer/done")
    cloud.settled_invocations("reducerCoordinatorNS")
    for key in cloud.keys("job1000/"):
        cloud.s3.delete_object(Bucket=BUCKET, Key=key)


def test_the_original_deploys_and_its_driver_runs_a_job_synchronously(original: Cloud) -> None:
    synchronous = commands("#run short and synchronously")[0]
    assert "dryrun:0" in follow(original, commands("#dry run only")[0])
    assert re.search(r"TIMER:CALL:\d+:mappers:", follow(original, synchronous))
    original.assert_result("job1000", BODIES)
    start_anew(original)


@pytest.mark.parametrize("under", ["\n#synchronously", "\n#asynchronously"])
def test_the_originals_driver_function_runs_a_job(original: Cloud, under: str) -> None:
    follow(original, commands(under)[0])
    original.assert_result("job1000", BODIES)
    start_anew(original)


def test_the_originals_driver_starts_a_job_and_does_not_wait(original: Cloud) -> None:
    follow(original, commands("#run full and asynchrously")[0])
    original.assert_result("job1000", BODIES)
    start_anew(original)
    assert any("Job done!!!" in line for line in original.log_lines("reducerCoordinatorNS"))


def test_the_original_cleans_up(original: Cloud) -> None:
    follow(original, commands("python setupApps.py --profile cjk1 -f scns.json --deleteAll")[0])
    assert original.make_client("lambda").list_functions()["Functions"] == []
    assert original.keys("") == []
