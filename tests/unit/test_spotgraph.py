"""spotgraph.py, given a table that anybody may have written to: a real process and its picture."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from spotwrap.table import item, plain
from tests.cloud import ROOT

RECORD: Any = {
    "requestID": "d:entry",
    "ts": 1_700_000_000_000,
    "thisFnARN": "arn:aws:lambda:us-west-2:123456789012:function:mapper",
    "caller": "x",
    "eventSource": "arn:aws:s3:::jobs:ObjectCreated:Put",
    "eventOp": "ObjectCreated:Put",
    "message": "jobs:j/task/a:16:2026-11-23T15:40:08.228Z",
    "duration": 0,
    "error": "SpotWrapPython",
}
GOOD = [item(RECORD), item({**RECORD, "requestID": "d:exit", "ts": 1_700_000_000_500})]
BAD = [
    ({**GOOD[0], "ts": {"N": "1e300"}}, "its ts is no time: 1e+300 ms"),
    ({**GOOD[0], "ts": {"N": "-1"}}, "its ts is no time: -1 ms"),
    ({**GOOD[0], "ts": {"N": "NaN"}}, "its ts is no time: nan ms"),
    ({**GOOD[0], "duration": {"N": "9" * 400}}, "its duration is no time: inf ms"),
    ({**GOOD[0], "ts": {"N": "soon"}}, "could not convert string to float: 'soon'"),
    ({**GOOD[0], "ts": {"S": "1"}}, "its ts is no number"),
    ({**GOOD[0], "eventSource": {"N": "1"}}, "its eventSource is no text"),
    ({**GOOD[0], "message": {"S": None}}, "its message is no text"),
    ({"requestID": {"S": "a\x1b[2J"}, "ts": {"N": "1"}}, "it has no thisFnARN, eventOp, message,"),
    (["requestID"], "it is no object but list"),
    (None, "it is no object but NoneType"),
]


def spotgraph(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "records.json").write_text(text)
    command = [sys.executable, str(ROOT / "lambda-python/spotgraph.py"), "jobs", "j"]
    return subprocess.run(
        [*command, "--records", "records.json"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_record_is_read_as_it_was_written() -> None:
    assert plain(GOOD[0]) == RECORD


def test_what_is_no_record_is_left_out_with_a_line_each(tmp_path: Path) -> None:
    items = [one for one, _ in BAD] + GOOD
    done = spotgraph(tmp_path, json.dumps({"Items": items}))
    assert (done.returncode, done.stdout) == (0, "j.html\nj.dot\n"), done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == len(BAD)
    for number, (line, (_, why)) in enumerate(zip(lines, BAD, strict=True), 1):
        assert line.startswith(f"item {number} is left out: {why}")
    assert "\x1b" not in done.stderr
    assert (tmp_path / "j.html").stat().st_size < 100_000


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        '{"Items": {}}',
        "\x00",
        '{"Items": ' + "[" * 100_000 + "]" * 100_000 + "}",
    ],
    ids=["nothing", "list", "object", "no JSON", "deep"],
)
def test_a_file_that_is_no_scan_is_one_line(tmp_path: Path, text: str) -> None:
    done = spotgraph(tmp_path, text)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("spotgraph.py: records.json")
    assert done.stderr.count("\n") == 1


def test_a_text_that_utf_8_cannot_hold_is_drawn_as_an_escape(tmp_path: Path) -> None:
    items = [{**one, "error": {"S": "\ud800"}} for one in GOOD]
    done = spotgraph(tmp_path, json.dumps({"Items": items}))
    assert done.returncode == 0, done.stderr
    assert "\\ud800" in (tmp_path / "j.dot").read_text(encoding="utf-8")
