"""Whole jobs through the real command lines, as a person runs them, compared with an
independent sum group by group.
"""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

import pytest

from local import uservisits
from tests import oracle
from tests.cloud import Cloud

EVENTS = Path(__file__).parent.parent / "events"
PREFIX = "uservisits/"
TIMER = re.compile(r"TIMER:CALL:\d+:mappers:[\d.]+:reducer:[\d.]+\n")


@pytest.fixture(scope="module")
def bodies(cloud: Cloud) -> list[bytes]:
    """Four objects of real-looking input."""
    made = (b"".join(uservisits.generate(1, index, 300_000)) for index in range(4))
    return cloud.put_input(PREFIX, made)


def test_a_dry_run_counts_the_mappers_and_starts_nothing(cloud: Cloud, bodies) -> None:
    done = cloud.driver("dry", "--dryrun", "--batchsize", "1", prefix=PREFIX, names=False)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"TIMER:CALL:\d+:dryrun:0\n", done.stdout)
    assert "Num. of Mappers (and Reducers)  4\n" in done.stderr
    assert cloud.keys("dry/") == []


def test_a_short_synchronous_job(cloud: Cloud, bodies) -> None:
    options = ("--wait4reducers", "--endearly", "2", "--batchsize", "1")
    done = cloud.driver("sync-short", *options, prefix=PREFIX)
    assert done.returncode == 0, done.stderr
    assert TIMER.fullmatch(done.stdout)
    assert "Num. of Mappers (and Reducers)  2\n" in done.stderr
    cloud.assert_result("sync-short", bodies[:2])


def test_a_short_asynchronous_job(cloud: Cloud, bodies) -> None:
    done = cloud.driver("async-short", "--endearly", "2", "--batchsize", "1", prefix=PREFIX)
    assert done.returncode == 0, done.stderr
    assert TIMER.fullmatch(done.stdout)
    cloud.assert_result("async-short", bodies[:2])


def test_a_full_asynchronous_job_leaves_exactly_the_objects_of_the_contract(
    cloud: Cloud, bodies
) -> None:
    done = cloud.driver("async-full", "--batchsize", "1", prefix=PREFIX)
    assert done.returncode == 0, done.stderr
    cloud.assert_result("async-full", bodies)
    cloud.wait_for("async-full/task/reducer/done")
    assert cloud.keys("async-full/") == [
        "async-full/batches.jsonl.gz",
        "async-full/jobdata",
        "async-full/jobinfo.json",
        "async-full/reducerstate.1",
        "async-full/result",
        "async-full/task/mapper/1",
        "async-full/task/mapper/2",
        "async-full/task/mapper/3",
        "async-full/task/mapper/4",
        "async-full/task/reducer/done",
    ]
    jobdata = cloud.read("async-full/jobdata")
    assert (jobdata["mapCount"], jobdata["totalS3Files"]) == (4, 4)
    assert jobdata["startTime"] > 1.7e9
    jobinfo = cloud.read("async-full/jobinfo.json")
    assert re.fullmatch(r"[0-9a-f]{32}", jobinfo.pop("runId"))
    assert jobinfo == {
        "jobId": "async-full",
        "jobBucket": cloud.bucket,
        "mapCount": 4,
        "reducerFunction": "reducerNS",
        "reducerHandler": "reducer.handler",
        "reducerTimeout": 60,
        "reducerMemory": 1536,
        "reducers": 0,
        "fanIn": 0,
        "goal": "",
        "atOnce": 0,
    }
    step = cloud.read("async-full/reducerstate.1")
    assert (step["reducerCount"], step["totalS3Files"]) == (1, 4)


def test_the_outputs_carry_what_their_functions_counted(cloud: Cloud, bodies) -> None:
    done = cloud.driver("counted", "--wait4reducers", "--batchsize", "3", prefix=PREFIX)
    assert done.returncode == 0, done.stderr
    head = cloud.s3.head_object(Bucket=cloud.bucket, Key="counted/task/mapper/1")
    metadata = head["Metadata"]
    assert int(metadata["linecount"]) == oracle.answer(bodies[:3]).rows
    assert float(metadata["processingtime"]) > 0
    assert int(metadata["memoryusage"]) > 10_000


def test_the_coordinator_logs_what_people_look_for(cloud: Cloud, bodies) -> None:
    done = cloud.driver("logged", "--wait4reducers", "--batchsize", "1", prefix=PREFIX)
    assert done.returncode == 0, done.stderr
    cloud.wait_for("logged/task/reducer/done")
    wanted = "Job done!!! Check the result file s3://my-job-bucket/logged/result"
    for _ in range(100):
        lines = cloud.log_lines("reducerCoordinatorNS")
        if wanted in lines:
            break
        threading.Event().wait(0.1)
    assert wanted in lines
    assert "Batch Size 4, Spawning this many reducers: 1" in lines
    assert any(re.fullmatch(r"Mappers Done so far  \d+", line) for line in lines)


# --------------------------------------------------------------------------- the driver function


def payload(cloud: Cloud, name: str, job_id: str) -> str:
    """A payload of the original, with its placeholders and its public bucket filled in."""
    fields = json.loads((EVENTS / name).read_text())
    fields |= {"bucket": cloud.databkt, "prefix": PREFIX, "batchSize": 1}
    if "job_id" in fields:
        fields |= {"job_id": job_id, "jobBucket": cloud.bucket}
    return json.dumps(fields)


@pytest.mark.parametrize("invocation_type", ["Event", "RequestResponse"])
@pytest.mark.parametrize(
    ("name", "objects"),
    [
        ("driver_short_async.json", 2),
        ("driver_dryrun.json", 0),
        ("driver_sync.json", 4),
        ("driver_async.json", 4),
    ],
)
def test_the_driver_function_takes_every_payload_of_the_original(
    cloud: Cloud, bodies, tmp_path, name, objects, invocation_type
) -> None:
    job_id = f"{name.removesuffix('.json')}-{invocation_type}"
    answer = tmp_path / "outputfile"
    words = ["lambda", "invoke", "--invocation-type", invocation_type, "--function-name"]
    words += ["driverNS", "--region", "us-west-2", "--payload", payload(cloud, name, job_id)]
    done = cloud.aws(*words, str(answer))
    assert done.returncode == 0, done.stderr
    assert "FunctionError" not in json.loads(done.stdout)
    if invocation_type == "RequestResponse":
        line = json.loads(answer.read_text())
        expected = r"TIMER:CALL:\d+:(dryrun:0|mappers:[\d.]+:reducer:[\d.]+)"
        assert re.fullmatch(expected, line)
    if objects:
        cloud.assert_result(job_id, bodies[:objects])
    else:
        assert cloud.keys(f"{job_id}/") == []


def test_a_wrong_payload_is_an_error_of_the_function(cloud: Cloud, tmp_path) -> None:
    answer = tmp_path / "outputfile"
    words = ["lambda", "invoke", "--function-name", "driverNS", "--payload", "{}"]
    done = cloud.aws(*words, str(answer))
    assert "FunctionError" in json.loads(done.stdout)
    assert "the job bucket (jobbkt, payload jobBucket) is missing" in answer.read_text()


# --------------------------------------------------------------------------- job ids


def test_a_job_id_that_is_used_is_refused_until_told_to_overwrite(cloud: Cloud, bodies) -> None:
    options = ("--wait4reducers", "--endearly", "1", "--batchsize", "1")
    assert cloud.driver("used", *options, prefix=PREFIX).returncode == 0
    cloud.wait_for("used/task/reducer/done")
    cloud.s3.put_object(Bucket=cloud.bucket, Key="used/notes.txt", Body=b"mine")
    before = cloud.read("used/result")

    refused = cloud.driver("used", *options, prefix=PREFIX)
    assert refused.returncode == 1
    assert "used has 8 objects under s3://my-job-bucket/used/" in refused.stderr
    assert "choose a new job id, or pass --overwrite" in refused.stderr
    assert refused.stdout == ""
    assert cloud.read("used/result") == before

    wider = ("--wait4reducers", "--batchsize", "2", "--overwrite")
    again = cloud.driver("used", *wider, prefix=PREFIX)
    assert again.returncode == 0, again.stderr
    cloud.assert_result("used", bodies)
    assert "used/notes.txt" in cloud.keys("used/")


def test_job1_and_job10_at_the_same_time_and_a_job_called_result(cloud: Cloud, bodies) -> None:
    jobs = {"job1": 1, "job10": 3, "my-result": 2, "result": 4}
    ended: dict[str, int] = {}

    def one(job_id: str, batches: int) -> None:
        options = ("--wait4reducers", "--batchsize", "1", "--endearly", str(batches))
        ended[job_id] = cloud.driver(job_id, *options, prefix=PREFIX).returncode

    threads = [threading.Thread(target=one, args=job) for job in jobs.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended == dict.fromkeys(jobs, 0)
    for job_id, batches in jobs.items():
        cloud.assert_result(job_id, bodies[:batches])
        mappers = cloud.keys(f"{job_id}/task/mapper/")
        assert len(mappers) == batches


# --------------------------------------------------------------------------- many steps


def test_1100_mapper_outputs_are_all_counted(cloud: Cloud) -> None:
    """Written straight to S3: the last one wakes the coordinator."""
    job_id = "many-outputs"
    count = 1100
    info = {
        "jobId": job_id,
        "jobBucket": cloud.bucket,
        "mapCount": count,
        "reducerFunction": "reducerNS",
        "reducerHandler": "reducer.handler",
        "reducerTimeout": 60,
    }
    trigger = cloud.s3.get_bucket_notification_configuration(Bucket=cloud.bucket)
    trigger.pop("ResponseMetadata")
    cloud.s3.put_bucket_notification_configuration(
        Bucket=cloud.bucket, NotificationConfiguration={}
    )

    def put(number: int) -> None:
        body = json.dumps({"all": 1, f"own-{number}": number}).encode()
        key = f"{job_id}/task/mapper/{number}"
        cloud.s3.put_object(Bucket=cloud.bucket, Key=key, Body=body)

    try:
        cloud.s3.put_object(
            Bucket=cloud.bucket, Key=f"{job_id}/jobinfo.json", Body=json.dumps(info).encode()
        )
        for number in range(1, count):
            put(number)
    finally:
        cloud.s3.put_bucket_notification_configuration(
            Bucket=cloud.bucket, NotificationConfiguration=trigger
        )
    put(count)
    cloud.wait_for(f"{job_id}/result")
    result = cloud.read(f"{job_id}/result")
    assert result["all"] == count
    assert len(result) == count + 1
    assert result["own-1001"] == 1001


def test_1100_input_objects_are_all_read(cloud: Cloud) -> None:
    rows = [f"10.0.{n % 7}.{n % 250},u,d,{n}.5,a,b,c,d,1\n".encode() for n in range(1100)]
    cloud.put_input("many/", rows)
    done = cloud.driver("many-inputs", "--wait4reducers", "--batchsize", "400", prefix="many/")
    assert done.returncode == 0, done.stderr
    assert "Num. of Mappers (and Reducers)  3\n" in done.stderr
    cloud.assert_result("many-inputs", rows)
