"""The commands of docs/, word for word, in a copy of the checkout, against the embedded AWS.

Those of the README are run by test_readme.py, those of docs/spotwrap.md by
test_spotwrap_trouble.py, those of docs/rights.md by test_deployer.py, those of docs/simulator.md by
tests/unit/test_simulator.py.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import uservisits
from local.emulator import Emulator
from tests import oracle, readme
from tests.cloud import ROOT, Cloud, cloud_on, run

BUCKET, DATA, CODE = "own-jobs", "own-data", "own-code"
VISITS = [b"".join(uservisits.generate(3, index, 60_000)) for index in range(3)]
WITH_ANOTHER_TEST = {
    "README.md",
    "spotwrap.md",
    "rights.md",
    "simulator.md",
    "timings.md",
    "lesson.md",
}
HERE = {"jobs.md", "reliability.md", "sql.md"}
RUN_BY = {
    "python job.py cancel MY-BUCKET-NAME job1000": "test_watching.py",
    "python job.py resume MY-BUCKET-NAME job1000": "test_watching.py",
    "make demo": "test_local.py",
    "make local": "test_local.py",
    "make play": "test_local.py",
    "make bench": "test_docs_commands.py",
    "make test": "../../.ci/run",
    "make testall": "../../.ci/run",
    "make aws-check": "test_awscheck.py",
}
"""The commands that stand in sentences alone, and the file that runs each."""


def test_no_page_has_commands_that_nobody_runs() -> None:
    having = {page.name for page in readme.pages() if readme.blocks(page.read_text(), "bash")}
    assert having == WITH_ANOTHER_TEST | HERE


def test_no_sentence_has_a_command_that_nobody_runs() -> None:
    texts = [page.read_text() for page in readme.pages()]
    run_as_blocks = "".join(block for text in texts for block in readme.blocks(text, "bash"))
    alone = {
        command
        for text in texts
        for command in readme.commands_in_sentences(text)
        if command not in run_as_blocks
    }
    assert alone == set(RUN_BY)


@pytest.fixture(scope="module")
def own(checkout: Path) -> Iterator[Cloud]:
    """Buckets, input and the checkout's own scns.json, without a job id; nothing is deployed."""
    with Emulator() as emulator:
        cloud = cloud_on(emulator, checkout, BUCKET, DATA)
        cloud.put_input("uservisits/", VISITS)
        text = (ROOT / "scns.json").read_text().replace("MY-BUCKET-NAME", BUCKET)
        (checkout / "scns.json").write_text(re.sub(r',\s*"job_id": "\w+"', "", text))
        names = {"JOB_BUCKET": BUCKET, "DATA_BUCKET": DATA, "CODE_BUCKET": CODE}
        cloud.environment |= {**names, "CHECKOUT": str(checkout)}
        yield cloud


def follow(cloud: Cloud, fields: str, *commands: str) -> str:
    """Put the fields of a page into the mapper and the reducer, run its commands; what they said
    on standard output.
    """
    asked = json.loads("{" + fields.replace("CODE_BUCKET", CODE) + "}")
    written = json.loads(cloud.config.read_text())
    for function in written["functions"]:
        if function["name"] in ("mapperNS", "reducerNS"):
            files = [*function["files_and_dirs"], *asked.get("files_and_dirs", [])]
            function |= {**asked, "files_and_dirs": sorted(set(files))}
    cloud.config.write_text(json.dumps(written))
    done = run(["bash", "-c", readme.script(list(commands))], cloud.environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_job_of_ones_own(own: Cloud, checkout: Path) -> None:
    text = (checkout / "docs/jobs.md").read_text()
    (code, *_) = readme.blocks(text, "python")
    countries, files, *_ = readme.blocks(text, "json")
    trial, deploy, look, with_the_run, _ = readme.blocks(text, "bash")
    (checkout / "mr/countries.py").write_text(code)
    tried = follow(own, "", trial)
    assert "combine gave the same in every grouping that was tried" in tried
    shown = follow(own, countries, deploy, look)
    rows = [row.split(",") for body in VISITS for row in body.decode().splitlines()]
    counted = Counter(row[-4] for row in rows)
    result = own.read("countries1/result")
    assert {key: value[0] for key, value in result.items()} == counted
    (most, count), *_ = counted.most_common(1)
    assert f"\n{most},{count}," in shown
    follow(own, files, deploy, with_the_run)
    assert own.read("countries2/result") == result
    looks = re.findall(r"^    (python job\.py .*)$", readme_part("Looking at a job"), re.M)
    assert len(looks) == 9
    commands = "\n".join(["cd mr", *looks]).replace("MY-BUCKET-NAME", BUCKET)
    commands = commands.replace(f"{BUCKET} job1000", f"{BUCKET} countries1")
    commands = commands.replace("/job1000", "/countries1").replace("/job1001", "/countries2")
    assert most in follow(own, countries, commands)
    assert "</html>" in (checkout / "mr/job1000.html").read_text()


@pytest.mark.slow
def test_an_accelerated_job(own: Cloud, checkout: Path) -> None:
    text = (checkout / "docs/jobs.md").read_text()
    *_, polars, orjson = readme.blocks(text, "json")
    *_, deploy_polars = readme.blocks(text, "bash")
    follow(own, orjson, "cd lambda-python\npython setupApps.py -f scns.json --no_spotwrap")
    follow(own, polars, deploy_polars)
    oracle.assert_same_groups(own.read("visits1/result"), oracle.answer(VISITS).groups)


def test_a_csv_of_ones_own(own: Cloud) -> None:
    """A header line is no bad row, and a setting makes the names of the groups longer."""
    rows = ["region,product,day,amount", "north-east,p1,2026-01-02,1.5", "north-west,p2,,2.25"]
    own.put_input("sales/", ["\n".join(rows).encode()])
    text = readme_part("Your own data, your own job")
    (setting,) = re.findall(r'`("environment": \{"KEY_LENGTH".*?\})`', text)
    follow(own, setting, "cd lambda-python\npython setupApps.py -f scns.json --no_spotwrap")
    done = own.driver("sales1", "--wait4reducers", prefix="sales/")
    assert done.returncode == 0, done.stderr
    assert "2 rows, 0 bad, 1 header line, 2 groups" in done.stderr
    assert own.read("sales1/result") == {"north-east": 1.5, "north-west": 2.25}


def test_a_question_in_sql(own: Cloud) -> None:
    """The page's package goes into a bundle, and its question is asked of a CSV: by the DuckDB of
    this machine, whose Python the emulator's functions run on.
    """
    rows = ["region,product,day,amount", "north,p1,2026-01-02,1.5", "north,p2,,2.5", "south,p1,,1"]
    own.put_input("sales/", ["\n".join(rows).encode()])
    text = (ROOT / "docs/sql.md").read_text()
    (package,) = readme.blocks(text, "json")
    (question,) = readme.blocks(text, "bash")
    deploy = "cd lambda-python\npython setupApps.py -f scns.json --no_spotwrap"
    assert "mapperNS" in follow(own, f'{package.strip()}, "environment": {{}}', f"{deploy} --plan")
    shown = follow(own, '"packages": []', deploy, question)
    table = "region  count(*)  mean\nnorth          2     2\n"
    assert shown == table * 2


def readme_part(title: str) -> str:
    """The part of the README under a heading."""
    return (ROOT / "README.md").read_text().partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def in_small(commands: list[str], changes: dict[str, str]) -> str:
    """What commands of a page print, in this checkout, with changes that make them short."""
    script = readme.script(commands)
    for there, instead in changes.items():
        assert there in script
        script = script.replace(there, instead)
    path = f"{ROOT / '.venv/bin'}:/usr/bin:/bin"
    done = run(["bash", "-c", script], {"PATH": path, "CHECKOUT": str(ROOT)})
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_measurements_of_reliability_can_be_repeated() -> None:
    commands = readme.blocks((ROOT / "docs/reliability.md").read_text(), "bash")
    shown = in_small(
        commands,
        {
            "--jobs 100 --at-once 10": "--jobs 1 --at-once 1",
            "--jobs 5 --mappers 20": "--jobs 1 --mappers 4 --only 'every S3 event twice'",
            "--objects 200000": "--objects 5000",
            "--mappers 200 --at-once 20": "--mappers 6 --at-once 3",
        },
    )
    assert "one after another: 1 of 1 answers exact" in shown
    assert "5000 objects planned: " in shown
    assert re.search(r"^6 mappers due, 3 at once: [1-3] calls, .* told 1 time, ", shown, re.M)
    assert "| every S3 event twice | 100 % | 1 | 1 | 1 | 1 |" in shown


@pytest.mark.slow
def test_the_measurement_of_spotwrap_can_be_repeated() -> None:
    script = readme.blocks((ROOT / "docs/spotwrap.md").read_text(), "bash")[-1]
    small = "--jobs 1 --mappers 1 --megabytes 1 --cold 1 --invocations 1"
    shown = in_small([script], {"--jobs 10 --cold 5 --invocations 40": small})
    for what in ("a job, warm", "an invocation, warm", "an invocation, cold"):
        assert re.search(rf"^\| {what} \| 1 (\| [\d.,]+ ){{5}}\|$", shown, re.M), shown


def test_the_benchmarks_can_be_repeated(tmp_path: Path) -> None:
    """`make bench` takes most of an hour and installs the systems it compares with; it is this
    program, of which one section is run here.
    """
    made = run(["make", "--dry-run", "bench"], {"PATH": "/usr/bin:/bin"}, cwd=ROOT)
    assert "benchmarks/bench.py" in made.stdout
    page = tmp_path / "page.md"
    environment = {"PATH": f"{ROOT / '.venv/bin'}:/usr/bin:/bin"}
    options = ["--quick", "--only", "coordinator", "--page", str(page)]
    done = run(["python", "benchmarks/bench.py", *options], environment, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^\| 100 \| 0\.\d+ \| 2 \|$", page.read_text(), re.M)
