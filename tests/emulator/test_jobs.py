"""The shipped jobs, splits and compressed input through the whole path, on the embedded AWS."""

from __future__ import annotations

import bz2
import gzip
import itertools
import json
import platform
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from deploy import bundle
from errors import JobError
from inputs import reading
from local import uservisits
from state.tasks import Input, Range
from tests import oracle
from tests.cloud import ROOT, Cloud
from tests.faults import FaultProxy, client_through

PREFIX = "jobs/visits/"


@pytest.fixture(scope="module")
def visits(cloud: Cloud) -> list[bytes]:
    """Two objects, one of them large enough to be cut."""
    made = [b"".join(uservisits.generate(7, index, size)) for index, size in ((0, 400_000), (1, 9))]
    return cloud.put_input(PREFIX, made)


def run(cloud: Cloud, job_id: str, prefix: str, *options: str):
    done = cloud.driver(job_id, "--wait4reducers", "--concurrency", "4", *options, prefix=prefix)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("length", [10, 12])
def test_queries_2b_and_2c_are_a_setting(job_cloud, visits, length: int) -> None:
    cloud = job_cloud(KEY_LENGTH=str(length))
    run(cloud, f"query-{length}", PREFIX)
    result = cloud.read(f"query-{length}/result")
    oracle.assert_same_groups(result, oracle.answer(visits, length).groups)


def test_wordcount_counts_words(job_cloud) -> None:
    cloud = job_cloud(MR_JOB="wordcount")
    texts = ["to be or not to be\r\n\nthat is\tthe question", "be ähnlich\n"]
    cloud.put_input("jobs/words/", [text.encode() for text in texts])
    run(cloud, "words", "jobs/words/", "--batchsize", "1")
    assert cloud.read("words/result") == Counter(" ".join(texts).split())


def test_rankings_finds_the_pages_above_the_limit(job_cloud) -> None:
    cloud = job_cloud(MR_JOB="rankings", RANK_ABOVE="100")
    pages = {f"url{number}": number * 17 % 211 for number in range(300)}
    rows = [f"{page},{rank},1\n".encode() for page, rank in pages.items()]
    cloud.put_input("jobs/pages/", [b"".join(rows[:200]), b"".join(rows[200:])])
    run(cloud, "pages", "jobs/pages/", "--splitsize", "1KB")
    assert cloud.read("pages/result") == {page: rank for page, rank in pages.items() if rank > 100}


def test_a_users_own_job_is_a_file_and_a_setting(job_cloud, tmp_path: Path, visits) -> None:
    own = tmp_path / "countries.py"
    own.write_text(
        "def map_line(line):\n"
        "    columns = line.rsplit(',', 4)\n"
        "    yield columns[1], [1, float(line.split(',')[3])]\n\n\n"
        "def combine(a, b):\n"
        "    return [a[0] + b[0], max(a[1], b[1])]\n"
    )
    cloud = job_cloud((str(own),), MR_JOB="countries")
    run(cloud, "countries", PREFIX, "--splitsize", "100KB")
    rows = [line.split(",") for body in visits for line in body.decode().splitlines()]
    result = cloud.read("countries/result")
    assert {key: value[0] for key, value in result.items()} == Counter(row[-4] for row in rows)
    assert max(value[1] for value in result.values()) == max(float(row[3]) for row in rows)


def test_the_accelerated_job_gives_the_same_answer(cloud: Cloud, job_cloud, visits) -> None:
    """Polars is that of this machine: the layer that stands for it is empty."""
    pytest.importorskip("polars", reason="Polars is not installed: the accelerated job is skipped")
    packed = bundle.pack({"python/none.txt": b""})
    layer = cloud.make_client("lambda").publish_layer_version(
        LayerName="polars", Content={"ZipFile": packed}
    )
    fields = {"layers": [layer["LayerVersionArn"]]}
    cloud = job_cloud(fields=fields, MR_JOB="uservisits_polars")
    cloud.put_input("jobs/odd/", [*visits, b"bad\n1.1.1.1,u,d,nan\n2.2.2.2,u,d,1"])
    done = run(cloud, "polars", "jobs/odd/", "--splitsize", "150KB")
    oracle.assert_same_groups(
        cloud.read("polars/result"), oracle.answer([*visits, b"2.2.2.2,u,d,1"]).groups
    )
    assert "1 bad, 1 header line" in done.stderr


def test_a_mapper_and_a_reducer_of_two_jobs_are_an_error(job_cloud) -> None:
    cloud = job_cloud(MR_JOB="rankings", RANK_ABOVE="100")
    config = json.loads(cloud.config.read_text())
    for function in config["functions"]:
        if function["handler"] == "reducer.handler":
            function["environment"] = {}
    cloud.config.write_text(json.dumps(config))
    cloud.deploy()
    cloud.put_input("jobs/mixed/", [b"url1,200,1\nurl2,300,1\n"])
    assert cloud.driver("mixed", prefix="jobs/mixed/").returncode == 0
    cloud.wait_for("mixed/error/reducer/1/1")
    error = cloud.read("mixed/error/reducer/1/1")["error"]
    assert "is to be combined with jobs.rankings.combine, but the reducer runs" in error
    assert "give the mapper and the reducer the same MR_JOB" in error
    assert "mixed/result" not in cloud.keys("mixed/")


def test_a_package_is_shipped_with_the_function(job_cloud, visits) -> None:
    """zstd input, and orjson in the reducer: packages that pip lays into the bundle."""
    machine = {"aarch64": "arm64"}.get(platform.machine(), "x86_64")
    runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if sys.version_info >= (3, 14):
        pytest.skip("this Python reads zstd by itself: packages are NOT tested here")
    fields = {
        "packages": ["backports.zstd==1.8.0", "orjson==3.13.0"],
        "runtime": runtime,
        "architecture": machine,
    }
    cloud = job_cloud(fields=fields)
    folder = ROOT / "build" / "packages"
    assert list(folder.glob("*/site-packages/orjson"))
    library = next(folder.glob("*/site-packages/backports/zstd/__init__.py")).parent.parent.parent
    code = f"import sys; sys.path.insert(0, {str(library)!r}); import backports.zstd as z; "
    code += "sys.stdout.buffer.write(z.compress(sys.stdin.buffer.read()))"
    packed = subprocess.run(
        [sys.executable, "-c", code], input=visits[0], capture_output=True, check=True
    )
    cloud.s3.put_object(Bucket=cloud.databkt, Key="jobs/zstd/1.zst", Body=packed.stdout)
    run(cloud, "zstd", "jobs/zstd/")
    cloud.assert_result("zstd", [visits[0]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def map_line(line):\n    yield line, 1\n", "faulty is no job: there is no function"),
        (
            "def map_line(line):\n    yield 'k', {1}\n\n\ndef combine(a, b):\n    return a | b\n",
            "job faulty: the value {1} of key 'k': Object of type set is not JSON serializable",
        ),
        (
            "def map_line(line):\n    yield 3, 1\n\n\ndef combine(a, b):\n    return a + b\n",
            "job faulty: the key 3 is int, not str",
        ),
    ],
)
def test_a_job_that_breaks_its_contract_is_named(job_cloud, tmp_path, visits, text, message):
    own = tmp_path / "faulty.py"
    own.write_text(text)
    cloud = job_cloud((str(own),), MR_JOB="faulty")
    done = cloud.driver("faulty", "--wait4reducers", "--retries", "0", "--overwrite", prefix=PREFIX)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert message in cloud.read("faulty/error/mapper/1")["error"]


@pytest.mark.parametrize("size", ["50KB", "1MB", "333"])
def test_a_job_in_splits_gives_the_same_answer(cloud: Cloud, visits, size: str) -> None:
    short = [b"\n".join(visits[0].splitlines()[:20]), visits[1]]
    prefix = PREFIX
    if size == "333":
        prefix = "jobs/short/"
        visits = cloud.put_input(prefix, short)
    done = run(cloud, f"split-{size}", prefix, "--splitsize", size)
    cloud.assert_result(f"split-{size}", visits)
    expected = oracle.answer(visits)
    assert f"{expected.rows:,} rows, {expected.bad_rows} bad" in done.stderr


def test_the_driver_function_takes_a_split_size(cloud: Cloud, visits, tmp_path: Path) -> None:
    payload = {
        "bucket": cloud.databkt,
        "prefix": PREFIX,
        "jobBucket": cloud.bucket,
        "job_id": "split-payload",
        "region": "us-west-2",
        "mapper": "mapperNS",
        "reducer": "reducerNS",
        "splitSize": "100KB",
    }
    answer = tmp_path / "answer"
    words = ["lambda", "invoke", "--function-name", "driverNS", "--payload", json.dumps(payload)]
    assert cloud.aws(*words, str(answer)).returncode == 0
    assert json.loads(answer.read_text()).startswith("TIMER:CALL:")
    cloud.assert_result("split-payload", visits)
    assert len(cloud.keys("split-payload/task/mapper/")) == 5


def test_split_size_and_batch_size_exclude_each_other(cloud: Cloud) -> None:
    done = cloud.driver("x", "--dryrun", "--splitsize", "1MB", "--batchsize", "2", names=False)
    assert done.returncode == 2
    assert "exclude each other" in done.stderr
    wrong = cloud.driver("x", "--dryrun", "--splitsize", "64 bananas", names=False)
    assert wrong.returncode == 2
    assert "write 64MB" in wrong.stderr


def test_compressed_input_is_unpacked_by_suffix_or_encoding(cloud: Cloud, visits) -> None:
    prefix = "jobs/packed/"

    def put(name: str, body: bytes, **more: str) -> None:
        cloud.s3.put_object(Bucket=cloud.databkt, Key=f"{prefix}{name}", Body=body, **more)

    put("1.gz", gzip.compress(visits[0]))
    put("2.bz2", bz2.compress(visits[0]))
    put("3", gzip.compress(visits[0]), ContentEncoding="gzip")
    put("4", visits[1])
    run(cloud, "packed", prefix)
    cloud.assert_result("packed", [visits[0], visits[0], visits[0], visits[1]])


def test_a_compressed_object_that_is_cut_short_fails_the_job(cloud: Cloud, visits) -> None:
    cloud.s3.put_object(
        Bucket=cloud.databkt, Key="jobs/short.gz", Body=gzip.compress(visits[0])[:-9]
    )
    done = cloud.driver("short", "--wait4reducers", "--retries", "0", prefix="jobs/short.gz")
    assert done.returncode == 1
    assert "jobs/short.gz is cut short" in done.stderr


def test_an_encoded_object_without_a_suffix_is_not_split(cloud: Cloud, visits) -> None:
    cloud.s3.put_object(
        Bucket=cloud.databkt,
        Key="jobs/encoded",
        Body=gzip.compress(visits[0]),
        ContentEncoding="gzip",
    )
    options = ("--wait4reducers", "--retries", "0", "--splitsize", "50KB")
    done = cloud.driver("encoded", *options, prefix="jobs/encoded")
    assert done.returncode == 1
    assert "cannot be split" in done.stderr


def read_range(s3, bucket: str, key: str, part: Range) -> bytes:
    """The lines that a range owns."""
    return b"".join(reading.read_lines(s3, Input(bucket, key, part, part.etag)))


LONG_LINES = b"".join(
    b"%d," % number + b"x" * length + b"\n"
    for number, length in enumerate((3, 0, 200_000, 5, 70_000, 65_536, 65_535, 1, 300_000, 2))
)


@pytest.mark.parametrize("size", [1000, 65_536, 100_001, 350_000])
def test_lines_longer_than_what_is_read_past_a_range_are_whole(cloud: Cloud, size: int) -> None:
    key = "jobs/long-lines"
    etag = cloud.s3.put_object(Bucket=cloud.databkt, Key=key, Body=LONG_LINES)["ETag"]
    edges = [*range(0, len(LONG_LINES), size), len(LONG_LINES)]
    read = [
        read_range(cloud.s3, cloud.databkt, key, Range(start, end, etag))
        for start, end in itertools.pairwise(edges)
    ]
    assert b"".join(read) == LONG_LINES
    assert all(part == b"" or part.endswith(b"\n") for part in read)


def test_an_object_replaced_after_the_plan_is_an_error(cloud: Cloud) -> None:
    key = "jobs/replaced"
    etag = cloud.s3.put_object(Bucket=cloud.databkt, Key=key, Body=b"one\ntwo\n")["ETag"]
    cloud.s3.put_object(Bucket=cloud.databkt, Key=key, Body=b"another\n")
    with pytest.raises(JobError, match="jobs/replaced was replaced"):
        read_range(cloud.s3, cloud.databkt, key, Range(0, 4, etag))


def test_a_range_survives_downloads_that_break(cloud: Cloud, visits, emulator, tmp_path) -> None:
    key = f"{PREFIX}part-00000"
    etag = cloud.s3.head_object(Bucket=cloud.databkt, Key=key)["ETag"]
    with FaultProxy(emulator.endpoint, tmp_path / "proxy.log") as proxy:
        broken = {"service": "s3", "operation": "GetObject", "response": {"abort_frac": 0.6}}
        proxy.rules({**broken, "times": 2})
        s3 = client_through(cloud, proxy)
        middle = len(visits[0]) // 2
        read = [
            read_range(s3, cloud.databkt, key, Range(start, end, etag))
            for start, end in ((0, middle), (middle, len(visits[0])))
        ]
        assert proxy.fired()
    assert b"".join(read) == visits[0]


def through(cloud: Cloud, proxy: FaultProxy):
    """An S3 client that goes through the proxy."""
    import boto3

    credentials = cloud.s3._request_signer._credentials
    return boto3.client(
        "s3",
        endpoint_url=proxy.endpoint,
        region_name="us-west-2",
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
    )
