"""The commands of a job as people and programs use them: real processes, on the embedded AWS."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from local import uservisits
from terminal import driving, looking
from tests import oracle
from tests.cloud import ROOT, SECONDS, Cloud, run

PREFIX = "command-line/"
JOB = "told"
HIDDEN, SHOWN = b"\x1b[?25l", b"\x1b[?25h"
"""What hides a terminal's cursor, and what shows it again."""


@pytest.fixture(scope="module")
def bodies(cloud: Cloud) -> list[bytes]:
    made = [b"".join(uservisits.generate(5, index, 20_000)) for index in range(4)]
    made[2] += b"no row at all\n"
    return cloud.put_input(PREFIX, made)


@pytest.fixture(scope="module")
def finished(cloud: Cloud, bodies) -> subprocess.CompletedProcess[str]:
    """A job that was waited for, told as JSON."""
    done = cloud.driver(JOB, "--wait4reducers", "--batchsize", "1", "--json", prefix=PREFIX)
    assert done.returncode == 0, done.stderr
    return done


def command(cloud: Cloud, *words: str) -> subprocess.CompletedProcess[str]:
    return run([sys.executable, "mr/driver.py", *words], cloud.environment)


def look(cloud: Cloud, view: str, *words: str) -> subprocess.CompletedProcess[str]:
    return run([sys.executable, "mr/job.py", view, *words], cloud.environment)


def test_json_is_all_that_is_on_standard_output(finished, bodies, cloud: Cloud) -> None:
    expected = oracle.answer(bodies)
    facts = json.loads(finished.stdout)
    assert re.fullmatch(r"TIMER:CALL:\d+:mappers:[\d.]+:reducer:[\d.]+", facts["timer"])
    summary = facts["summary"]
    assert (summary["lines"], summary["bad_rows"]) == (expected.rows, expected.bad_rows)
    assert summary["groups"] == len(expected.groups)
    assert summary["bad_row"] == {"object": f"{PREFIX}part-00002", "row": "no row at all"}
    assert summary["result"] == f"s3://{cloud.bucket}/{JOB}/result"
    assert [one["name"] for one in summary["tasks"]][3:] == ["mapper 4", "reducer 1/1"]
    mapper = summary["tasks"][2]
    assert mapper["input_bytes"] == len(bodies[2])
    assert mapper["start"] > 1.7e9
    assert [key for key, _ in summary["first_groups"]] == list(cloud.read(f"{JOB}/result"))[:5]


def test_the_functions_are_named_with_their_memory(finished) -> None:
    functions = json.loads(finished.stdout)["summary"]["functions"]
    assert [(one["name"], one["calls"], one["memory"]) for one in functions] == [
        ("mapperNS", 4, 1536),
        ("reducerCoordinatorNS", 5, 1024),
        ("reducerNS", 1, 1536),
    ]


def test_the_end_of_a_job_in_words_is_on_standard_error(cloud: Cloud, bodies) -> None:
    options = ("--wait4reducers", "--batchsize", "2", "--quiet")
    done = cloud.driver("in-words", *options, prefix=PREFIX)
    assert re.fullmatch(r"TIMER:CALL:\d+:mappers:[\d.]+:reducer:[\d.]+\n", done.stdout)
    expected = oracle.answer(bodies)
    assert f"{expected.rows} rows, 1 bad, {len(expected.groups)} groups\n" in done.stderr
    assert f"a bad row, in object {PREFIX}part-00002: no row at all\n" in done.stderr
    assert re.search(r"mappers: median [\d.]+ s, slowest [\d.]+ s \(mapper \d\)", done.stderr)
    as_of = r"cost \$0\.\d+ as of 20[\d-]+ [\d:]+ UTC \(prices of 20\d\d-\d\d\); estimated: "
    assert re.search(as_of, done.stderr)
    assert f"s3://{cloud.bucket}/in-words/result, its largest groups:\n" in done.stderr
    largest = max(expected.groups, key=lambda key: expected.groups[key])
    assert f"groups:\n  {largest}  {expected.groups[largest]:.6g}\n" in done.stderr
    assert "Num. of Mappers (and Reducers)  2\n" in done.stderr


def test_a_dry_run_shows_the_plan_and_its_cost(cloud: Cloud, bodies) -> None:
    done = cloud.driver("plan", "--dryrun", "--batchsize", "3", prefix=PREFIX, names=False)
    assert "about 1 reducer in 1 step (1)\n" in done.stderr
    assert re.search(r"estimated cost \$0\.\d+", done.stderr)
    options = ("--dryrun", "--batchsize", "3", "--json")
    plan = json.loads(cloud.driver("plan", *options, prefix=PREFIX, names=False).stdout)["plan"]
    sizes = [len(body) for body in bodies]
    assert (plan["objects"], plan["bytes"], plan["mappers"]) == (4, sum(sizes), 2)
    assert plan["mapper_bytes"] == [sum(sizes[:3]), sizes[3]]
    assert cloud.keys("plan/") == []


def in_a_terminal(
    words: list[str], environment: dict[str, str], number: int | None = None
) -> tuple[int, str, str]:
    """Run a command whose standard error is a terminal: exit status, stdout, what it drew.

    Once the display is there, the command gets the signal `number`.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        words,
        env={**environment, "TERM": "xterm-256color", "COLUMNS": "100"},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        # Tests run in the background ignore Ctrl-C, and so would this.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    os.close(theirs)
    drawn = bytearray()

    def read() -> None:
        is_sent = number is None
        try:
            while chunk := os.read(ours, 65536):
                drawn.extend(chunk)
                if not is_sent and HIDDEN in drawn:
                    process.send_signal(number)
                    is_sent = True
        except OSError:  # how a terminal says that nobody writes to it any more
            pass

    reader = threading.Thread(target=read)
    reader.start()
    output, _ = process.communicate(timeout=SECONDS)
    reader.join()
    os.close(ours)
    return process.returncode, output, drawn.decode()


@pytest.mark.parametrize("color", [True, False])
def test_a_terminal_shows_a_live_display_unless_it_is_not_wanted(
    cloud: Cloud, bodies, color: bool
) -> None:
    pytest.importorskip("rich")
    job_id = "live" if color else "not-live"
    words = [sys.executable, "mr/driver.py", cloud.bucket, job_id, *cloud.functions]
    words += ["--databkt", cloud.databkt, "--prefix", PREFIX, "--wait4reducers"]
    environment = {name: value for name, value in cloud.environment.items() if name != "NO_COLOR"}
    status, output, drawn = in_a_terminal(
        [*words, "--batchsize", "1"], environment if color else {**environment, "NO_COLOR": "1"}
    )
    assert status == 0, drawn
    assert re.fullmatch(r"TIMER:CALL:\d+:mappers:[\d.]+:reducer:[\d.]+\n", output)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn)
    assert "Num. of Mappers (and Reducers)  4" in plain
    assert ("\x1b[" in drawn) == color
    if color:
        assert re.search(r"mappers .* 4 of 4 done, 0 at work", plain)
        assert re.search(r"step 1 .* 1 of 1 reducers done", plain)
    cloud.assert_result(job_id, bodies)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_run_that_is_ended_leaves_the_terminal_in_order(cloud: Cloud, bodies, name: str) -> None:
    pytest.importorskip("rich")
    words = [sys.executable, "mr/driver.py", cloud.bucket, f"ended-{name}", *cloud.functions]
    words += ["--databkt", cloud.databkt, "--prefix", PREFIX, "--wait4reducers"]
    environment = {name: value for name, value in cloud.environment.items() if name != "NO_COLOR"}
    options = ["--splitsize", "1KB", "--concurrency", "1"]  # it takes a while
    number = signal.Signals[name]
    status, output, drawn = in_a_terminal([*words, *options], environment, number)
    assert (status, output) == (128 + number, ""), drawn
    assert (drawn.count(HIDDEN.decode()), drawn.count(SHOWN.decode())) == (1, 1), drawn
    last = drawn.splitlines()[-1].removeprefix(SHOWN.decode())
    assert last.startswith("driver.py: interrupted. What was started goes on by itself: ")
    assert f"job ended-{name} in s3://{cloud.bucket}/ended-{name}/ may still finish" in last


# --------------------------------------------------------------------------- logs and results


def test_the_logs_of_a_job_are_its_own_by_time(cloud: Cloud, finished) -> None:
    other = cloud.driver("told-too", "--wait4reducers", "--batchsize", "1", prefix=PREFIX)
    assert other.returncode == 0, other.stderr
    cloud.wait_for(f"{JOB}/task/reducer/done")
    done = look(cloud, "logs", cloud.bucket, JOB, "--json")
    assert done.returncode == 0, done.stderr
    lines = json.loads(done.stdout)["lines"]
    said = {(line["function"], line["task"]) for line in lines}
    assert {("mapperNS", f"mapper {number}") for number in range(1, 5)} <= said
    assert ("reducerNS", "step 1 reducer 1") in said
    assert ("reducerCoordinatorNS", "coordinator") in said
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    assert any(
        f" of job {JOB}: mapper 3 reads 1 object, asked for at " in line["message"]
        for line in lines
    )
    assert "told-too" not in done.stdout


def test_logs_of_a_job_that_the_driver_function_started_show_that_function(
    cloud: Cloud, bodies, tmp_path
) -> None:
    payload = {
        "bucket": cloud.databkt, "prefix": PREFIX, "jobBucket": cloud.bucket, "job_id": "by-driver",
        "mapper": "mapperNS", "reducer": "reducerNS", "full_async": "yes",
    }  # fmt: skip
    words = ["lambda", "invoke", "--function-name", "driverNS", "--payload", json.dumps(payload)]
    assert cloud.aws(*words, str(tmp_path / "out")).returncode == 0
    cloud.wait_for("by-driver/task/reducer/done")
    text = look(cloud, "logs", cloud.bucket, "by-driver").stdout
    assert re.search(
        r"  driverNS  driver  run \w+ of job by-driver: driver starts 1 mapper\n", text
    )
    assert re.search(r"^20\d\d-\d\d-\d\dT[\d:.]+Z  mapperNS  mapper 1  mapper 1: ", text, re.M)


def test_following_the_logs_of_a_running_job_ends_with_the_job(cloud: Cloud, bodies) -> None:
    started = cloud.driver("followed", "--batchsize", "1", prefix=PREFIX)
    assert started.returncode == 0, started.stderr
    done = look(cloud, "logs", cloud.bucket, "followed", "--follow")
    assert done.returncode == 0, done.stderr
    for number in range(1, 5):
        assert done.stdout.count(f"job followed: mapper {number} reads") == 1
    assert "job followed: step 1 reducer 1 reads 4 outputs" in done.stdout


@pytest.mark.parametrize(
    ("words", "header"), [(("--format", "csv"), True), (("--format", "json"), False), ((), True)]
)
def test_the_forms_of_a_result(cloud: Cloud, finished, words, header) -> None:
    done = look(cloud, "result", cloud.bucket, JOB, "--top", "2", *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("key,value\n") == header
    if not header:
        assert len(json.loads(done.stdout)) == 2


def test_a_reader_who_has_enough_is_no_error(cloud: Cloud, finished) -> None:
    line = f"{shlex.quote(sys.executable)} mr/job.py result {cloud.bucket} {JOB} | head -n 1"
    done = run(["bash", "-c", line], cloud.environment)
    assert done.stdout == "key,value\n"
    assert done.stderr == ""


# ------------------------------------------------------------------ what streams and settings do


@pytest.fixture(scope="module")
def greeting(cloud: Cloud) -> str:
    """A job whose only key is not ASCII."""
    cloud.put_input("greeting/", ["gr\u00fc\u00dfe,u,d,1,x\n".encode()])
    done = cloud.driver("greeting", "--wait4reducers", prefix="greeting/")
    assert done.returncode == 0, done.stderr
    assert "1 object, 16 bytes in s3://" in done.stderr
    assert "\n1 row, 0 bad, 1 group\n" in done.stderr
    return "greeting"


@pytest.mark.parametrize(
    ("command", "status", "output", "said"),
    [
        ("job.py result B J >&-", 1, "", "job.py: standard output is closed\n"),
        ("job.py status B J >&-", 1, "", "job.py: standard output is closed\n"),
        (
            "job.py result B J >/dev/full",
            1,
            "",
            "job.py: standard output cannot be written: No space left on device\n",
        ),
        ("PYTHONIOENCODING=ascii job.py result B J", 0, "key,value\ngr\\xfc\\xdfe,1.0\n", ""),
        ("job.py result B J 2>&-", 0, "key,value\ngr\u00fc\u00dfe,1.0\n", ""),
        (
            "AWS_ENDPOINT_URL=localhost:4566 job.py status B J",
            2,
            "",
            "job.py: Invalid endpoint: localhost:4566: correct AWS_ENDPOINT_URL, or unset it\n",
        ),
        (
            "AWS_MAX_ATTEMPTS=abc driver.py B new m r",
            2,
            "",
            "driver.py: AWS_MAX_ATTEMPTS is 'abc', not a whole number from 1: correct it, or "
            "unset it\n",
        ),
        (
            "driver.py B x --dryrun --prefix $'\\xff'",
            2,
            "",
            "driver.py: argument 5, \\xff, is not UTF-8, as every name in AWS is: correct it\n",
        ),
    ],
)
def test_a_command_ends_in_a_line_whatever_it_meets(
    cloud: Cloud, greeting: str, command: str, status: int, output: str, said: str
) -> None:
    filled = command.replace(" B ", f" {cloud.bucket} ").replace(" J", f" {greeting}")
    line = re.sub(r"(\w+\.py)", rf"{shlex.quote(sys.executable)} mr/\1", filled, count=1)
    done = run(["bash", "-c", line], cloud.environment)
    assert (done.returncode, done.stdout, done.stderr) == (status, output, said)


def test_with_standard_error_closed_a_dry_run_is_one_object(cloud: Cloud, bodies) -> None:
    words = f"{cloud.bucket} x --databkt {cloud.databkt} --prefix {PREFIX} --dryrun --json 2>&-"
    line = f"{shlex.quote(sys.executable)} mr/driver.py {words}"
    done = run(["bash", "-c", line], cloud.environment)
    assert json.loads(done.stdout)["plan"]["objects"] == 4


# --------------------------------------------------------------------------- errors and help


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ("job.py logs {bucket} nothing", 1, "there is no job nothing in s3://my-job-bucket/"),
        ("job.py report {bucket} nothing --output {tmp}/r.html", 1, "there is no job nothing"),
        ("job.py report {bucket} told --output {tmp}/no/r.html", 2, "no: make it first"),
        ("job.py logs no-such-bucket-here j", 1, "there is no bucket no-such-bucket-here: make"),
        ("driver.py {bucket} new m r --wait4reducers --prices {tmp}/x", 2, "x cannot be read"),
        ("driver.py {bucket} new m r --wait4reducers --report {tmp}", 2, "name of a file"),
    ],
)
def test_errors_are_clear_and_nothing_is_started(
    cloud: Cloud, finished, tmp_path: Path, words: str, status: int, message: str
) -> None:
    filled = words.format(bucket=cloud.bucket, tmp=tmp_path)
    done = run(shlex.split(f"{sys.executable} mr/{filled}"), cloud.environment)
    assert done.returncode == status, done.stderr
    assert done.stderr.startswith(f"{words.split()[0]}: ")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert cloud.keys("new/") == []


def test_a_report_of_a_job_under_way_says_where_to_look(cloud: Cloud, tmp_path: Path) -> None:
    cloud.put_input("stuck/", [b"1.1.1.1,u,d,1.7e308,a\n" * 2])  # their sum has no JSON form
    assert cloud.driver("stuck", prefix="stuck/").returncode == 0
    done = look(cloud, "report", cloud.bucket, "stuck", "--output", str(tmp_path / "r.html"))
    assert done.returncode == 1
    assert re.search(r"has no result: (job stuck has failed|the job is not done; )", done.stderr)
    assert not (tmp_path / "r.html").exists()


EXAMPLES = re.findall(r"^  (python .*)$", driving.make_parser().format_help(), re.MULTILINE)
AS_THEY_STAND = [name for name, view in looking.VIEWS.items() if view.of and name != "cancel"]
"""Nothing is to be cancelled of a job that is done; what is of no job has files of its own."""
EXAMPLES += map(looking.example_of, AS_THEY_STAND)


def test_the_examples_of_help_run_as_they_stand(cloud: Cloud, finished, tmp_path: Path) -> None:
    assert len(EXAMPLES) == 2 + len(AS_THEY_STAND) > 10
    for number, line in enumerate(EXAMPLES):
        runs = "mapperNS" in line
        filled = line.replace("MY-BUCKET-NAME", cloud.bucket).replace("MY-DATA", cloud.databkt)
        filled = filled.replace("MY-BUCKET", cloud.bucket).replace("job1001", JOB)
        words = shlex.split(filled.replace("job1000", f"example-{number}" if runs else JOB))
        words[:2] = [sys.executable, str(ROOT / "mr" / words[1])]
        if "driver.py" in line:
            words += ["--databkt", cloud.databkt, "--prefix", PREFIX]
        done = run(words, cloud.environment, cwd=tmp_path)
        assert done.returncode == 0, f"{line}: {done.stderr}"
    assert (tmp_path / f"{JOB}.html").stat().st_size > 10_000
