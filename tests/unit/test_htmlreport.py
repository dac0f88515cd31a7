"""The report page as text: what is in it, and that nothing of the data can break out of it."""

from __future__ import annotations

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from errors import UsageError
from report import page
from tests.unit.test_summary import summed_up

FACTS = {"job_id": "<i>job1", "bad_row": {"object": "o", "row": "</script><b>{{script}}"}}


def test_the_page_holds_its_data_as_json() -> None:
    text = page.page(FACTS)
    data = re.search(r'<script id="data" type="application/json">(.*?)</script>', text)
    assert data is not None
    assert json.loads(data[1]) == FACTS
    assert "<title>Job &lt;i&gt;job1</title>" in text
    assert text.count("</script>") == 2


def test_the_page_names_nothing_outside_itself() -> None:
    text = page.page(FACTS)
    text = text.replace("http://www.w3.org/2000/svg", "")  # the name of a kind of element
    assert re.findall(r"https?://|src=|href=|@import|url\((?!#)", text) == []
    assert "default-src 'none'" in text


@pytest.mark.parametrize(
    ("path", "message"), [(".", "is a folder"), ("no/where/r.html", "there is no folder")]
)
def test_a_file_that_cannot_be_written_is_said_before_anything_starts(
    tmp_path: Path, monkeypatch, path, message
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        page.check(path)


def test_what_the_page_shows_is_visible_and_can_be_drawn() -> None:
    values = {"\x1b[2J\u202e": 3, "a": float("inf"), "b": 10**400, "c": True, "d": "x", "e": -1.5}
    shown = page.facts(summed_up(), values.items())
    assert shown["largest_groups"] == [["\\x1b[2J\\u202e", 3], ["e", -1.5]]
    assert shown["jobs"] == [] and shown["calls"] == []
    json.dumps(shown, allow_nan=False)


def test_texts_deep_within_are_visible_too() -> None:
    assert page.seen({"a": [("\n", 1), {"b": "\ud800"}], "c": None}) == {
        "a": [["\\n", 1], {"b": "\\ud800"}],
        "c": None,
    }


def test_a_page_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, small_disk) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    with small_disk(100_000), pytest.raises(OSError, match="too large"):
        page.write_aside(path, "x" * 1_000_000)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_page_is_written_through_a_link_and_as_any_file(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "report.html"
    link.symlink_to(tmp_path / "there" / "page.html")
    page.write_aside(link, "new")
    assert link.is_symlink()
    assert (tmp_path / "there" / "page.html").read_text() == "new"
    plain = tmp_path / "plain"
    plain.touch()
    assert (tmp_path / "there" / "page.html").stat().st_mode == plain.stat().st_mode


def test_a_page_may_go_to_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as threads:
        read = threads.submit(pipe.read_text)
        page.write_aside(pipe, "page")
        assert read.result(60) == "page"
