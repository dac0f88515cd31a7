"""Keys, rows and names that are out to harm: shown and logged as text; and a disk that is full."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.browser import browser  # noqa: F401 - a fixture
from tests.cloud import ROOT, SECONDS, Cloud, run
from tests.emulator.conftest import name_in_coordinator

CLEAR, CLIPBOARD, BIDI = "\x1b[2J", "\x1b]52;c;aGk=\x07", "\u202egpj.exe"
FORGED = "\nSTART RequestId: 1 Version: $LATEST\njob victim: mapper 1 reads 1 objects"
KEYS = [
    f"{CLEAR}{CLIPBOARD}",
    BIDI,
    "cr\rforged,9",
    FORGED,
    "=1+1",
    "-5",
    "<a href='http://127.0.0.1:1/'>link</a><b>bold</b>&lt;i&gt;",
    "constructor",
    "__proto__",
    "x" * 500,
    "x" * 501,
    "größe",
]
OBJECT = f"odd/a{CLEAR}{FORGED}"
JOB_ID = "odd\u202ejob"
TEXT = (
    "import json\n\n\n"
    "def map_line(line):\n    key, value = json.loads(line)\n    yield key, value\n\n\n"
    "def combine(a, b):\n    return a + b\n"
)
GROUPS = {key: number + 0.5 for number, key in enumerate(KEYS)}


@pytest.fixture(scope="module")
def odd(cloud: Cloud, tmp_path_factory) -> Cloud:
    """A job of its own over keys, rows and an object's name that are out to harm."""
    folder = tmp_path_factory.mktemp("odd")
    (folder / "oddkeys.py").write_text(TEXT)
    config = json.loads(cloud.config.read_text())
    config["functions"] = [
        {
            **function,
            "name": function["name"] + "-odd",
            "files_and_dirs": [*function["files_and_dirs"], str(folder / "oddkeys.py")],
            "environment": {"MR_JOB": "oddkeys"},
        }
        for function in config["functions"]
        if function["handler"] in ("mapper.handler", "reducer.handler")
    ]
    path = folder / "scns.json"
    path.write_text(json.dumps(config))
    made = replace(cloud, config=path, suffix="-odd")
    made.deploy()
    name_in_coordinator(cloud, "reducerNS-odd")
    rows = "".join(f"{json.dumps([key, value])}\n" for key, value in GROUPS.items())
    body = rows.encode() + f"bad row {CLEAR}{BIDI}\n".encode()
    made.s3.put_object(Bucket=made.databkt, Key=OBJECT, Body=body)
    return made


@pytest.fixture(scope="module")
def ran(odd: Cloud, tmp_path_factory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """What the driver said of the job, and the page that it wrote."""
    page = tmp_path_factory.mktemp("report") / "report.html"
    options = ("--wait4reducers", "--max-bad", "100", "--report", str(page))
    done = odd.driver(JOB_ID, *options, prefix="odd/")
    assert done.returncode == 0, done.stderr
    return done, page


def view_command(cloud: Cloud, what: str, *words: str) -> list[str]:
    return [sys.executable, "mr/job.py", what, cloud.bucket, JOB_ID, *words]


def view(cloud: Cloud, what: str, *words: str) -> subprocess.CompletedProcess[str]:
    return run(view_command(cloud, what, *words), cloud.environment)


def assert_harmless(text: str) -> None:
    """Nothing in it is obeyed by a terminal, or turns text round."""
    found = re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]", text)
    assert found == []


def test_the_answer_is_exact(odd: Cloud, ran) -> None:
    assert odd.read(f"{JOB_ID}/result") == GROUPS


def test_what_the_driver_says_is_harmless(ran) -> None:
    said = ran[0].stderr
    assert_harmless(said)
    assert r"a bad row, in object odd/a\x1b[2J\nSTART RequestId: 1" in said
    assert r"bad row \x1b[2J\u202egpj.exe" in said
    assert not any(line.startswith(("START", "job victim")) for line in said.splitlines())


@pytest.mark.parametrize("what", ["status", "logs"])
def test_what_a_view_shows_is_harmless(odd: Cloud, ran, what: str) -> None:
    done = view(odd, what)
    assert done.returncode == 0, done.stderr
    assert_harmless(done.stdout)
    assert r"odd\u202ejob" in done.stdout


def test_the_functions_logs_hold_no_line_that_a_name_forged(odd: Cloud, ran) -> None:
    for function in ("mapperNS", "reducerNS"):
        lines = odd.log_lines(function)
        assert not any(line.startswith("job victim") for line in lines)
        assert not any(line.startswith("START RequestId: 1 ") for line in lines)
    assert_harmless("\n".join(odd.log_lines("mapperNS")).replace("\t", " "))


def test_csv_is_harmless_and_each_group_is_one_row(odd: Cloud, ran) -> None:
    command = view_command(odd, "result")
    done = subprocess.run(
        command, env=odd.environment, cwd=ROOT, capture_output=True, timeout=SECONDS, check=True
    )
    text = done.stdout.decode()
    rows = dict(list(csv.reader(io.StringIO(text, newline="")))[1:])
    assert len(rows) == len(GROUPS)
    assert rows["cr\rforged,9"] == "2.5"
    assert rows[FORGED] == "3.5"
    assert rows[r"\x1b[2J\x1b]52;c;aGk=\x07"] == "0.5"
    assert_harmless(text.replace("\r", ""))


def test_csv_for_a_spreadsheet_has_no_formula(odd: Cloud, ran) -> None:
    done = view(odd, "result", "--format", "csv-safe")
    rows = dict(list(csv.reader(io.StringIO(done.stdout, newline="")))[1:])
    assert "'=1+1" in rows and "=1+1" not in rows
    assert rows["-5"] == "5.5"


def test_json_has_every_key_exactly(odd: Cloud, ran) -> None:
    assert json.loads(view(odd, "result", "--json").stdout) == GROUPS


def test_a_failure_that_others_wrote_is_shown_harmlessly(odd: Cloud, ran) -> None:
    name = f"mapper/1{CLEAR}\nforged"
    record = {"error": f"{CLIPBOARD}{FORGED}", "requestId": BIDI}
    key = f"{JOB_ID}/error/{name}"
    odd.s3.put_object(Bucket=odd.bucket, Key=key, Body=json.dumps(record).encode())
    shown = view(odd, "status").stdout
    odd.s3.delete_object(Bucket=odd.bucket, Key=key)
    assert r"mapper/1\x1b[2J\nforged failed: \x1b]52;c;aGk=\x07\nSTART RequestId" in shown
    assert_harmless(shown)


# --------------------------------------------------------------------------- the page


@pytest.fixture
def shown(browser: Any, ran) -> Any:
    browser.get(ran[1].as_uri())
    return browser


def labels_of(page: Any) -> list[str]:
    found = page.find_elements("css selector", "#groups .label")
    return [one.get_attribute("textContent") for one in found]


def test_the_pages_labels_are_text_and_no_markup(shown) -> None:
    assert shown.get_log("browser") == []
    assert shown.find_elements("css selector", "#groups a, #timeline a, #hover a") == []
    labels = labels_of(shown)
    assert len(labels) == len(GROUPS)
    assert f"{KEYS[6][:25]}\u2026" in labels
    assert {"constructor", "__proto__", "größe", r"\u202egpj.exe", "-5"} <= set(labels)
    assert labels.count("x" * 25 + "\u2026") == 2
    for text in labels:
        assert_harmless(text)
    bars = shown.find_elements("css selector", "#groups rect.area")
    assert len(bars) == len(GROUPS)


def test_pointing_at_a_group_shows_its_key_as_text(shown) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    place = sorted(GROUPS, key=lambda key: -GROUPS[key]).index(KEYS[6])
    bar = shown.find_elements("css selector", "#groups rect.area")[place]
    shown.execute_script("arguments[0].scrollIntoView({block: 'center'})", bar)
    ActionChains(shown).move_to_element(bar).perform()
    box = shown.find_element("id", "hover")
    assert box.text == "<a href='http://127.0.0.1:1/'>link</a><b>bold</b>&lt;i&gt;\n6.5"
    assert box.find_elements("css selector", "a") == []


def test_the_page_names_the_job_and_shows_its_rows_as_text(shown) -> None:
    text = shown.find_element("id", "job").text
    assert re.fullmatch(r"Ran job oddkeys, SHA-256 [0-9a-f]{64}", text)
    assert shown.title == r"Job odd\u202ejob"
    bad = shown.find_element("id", "bad").text
    assert r"bad row \x1b[2J\u202egpj.exe" in bad
    assert_harmless(shown.find_element("tag name", "body").text)


# --------------------------------------------------------------------------- broken outputs


def test_metadata_that_are_no_numbers_leave_the_rest_of_the_report(
    odd: Cloud, ran, tmp_path: Path
) -> None:
    key = f"{JOB_ID}/task/mapper/1"
    there = odd.s3.get_object(Bucket=odd.bucket, Key=key)
    body, metadata = there["Body"].read(), there["Metadata"]
    broken = {**metadata, "processingtime": "nan", "linecount": "1" * 400, "memoryusage": "x"}
    odd.s3.put_object(Bucket=odd.bucket, Key=key, Body=body, Metadata=broken)
    page = tmp_path / "page.html"
    done = view(odd, "report", "--output", str(page), "--json")
    odd.s3.put_object(Bucket=odd.bucket, Key=key, Body=body, Metadata=metadata)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "its processingtime is 'nan', not a number from 0" in done.stderr
    assert json.loads(done.stdout)["summary"]["groups"] == len(GROUPS)
    data = re.search(r'<script id="data" type="application/json">(.*?)</script>', page.read_text())
    assert data is not None
    json.loads(data[1], parse_constant=pytest.fail)


# --------------------------------------------------------------------------- full disks


def limited(cloud: Cloud, words: list[str], job_id: str) -> subprocess.CompletedProcess[str]:
    """The driver, on a disk on which no file may grow past 20 kB."""
    command = [sys.executable, "mr/driver.py", cloud.bucket, job_id, *cloud.functions]
    command += ["--databkt", cloud.databkt, "--prefix", "odd/", "--wait4reducers", *words]
    shell = ["bash", "-c", 'ulimit -f 20; exec "$@"', "bash", *command]
    return run(shell, cloud.environment)


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["line", "json"])
def test_a_report_for_which_there_is_no_room_hides_no_timing(
    odd: Cloud, tmp_path: Path, form: list[str]
) -> None:
    page = tmp_path / "report.html"
    page.write_text("the old page")
    done = limited(odd, ["--report", str(page), *form], f"full-{len(form)}")
    assert done.returncode == 1
    assert "TIMER:CALL:" in done.stdout
    assert f"{page} cannot be written: File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert page.read_text() == "the old page"
    assert list(tmp_path.iterdir()) == [page]


def test_standard_output_that_is_full_is_one_line(odd: Cloud, ran) -> None:
    command = view_command(odd, "result")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command, env=odd.environment, cwd=ROOT, stdout=full, stderr=subprocess.PIPE,
            text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "job.py: standard output cannot be written: No space left on device\n"
