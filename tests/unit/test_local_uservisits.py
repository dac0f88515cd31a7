"""The input generator: what its rows look like, that they never change, where they go."""

from __future__ import annotations

import argparse
import datetime
import hashlib
import itertools
import re
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from local import uservisits
from local.uservisits import S3Target
from tests import oracle
from tests.peak import measured, peak_kib

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "local" / "uservisits.py"
LONGEST_LINE = 300
ROW = re.compile(
    r"(?P<sourceIP>\d{1,3}(\.\d{1,3}){3}),(?P<destURL>[a-z]{10,100}),"
    r"(?P<visitDate>\d{4}-\d\d-\d\d),(?P<adRevenue>[01]\.\d{1,7}),"
    r"(?P<userAgent>[A-Za-z][^\n]{10,110}),(?P<countryCode>[A-Z]{3}),"
    r"(?P<languageCode>[A-Z]{3}-[A-Z]{2}),(?P<searchWord>[a-z]+),(?P<duration>\d+)\n"
)


def body(seed: int = 1, index: int = 0, size: int = 100_000) -> bytes:
    return b"".join(uservisits.generate(seed, index, size))


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return body(size=2_000_000).decode("ascii").splitlines(keepends=True)


@pytest.fixture(scope="module")
def rows(lines: list[str]) -> list[dict[str, str]]:
    matches = [ROW.fullmatch(line) for line in lines]
    assert all(matches), lines[matches.index(None)]
    return [match.groupdict() for match in matches if match]


@pytest.fixture
def bucket(aws_client):
    s3 = aws_client("s3")
    name = f"uservisits-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    return name


def run(*arguments: object, environment: dict[str, str] | None = None):
    """The command, as a person runs it."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def fails_with_a_message(
    result: subprocess.CompletedProcess[str], *parts: str, status: int = 1
) -> None:
    """One line on stderr that holds every part, nothing on stdout."""
    assert result.returncode == status
    assert result.stdout == ""
    assert result.stderr.startswith("local/uservisits.py: ")
    assert result.stderr.count("\n") == 1
    for part in parts:
        assert part in result.stderr


def test_every_value_has_the_shape_of_its_column(rows):
    for row in rows:
        assert all(0 <= int(part) <= 255 for part in row["sourceIP"].split("."))
        assert 1970 <= datetime.date.fromisoformat(row["visitDate"]).year <= 2012
        assert 0.0 < float(row["adRevenue"]) <= 1.0
        assert row["languageCode"].startswith(row["countryCode"])
        assert 1 <= int(row["duration"]) <= 10


def test_every_column_varies(rows):
    distinct = {column: len({row[column] for row in rows}) for column in rows[0]}
    few = {"userAgent": 16, "countryCode": 50, "languageCode": 60, "searchWord": 80, "duration": 10}
    for column, least in few.items():
        assert distinct[column] >= least, column
    for column in ("sourceIP", "destURL", "visitDate", "adRevenue"):
        assert distinct[column] > len(rows) / 2, column


def test_some_user_agents_hold_a_comma_and_most_do_not(lines):
    with_comma = sum(line.count(",") > 8 for line in lines)
    assert 0 < with_comma < len(lines) / 2


def test_a_row_is_about_as_long_as_the_benchmarks(lines):
    benchmark = 25.4e9 / 155e6
    assert sum(map(len, lines)) / len(lines) == pytest.approx(benchmark, rel=0.03)


def test_fifty_megabytes_hold_tens_of_thousands_of_groups():
    answer = oracle.answer(body(index=index, size=5_000_000) for index in range(10))
    assert len(answer.groups) > 50_000
    assert answer.bad_rows == 0


def test_the_bytes_are_those_of_every_other_machine():
    # A change here makes every published checksum and every stored input wrong.
    digest = hashlib.sha256(body(seed=1, index=0, size=1_000_000)).hexdigest()
    assert digest == "8f63eb39921d2c6425c0a91b3bfe3d0ddeaa88aa5757af935a38385fe97b3432"


def test_seeds_and_objects_differ_from_each_other():
    bodies = {body(seed, index) for seed in (-1, 0, 1, 2) for index in range(4)}
    assert len(bodies) == 16


def test_a_larger_object_begins_with_the_smaller_one():
    assert body(size=1_500_000).startswith(body(size=1_000))


@pytest.mark.parametrize("size", [1, 150, 1_000, 650_000, 700_000, 1_300_000, 3_000_001])
def test_an_object_ends_with_the_line_that_reaches_its_size(size):
    made = body(size=size)
    assert made.endswith(b"\n")
    assert len(made) >= size
    last_line = made.splitlines(keepends=True)[-1]
    assert len(made) - len(last_line) < size


def test_an_exact_size_is_met_exactly():
    whole_lines = len(body(size=1_000))
    assert len(body(size=whole_lines)) == whole_lines
    assert len(body(size=whole_lines + 1)) > whole_lines


def test_a_size_of_nothing_gives_nothing():
    assert list(uservisits.generate(1, 0, 0)) == []


def test_blocks_are_whole_lines_and_stay_small_however_large_the_object():
    blocks = list(itertools.islice(uservisits.generate(1, 0, 10**15), 5))
    assert all(block.endswith(b"\n") and len(block) < 2_000_000 for block in blocks)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("500KB", 500_000),
        ("5MB", 5_000_000),
        ("5 mb", 5_000_000),
        ("1GB", 1_000_000_000),
        ("1.5GB", 1_500_000_000),
        ("5MiB", 5_242_880),
        ("1GiB", 1_073_741_824),
    ],
)
def test_sizes_are_read_with_their_units(text, size):
    assert uservisits.parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    ["", "MB", "five", "5M", "5 XB", "-5MB", "1e6", "1_000", "0", "0MB", "0.4B", "٣MB", "5\n"],
)
def test_other_sizes_are_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match=re.escape(repr(text))):
        uservisits.parse_size(text)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("data", Path("data")),
        ("/tmp/data/", Path("/tmp/data")),  # noqa: S108 - nothing is written
        ("s3://bkt", S3Target("bkt", "")),
        ("s3://bkt/", S3Target("bkt", "")),
        ("s3://bkt/p q/", S3Target("bkt", "p q")),
        (
            "s3://big-data/pavlo/text/1node/uservisits/",
            S3Target("big-data", "pavlo/text/1node/uservisits"),
        ),
    ],
)
def test_a_target_is_a_folder_or_a_bucket_with_a_prefix(text, target):
    assert uservisits.parse_target(text) == target


@pytest.mark.parametrize(
    "text", ["", "s3://", "s3:///p", "s3://No Bucket/p", "s3:/bkt/p", "gs://bkt/p"]
)
def test_other_targets_are_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match=re.escape(repr(text))):
        uservisits.parse_target(text)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--size", "5 bananas"], "'5 bananas' is no size"),
        (["--size", "0"], "'0' is less than one byte"),
        (["--objects", "0"], "'0' is no whole number from 1"),
        (["--objects", "many"], "'many' is no whole number from 1"),
        (["--seed", "x"], "invalid int value: 'x'"),
    ],
)
def test_wrong_usage_exits_with_2_and_writes_nothing(tmp_path, arguments, fault):
    folder = tmp_path / "data"
    result = run(*arguments, folder)
    assert result.returncode == 2
    assert fault in result.stderr
    assert not folder.exists()


def test_help_ends_with_examples():
    result = run("--help")
    assert result.returncode == 0
    assert result.stdout.endswith(uservisits.EXAMPLES)


def test_a_folder_gets_the_objects_and_stdout_one_line_for_each(tmp_path):
    folder = tmp_path / "new" / "data"
    result = run("--objects", 3, "--size", "20KB", "--seed", 7, folder)
    assert result.returncode == 0
    names = ["part-00000", "part-00001", "part-00002"]
    assert sorted(path.name for path in folder.iterdir()) == names
    for index, name in enumerate(names):
        assert (folder / name).read_bytes() == body(seed=7, index=index, size=20_000)
    sizes = [(folder / name).stat().st_size for name in names]
    expected = [f"{folder / name}\t{size}" for name, size in zip(names, sizes, strict=True)]
    assert result.stdout.splitlines() == expected
    assert "3 of 3 objects, 0.1 MB" in result.stderr


def test_more_objects_do_not_change_the_first_ones(tmp_path):
    few = list(uservisits.write_folder(tmp_path / "few", 2, 10_000))
    many = list(uservisits.write_folder(tmp_path / "many", 4, 10_000))
    assert [Path(a.where).read_bytes() for a in few] == [Path(b.where).read_bytes() for b in many][
        :2
    ]


def test_progress_is_some_lines_and_not_one_for_each_of_many_objects(tmp_path):
    result = run("--objects", 100, "--size", "1KB", tmp_path)
    assert len(result.stdout.splitlines()) == 100
    assert len(result.stderr.splitlines()) == 20


def test_a_target_that_is_a_file_is_an_error_without_a_traceback(tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    fails_with_a_message(run(file), str(file), "File exists", "name a folder")
    assert file.read_text() == "mine"


def test_an_object_that_cannot_be_written_is_an_error_without_a_traceback(tmp_path):
    (tmp_path / "part-00000").mkdir()
    fails_with_a_message(run(tmp_path), str(tmp_path / "part-00000"), "Is a directory")


@pytest.fixture
def first_line_is_out(tmp_path):
    """The command, under way with much to do."""
    command = [sys.executable, str(SCRIPT), "--objects", "1000", "--size", "1MB", str(tmp_path)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Tests run in the background ignore Ctrl-C, and so would this.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        process.stdout.readline()
        yield process


def test_a_reader_that_leaves_early_causes_no_traceback(first_line_is_out):
    first_line_is_out.stdout.close()  # as `| head -1` does
    errors = first_line_is_out.stderr.read()
    assert first_line_is_out.wait() == 1
    assert b"Traceback" not in errors
    assert b"Exception ignored" not in errors


def test_ctrl_c_stops_it_without_a_traceback(first_line_is_out):
    first_line_is_out.send_signal(signal.SIGINT)
    _, errors = first_line_is_out.communicate()
    assert first_line_is_out.returncode == 128 + signal.SIGINT
    assert errors.decode().splitlines()[-1].startswith("local/uservisits.py: stopped; the object")
    assert b"Traceback" not in errors


def test_memory_does_not_grow_with_the_size_of_an_object(tmp_path):
    def peak(size: int) -> int:
        words = ("--objects", "1", "--size", str(size), str(tmp_path))
        command = measured("local/uservisits.py", *words)
        return peak_kib(subprocess.run(command, capture_output=True, check=True, cwd=ROOT).stderr)

    assert peak(80_000_000) < peak(2_000_000) + 20_000


def test_a_stream_gives_the_blocks_on_whatever_the_read_sizes():
    expected = body(size=1_400_000)
    stream = uservisits.BlockStream(uservisits.generate(1, 0, 1_400_000))
    sizes, parts = itertools.cycle([1, 7, 100_000, 1_000_000]), []
    while part := stream.read(next(sizes)):
        parts.append(part)
    assert b"".join(parts) == expected
    assert stream.size == len(expected)


def test_a_prefix_gets_the_objects_with_the_commands_own_aws_settings(
    aws_client, aws_environment, bucket
):
    result = run(
        "--objects", 2, "--size", "30KB", f"s3://{bucket}/a/b/", environment=aws_environment
    )
    assert result.returncode == 0, result.stderr
    s3 = aws_client("s3")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert keys == ["a/b/part-00000", "a/b/part-00001"]
    for index, key in enumerate(keys):
        expected = body(index=index, size=30_000)
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == expected
        assert f"s3://{bucket}/{key}\t{len(expected)}\n" in result.stdout


def test_without_a_prefix_the_objects_lie_at_the_top_of_the_bucket(aws_client, bucket):
    (written,) = uservisits.write_s3(aws_client("s3"), S3Target(bucket, ""), 1, 1_000)
    assert written == (f"s3://{bucket}/part-00000", len(body(size=1_000)))


def test_a_large_object_goes_up_in_parts_and_arrives_whole(aws_client, bucket):
    s3 = aws_client("s3")
    size = 20_000_000
    list(uservisits.write_s3(s3, S3Target(bucket, "large"), 1, size))
    arrived = s3.get_object(Bucket=bucket, Key="large/part-00000")
    assert arrived["ETag"].strip('"').endswith("-3")  # the mark of an object in three parts
    digest = hashlib.sha256(arrived["Body"].read()).hexdigest()
    assert digest == hashlib.sha256(body(size=size)).hexdigest()


def test_a_bucket_that_is_not_there_is_an_error_that_says_how_to_make_it(aws_environment):
    result = run("s3://nobody-made-this-bucket/p", environment=aws_environment)
    fails_with_a_message(result, "there is no bucket", "aws s3 mb s3://nobody-made-this-bucket")


def without_credentials(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    kept = {
        name: value for name, value in environment.items() if "AWS_" not in name or "URL" in name
    }
    nowhere = str(tmp_path / "none")
    files = {"AWS_CONFIG_FILE": nowhere, "AWS_SHARED_CREDENTIALS_FILE": nowhere}
    return {**kept, **files, "AWS_EC2_METADATA_DISABLED": "true"}


def test_missing_credentials_are_an_error_that_says_how_to_give_them(aws_environment, tmp_path):
    environment = without_credentials(aws_environment, tmp_path)
    result = run("s3://b-u-c/p", environment=environment)
    fails_with_a_message(result, "Unable to locate credentials", "AWS_PROFILE", "--profile")


def test_the_profile_and_the_region_are_those_asked_for(aws_environment, bucket, tmp_path):
    config = tmp_path / "config"
    config.write_text("[profile me]\naws_access_key_id = test\naws_secret_access_key = test\n")
    environment = without_credentials(aws_environment, tmp_path) | {"AWS_CONFIG_FILE": str(config)}
    arguments = ["--objects", 1, "--size", "1KB", f"s3://{bucket}/p"]
    good = run("--profile", "me", "--region", "us-west-2", *arguments, environment=environment)
    assert good.returncode == 0, good.stderr
    unknown = run("--profile", "you", *arguments, environment=environment)
    fails_with_a_message(unknown, "profile (you)", "aws configure list-profiles")
    wrong = run("--profile", "me", "--region", "no where", *arguments, environment=environment)
    fails_with_a_message(wrong, "no where", "name a region")


@pytest.mark.parametrize(("endpoint", "status"), [("http://127.0.0.1:1", 1), ("not-a-url", 2)])
def test_an_endpoint_that_does_not_answer_is_an_error_that_names_it(
    aws_environment, endpoint, status
):
    environment = {**aws_environment, "AWS_ENDPOINT_URL": endpoint, "AWS_MAX_ATTEMPTS": "1"}
    result = run("s3://b-u-c/p", environment=environment)
    fails_with_a_message(result, endpoint, "AWS_ENDPOINT_URL", status=status)


def test_a_folder_needs_no_boto3(tmp_path):
    # -I -S leaves the standard library alone; what `pip install` brought cannot be imported.
    command = [sys.executable, "-I", "-S", str(SCRIPT), "--objects", "1", "--size", "1KB"]
    subprocess.run([*command, str(tmp_path)], capture_output=True, check=True)
    result = subprocess.run([*command, "s3://b-u-c/p"], capture_output=True, text=True, check=False)
    fails_with_a_message(result, "boto3 is not installed", "make setup")
