"""Files as people have them: marks, quotes, packings, markers of other programs; the right answer,
or an error that names the object.
"""

from __future__ import annotations

import bz2
import dataclasses
import gzip
import json
import sys
from collections.abc import Callable, Iterator

import pytest

from aws.client import Clients
from errors import JobError
from inputs import reading
from running.listener import Listener
from running.planning import Plan
from running.request import JobRequest
from running.run import run as run_request
from state.tasks import Input, Range
from tests.cloud import Cloud
from tests.cloud import run as run_command
from tests.faults import FaultProxy, client_through

MARK = b"\xef\xbb\xbf"


def visits(*prices: str, address: str = "10.0.0.1") -> bytes:
    """A row for each price."""
    row = "{}{},http://x.example/,1999-01-01,{},UA,USA,USA-EN,w,3\n"
    return "".join(row.format(address, n, price) for n, price in enumerate(prices)).encode()


@pytest.fixture
def put(cloud: Cloud, request):
    """A function that uploads an object under the test's own prefix, which it gives."""
    prefix = f"people/{abs(hash(request.node.nodeid))}/"

    def upload(name: str, body: bytes, **more: str) -> str:
        cloud.s3.put_object(Bucket=cloud.databkt, Key=prefix + name, Body=body, **more)
        return prefix

    return upload


def run(cloud: Cloud, prefix: str, *options: str, status: int = 0):
    """A job over a prefix, waited for; its id is made of the prefix."""
    job_id = prefix.replace("/", "-") + "".join(options).strip("-")
    words = ("--wait4reducers", "--retries", "0", *options)
    done = cloud.driver(job_id, *words, prefix=prefix)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done, cloud.read(f"{job_id}/result") if status == 0 else None


@pytest.mark.parametrize("options", [(), ("--splitsize", "100")])
def test_a_byte_order_mark_is_no_part_of_the_first_row(cloud: Cloud, put, options) -> None:
    put("a.csv", MARK + visits("1.5", "2.5"))
    prefix = put("b.csv", MARK + visits("4"))
    done, result = run(cloud, prefix, *options)
    assert result == {"10.0.0.1": 8.0}
    assert "3 rows, 0 bad" in done.stderr


def test_utf_16_is_refused_by_name(cloud: Cloud, put) -> None:
    prefix = put("wide.csv", visits("1").decode().encode("utf-16"))
    done, _ = run(cloud, prefix, status=1)
    assert f"{prefix}wide.csv is UTF-16 or UTF-32" in done.stderr


QUOTED = b'"Smith, John",7,5,1.5,x\n"Smith, John",1000,8,2.5,x\n"a\nb",u,d,3.0,x\nplain,u,d,1.0,x\n'


@pytest.mark.parametrize("options", [(), ("--splitsize", "20"), ("--splitsize", "57")])
def test_quoted_columns_are_read_and_those_with_a_line_end_are_bad(
    cloud: Cloud, put, options
) -> None:
    prefix = put("a.csv", QUOTED)
    done, result = run(cloud, prefix, "--max-bad", "40", *options)
    assert result == {"Smith, J": 4.0, "plain": 1.0}
    assert "5 rows, 2 bad" in done.stderr


def test_a_header_line_of_each_object_is_counted_apart(cloud: Cloud, put) -> None:
    header = b"sourceIP,destURL,visitDate,adRevenue,userAgent,country,language,word,duration\n"
    put("a.csv", MARK + header + visits("1.5", "2.5"))
    prefix = put("b.csv", header + visits("4"))
    done, result = run(cloud, prefix)
    assert result == {"10.0.0.1": 8.0}
    assert "3 rows, 0 bad, 2 header lines, 1 group\n" in done.stderr
    summary = json.loads(run(cloud, prefix, "--json", "--overwrite")[0].stdout)["summary"]
    assert (summary["lines"], summary["bad_rows"], summary["header_lines"]) == (3, 0, 2)


MANY_BAD = (b"x,y\n" + visits("1", "free", "nan") + b"\xff" + visits("2") + b"z\n") * 3


def test_too_many_bad_rows_end_with_status_1_and_the_answer_is_kept(cloud: Cloud, put) -> None:
    prefix = put("a.csv", visits("1") + MANY_BAD)
    done, _ = run(cloud, prefix, "--json", status=1)
    message = "driver.py: 15 of 19 rows are bad, 78.9 %, and more than 1 % (--max-bad"
    assert message in done.stderr
    summary = json.loads(done.stdout)["summary"]
    assert summary["bad_row"] == {"object": f"{prefix}a.csv", "row": "x,y"}
    assert [(one["kind"], one["count"]) for one in summary["bad_kinds"]] == [
        ("fewer than 4 columns", 6),
        ("the price is no number", 6),
        ("not UTF-8", 3),
    ]
    job_id = prefix.replace("/", "-") + "json"
    assert cloud.read(f"{job_id}/result") == {"10.0.0.1": 4.0}


def test_an_asynchronous_job_of_bad_rows_says_so_in_its_status(cloud: Cloud, put) -> None:
    prefix = put("a.csv", visits("1") + MANY_BAD)
    job_id = prefix.replace("/", "-")
    started = cloud.driver(job_id, "--max-bad", "5", prefix=prefix)
    assert started.returncode == 0, started.stderr
    cloud.wait_for(f"{job_id}/result")
    command = [sys.executable, "mr/job.py", "status", cloud.bucket, job_id]
    shown = run_command(command, cloud.environment).stdout
    assert "19 rows, 15 bad\n15 of 19 rows are bad, 78.9 %, and more than 5 %" in shown
    assert "\n6 bad: fewer than 4 columns, such as x,y\n" in shown


@pytest.mark.parametrize("allowed", ["78.9", "79%", "100"])
def test_as_many_bad_rows_as_allowed_pass(cloud: Cloud, put, allowed: str) -> None:
    prefix = put("a.csv", visits("1") + MANY_BAD)
    run(cloud, prefix, "--max-bad", allowed, status=1 if allowed == "78.9" else 0)


def test_the_driver_function_fails_where_too_many_rows_are_bad(cloud: Cloud, put, tmp_path) -> None:
    prefix = put("a.csv", visits("1") + MANY_BAD)
    payload = {"bucket": cloud.databkt, "prefix": prefix, "jobBucket": cloud.bucket}
    payload |= {"job_id": f"payload-{prefix.replace('/', '-')}", "region": "us-west-2"}
    payload |= {"mapper": "mapperNS", "reducer": "reducerNS"}

    def invoked(**more: object) -> str:
        answer = tmp_path / "answer"
        words = ["lambda", "invoke", "--function-name", "driverNS", "--payload"]
        done = cloud.aws(*words, json.dumps({**payload, **more}), str(answer))
        assert done.returncode == 0, done.stderr
        return answer.read_text()

    assert "15 of 19 rows are bad" in invoked()
    assert invoked(overwrite="yes", maxBad=80).startswith('"TIMER:CALL:')
    assert "payload maxBad" in invoked(overwrite="yes", maxBad="many")


def test_a_packing_is_known_by_its_suffix_in_any_case(cloud: Cloud, put) -> None:
    put("A.CSV.GZ", gzip.compress(visits("1.5", "2.5")))
    prefix = put("b.csv.Bz2", bz2.compress(visits("4")))
    done, result = run(cloud, prefix)
    assert result == {"10.0.0.1": 8.0}
    assert "3 rows, 0 bad" in done.stderr


@pytest.mark.parametrize("options", [(), ("--splitsize", "100")])
def test_a_charset_in_the_content_encoding_is_no_packing(cloud: Cloud, put, options) -> None:
    prefix = put("a.csv", visits("1.5", "2.5", "4"), ContentEncoding="utf-8")
    assert run(cloud, prefix, *options)[1] == {"10.0.0.1": 8.0}


def test_archives_are_refused_before_anything_starts(cloud: Cloud, put) -> None:
    put("a.csv", visits("1"))
    prefix = put("b.tar.gz", b"whatever")
    done, _ = run(cloud, prefix, status=2)
    assert f"{prefix}b.tar.gz: an archive: unpack it" in done.stderr
    assert cloud.keys(prefix.replace("/", "-")) == []


def test_names_that_other_programs_hide_are_no_input(cloud: Cloud, put) -> None:
    put("_SUCCESS", b"")
    put(".part-0.crc", b"crc\x00\x01")
    put("_temporary/0/part-0", visits("99"))
    prefix = put("part-0", visits("1.5"))
    done, result = run(cloud, prefix)
    assert result == {"10.0.0.1": 1.5}
    assert "left out, since a part of their name begins with _ or .: 3 objects" in done.stderr
    named, result = run(cloud, f"{prefix}_temporary/")
    assert result == {"10.0.0.1": 99.0}
    assert "left out" not in named.stderr


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_archived_objects_are_refused_before_anything_starts(
    cloud: Cloud, put, storage_class: str
) -> None:
    put("0", visits("1"), StorageClass="GLACIER_IR")
    prefix = put("1", visits("1"), StorageClass=storage_class)
    done = cloud.driver("archived", "--dryrun", prefix=prefix, names=False)
    assert done.returncode == 2
    assert f"{prefix}1: archived, in the storage class {storage_class}: restore" in done.stderr
    assert f"{prefix}0" not in done.stderr


@pytest.mark.parametrize("inside", ["", "task/"])
def test_a_jobs_own_outputs_are_refused_as_its_input_and_stay(
    cloud: Cloud, put, inside: str
) -> None:
    prefix = put("a.csv", visits("1"))
    run(cloud, prefix)
    job_id = prefix.replace("/", "-")
    cloud.wait_for(f"{job_id}/task/reducer/done")
    before = cloud.keys(f"{job_id}/")
    own = dataclasses.replace(cloud, databkt=cloud.bucket)
    done = own.driver(job_id, "--overwrite", prefix=f"{job_id}/{inside}")
    assert done.returncode == 2
    assert "an output of this very job: give another prefix, or another job id" in done.stderr
    assert cloud.keys(f"{job_id}/") == before


@pytest.fixture(scope="module")
def proxy(emulator, tmp_path_factory) -> Iterator[FaultProxy]:
    with FaultProxy(emulator.endpoint, tmp_path_factory.mktemp("input") / "proxy.log") as running:
        yield running


@pytest.mark.parametrize(
    ("code", "status", "remedy"),
    [
        ("AccessDenied", 403, "the mapper's role must be allowed to read it"),
        ("InvalidObjectState", 403, "it is archived: restore it first"),
        ("NoSuchKey", 404, "it was deleted after the job began"),
        ("PermanentRedirect", 301, ""),
    ],
)
@pytest.mark.parametrize("part", [None, Range(3, 9, "")])
def test_an_error_of_s3_names_its_object(
    cloud: Cloud, put, proxy: FaultProxy, code: str, status: int, remedy: str, part
) -> None:
    prefix = put("secret", visits("1"))
    proxy.rules(
        {"service": "s3", "operation": "GetObject", "error": {"code": code, "status": status}}
    )
    s3 = client_through(cloud, proxy)
    with pytest.raises(
        JobError, match=f"s3://{cloud.databkt}/{prefix}secret cannot be read"
    ) as caught:
        list(reading.read_lines(s3, Input(cloud.databkt, f"{prefix}secret", part)))
    assert code in str(caught.value)
    assert remedy in str(caught.value)


def test_a_connection_that_breaks_for_good_names_its_object(
    cloud: Cloud, put, proxy: FaultProxy
) -> None:
    prefix = put("broken", visits("1", "2"))
    proxy.rules({"service": "s3", "operation": "GetObject", "response": {"abort_bytes": 1}})
    s3 = client_through(cloud, proxy)
    with pytest.raises(JobError, match=f"{prefix}broken cannot be read: "):
        list(reading.read_lines(s3, Input(cloud.databkt, f"{prefix}broken")))


def test_a_mapper_names_an_object_that_is_gone(cloud: Cloud, put) -> None:
    """A mapper's event of one's own, with an object that is not there."""
    prefix = put("0", visits("1"))
    event = {"bucket": cloud.databkt, "keys": [f"{prefix}0", f"{prefix}gone"]}
    event |= {"jobBucket": cloud.bucket, "jobId": "gone", "mapperId": 1}
    answer = cloud.make_client("lambda").invoke(
        FunctionName="mapperNS", Payload=json.dumps(event).encode()
    )
    assert "FunctionError" in answer
    assert f"s3://{cloud.databkt}/{prefix}gone cannot be read" in answer["Payload"].read().decode()


class Meddling(Listener):
    """Changes the input as soon as the plan is made."""

    def __init__(self, change: Callable[[], object]) -> None:
        self.change = change

    def planned(self, request: JobRequest, plan: Plan) -> None:
        self.change()


def asked(cloud: Cloud, prefix: str, **fields) -> JobRequest:
    """A job over a prefix, as the driver is asked for it."""
    return JobRequest(
        bucket=cloud.databkt,
        prefix=prefix,
        job_bucket=cloud.bucket,
        job_id=prefix.replace("/", "-"),
        mapper="mapperNS",
        reducer="reducerNS",
        retries=0,
        **fields,
    )


@pytest.fixture
def own_environment(cloud: Cloud, monkeypatch) -> None:
    """This process has the environment of a command."""
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("split_size", [None, 100])
@pytest.mark.parametrize("full_async", [False, True])
def test_an_object_that_is_replaced_after_the_plan_is_refused(
    cloud: Cloud, put, own_environment, split_size, full_async: bool
) -> None:
    prefix = put("0", visits("1", "2"))
    request = asked(cloud, prefix, split_size=split_size, full_async=full_async)
    replacing = Meddling(lambda: put("0", visits("7", "8")))
    replaced = f"s3://{cloud.databkt}/{prefix}0 was replaced after the job began"
    if full_async:
        run_request(Clients("us-west-2"), request, listener=replacing)
        cloud.wait_for(f"{request.job_id}/error/mapper/1")
        assert replaced in cloud.read(f"{request.job_id}/error/mapper/1")["error"]
    else:
        with pytest.raises(JobError, match=replaced):
            run_request(Clients("us-west-2"), request, listener=replacing)


@pytest.mark.parametrize("split_size", [None, 100])
def test_an_object_that_is_deleted_after_the_plan_is_named(
    cloud: Cloud, put, own_environment, split_size
) -> None:
    put("0", visits("1"))
    prefix = put("1", visits("1", "2"))
    deleting = Meddling(lambda: cloud.s3.delete_object(Bucket=cloud.databkt, Key=f"{prefix}1"))
    gone = f"s3://{cloud.databkt}/{prefix}1 cannot be read: .*NoSuchKey.* deleted after the job"
    with pytest.raises(JobError, match=gone):
        run_request(
            Clients("us-west-2"), asked(cloud, prefix, split_size=split_size), None, deleting
        )
