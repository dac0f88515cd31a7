"""Input that hurts: every oddity gives the answer that an independent sum gives."""

from __future__ import annotations

import re

import pytest

from tests import oracle
from tests.cloud import Cloud

GOOD = b"67.23.87.1,http://a.example/x,1999-12-31,0.5,Mozilla/5.0,USA,USA-EN,word,3"
OTHER = b"67.23.87.200,u,2000-01-01,1.25,Agent/1.0 (KHTML, like Gecko),DEU,DEU-DE,wort,7"

CASES = {
    "no final newline": GOOD + b"\n" + OTHER,
    "carriage returns": GOOD + b"\r\n" + OTHER + b"\r\n",
    "empty lines": b"\n\n" + GOOD + b"\n\r\n\n" + OTHER + b"\n\n",
    "too few columns": b"1.2.3.4,u,d\n" + GOOD + b"\nx\n,,\n",
    "exactly four columns": b"9.9.9.9,u,d,3.5\n9.9.9.9,u,d,2\r\n",
    "prices that are no numbers": b"".join(
        b"9.9.9.9,u,d," + price + b",a\n"
        for price in (b"nan", b"inf", b"-inf", b"abc", b"", b"1e2")
    ),
    "bytes that are not UTF-8": b"1.1.1.1,u,d,2.5,\xff\xfe agent,x\n" + GOOD + b"\n",
    "a source that is not UTF-8": b"\xff\xfe.1.1,u,d,2.5,a\n" + GOOD + b"\n",
    "a source with accents": "äöüßéèêëñ.1,u,d,2.5,a\näöüßéèêëx,u,d,1,a\n".encode(),
    "commas in the user agent": OTHER + b"\n" + b"5.5.5.5,u,d,7,a, b, c,,,,,\n",
    "an empty object": b"",
    "one newline": b"\n",
    "a short source": b"1,u,d,2,a\n,u,d,3,a\n",
    "a very long line": b"7.7.7.7,u,d,4,a," + b"x" * 3_000_000 + b"\n" + GOOD,
    "a byte-order mark": b"\xef\xbb\xbf" + GOOD + b"\n" + OTHER + b"\n",
    "line ends of old Macs": GOOD + b"\r" + OTHER + b"\r",
    "line ends of all kinds": GOOD + b"\r\n" + OTHER + b"\r" + GOOD + b"\n\r" + OTHER,
    "line ends that are none": GOOD + b"\x0c" + OTHER + "\u2028".encode() + GOOD + b"\n" + OTHER,
    "quoted columns": b'"Smith, John",7,5,1.5,x\n"Smith, John","1,000",8,"2.5",x\n"a""b",u,d,3\n',
    "a line end in a quoted column": b'"a\nb",u,d,3.0,x\nplain,u,d,1.0,x\n',
    "quotes behind the columns": b'6.6.6.6,u,d,5,"Agent, like x",y\n6.6.6.6,u,d,2,a "b" c\n',
    "a line end in a quote behind them": b'6.6.6.6,u,d,5,"a\nb, of, the, 99, agents",x\n',
    "numbers of Python alone": b"4.4.4.4,u,d,1_000,a\n4.4.4.4,u,d,infinity,a\n4.4.4.4,u,d, 2 ,a\n",
    "large and small prices": b"8.8.8.8,u,d,1e300,a\n8.8.8.8,u,d,1e-300,a\n",
}
FOLDER_MARKERS = ("hard/", "hard/empty folder/")
ODD_NAMES = ("hard/with space", "hard/with+plus", "hard/mit-ümläut", "hard/a&b=c;d?e#f%20g")


@pytest.fixture(scope="module")
def hard_input(cloud: Cloud) -> list[bytes]:
    """All of it under one prefix, with folder markers and odd names among it."""
    cloud.put_input("hard/", CASES.values())
    for key in FOLDER_MARKERS:
        cloud.s3.put_object(Bucket=cloud.databkt, Key=key, Body=b"")
    for key in ODD_NAMES:
        cloud.s3.put_object(Bucket=cloud.databkt, Key=key, Body=GOOD + b"\n")
    return [*CASES.values(), *(GOOD for _ in ODD_NAMES)]


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_hard_input_gives_the_independent_sum(cloud: Cloud, hard_input, batch_size: int) -> None:
    job_id = f"hard-{batch_size}"
    options = ("--wait4reducers", "--batchsize", str(batch_size), "--concurrency", "4")
    options += ("--max-bad", "100")
    done = cloud.driver(job_id, *options, prefix="hard/")
    assert done.returncode == 0, done.stderr
    cloud.assert_result(job_id, hard_input)
    expected = oracle.answer(hard_input)
    assert expected.headers
    counts = f"{expected.rows} rows, {expected.bad_rows} bad, {expected.headers} header lines,"
    assert counts in done.stderr


def test_bad_rows_are_shown_by_kind_and_one_with_its_object(cloud: Cloud, hard_input) -> None:
    """Too many of them: the answer is there all the same, but the status is no success."""
    done = cloud.driver("bad-row", "--wait4reducers", "--batchsize", "100", prefix="hard/")
    assert done.returncode == 1
    assert "a bad row, in object hard/part-00003: x\n" in done.stderr
    assert re.search(r"^\d+ bad: fewer than 4 columns, such as x$", done.stderr, re.M)
    assert re.search(
        r"^\d+ bad: the price is no number, such as 9.9.9.9,u,d,inf,a$", done.stderr, re.M
    )
    assert re.search(r"rows are bad, [\d.]+ %, and more than 1 % \(--max-bad", done.stderr)
    cloud.assert_result("bad-row", hard_input)


def test_folder_markers_alone_are_no_input(cloud: Cloud) -> None:
    cloud.s3.put_object(Bucket=cloud.databkt, Key="only-markers/", Body=b"")
    done = cloud.driver("markers", "--wait4reducers", prefix="only-markers/")
    assert done.returncode == 2
    assert "there is no object under s3://my-data-bucket/only-markers/" in done.stderr
