"""Jobs that are chosen when they run: one deployment, one job or another, side by side."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.cloud import Cloud

ROWS = [f"url{number},{number * 17 % 211},x,{number}" for number in range(300)]
BODIES = ["\n".join(ROWS[:200]).encode(), "\n".join(ROWS[200:]).encode()]
WAIT = ("--wait4reducers", "--batchsize", "1")


def test_one_deployment_runs_three_jobs_at_once_each_with_its_settings(cloud: Cloud) -> None:
    cloud.put_input("chosen/", BODIES)
    asked = {
        "chosen-pages": ("--job", "rankings", "--set", "RANK_ABOVE=100"),
        "chosen-words": ("--job", "wordcount"),
        "chosen-sums": ("--job", "uservisits", "--set", "KEY_LENGTH=4"),
    }
    with ThreadPoolExecutor(3) as threads:
        runs = [
            threads.submit(cloud.driver, name, *WAIT, *options, prefix="chosen/")
            for name, options in asked.items()
        ]
        for run in runs:
            assert run.result().returncode == 0, run.result().stderr
    columns = [row.split(",") for row in ROWS]
    assert cloud.read("chosen-pages/result") == {
        url: int(rank) for url, rank, *_ in columns if int(rank) > 100
    }
    assert cloud.read("chosen-words/result") == Counter(ROWS)
    sums: Counter[str] = Counter()
    for url, _, _, amount in columns:
        sums[url[:4]] += int(amount)
    assert cloud.read("chosen-sums/result") == sums
    record = cloud.read("chosen-pages/jobinfo.json")
    assert (record["job"], record["settings"]) == ("rankings", {"RANK_ABOVE": 100})


def test_the_driver_function_takes_a_job_and_refuses_a_wrong_setting(cloud: Cloud) -> None:
    cloud.put_input("chosen-lambda/", BODIES)
    payload = {
        "bucket": cloud.databkt, "prefix": "chosen-lambda/", "jobBucket": cloud.bucket,
        "job_id": "chosen-lambda", "mapper": "mapperNS", "reducer": "reducerNS", "job": "rankings",
    }  # fmt: skip
    functions = cloud.make_client("lambda")

    def invoke(**settings: object) -> dict:
        body = json.dumps({**payload, "settings": settings}).encode()
        return functions.invoke(FunctionName="driverNS", Payload=body)

    refused = invoke(RANK_ABOVE="many")
    assert "FunctionError" in refused
    assert "RANK_ABOVE is 'many', not a whole number" in refused["Payload"].read().decode()
    assert cloud.keys("chosen-lambda/") == []
    done = invoke(RANK_ABOVE=200)
    assert "FunctionError" not in done, done["Payload"].read()
    ranks = [int(row.split(",")[1]) for row in ROWS]
    assert len(cloud.read("chosen-lambda/result")) == sum(rank > 200 for rank in ranks)


def test_a_file_is_refused_by_a_deployment_that_does_not_allow_it(cloud: Cloud, tmp_path) -> None:
    path = tmp_path / "own.py"
    path.write_text(
        "def map_line(line):\n    yield line, 1\n\n\ndef combine(a, b):\n    return a\n"
    )
    cloud.put_input("chosen-file/", BODIES)
    done = cloud.driver("chosen-file", *WAIT, "--job", str(path), prefix="chosen-file/")
    assert done.returncode == 1
    assert "mapperNS runs no job files, since whoever may write to the job bucket" in done.stderr
    assert cloud.keys("chosen-file/") == []


def test_a_function_runs_no_file_but_the_one_that_was_sent(cloud: Cloud, job_cloud) -> None:
    """Whoever replaces it in the bucket has nothing run."""
    own = job_cloud(MR_JOB_FILES="yes")
    digest = "0" * 64
    own.s3.put_object(Bucket=own.bucket, Key=f"forged/code/{digest}.py", Body=b"1 / 0\n")
    event = {
        "bucket": own.databkt, "keys": ["none"], "jobBucket": own.bucket, "jobId": "forged",
        "mapperId": 1, "job": "own", "jobSha256": digest,
    }  # fmt: skip
    answer = own.make_client("lambda").invoke(
        FunctionName=own.functions[0], Payload=json.dumps(event).encode()
    )
    assert "is not the file that the driver sent: nothing of it is run" in (
        answer["Payload"].read().decode()
    )
