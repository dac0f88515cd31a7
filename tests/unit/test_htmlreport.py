"""The report page as text: what is in it, and that nothing of the data can break out of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from errors import UsageError
from report import page

FACTS = {"job_id": "<i>job1", "bad_row": {"object": "o", "row": "</script><b>{{script}}"}}


def test_the_page_holds_its_data_as_json() -> None:
    text = page.page(FACTS, "LIBRARY")
    data = re.search(r'<script id="data" type="application/json">(.*?)</script>', text)
    assert data is not None
    assert json.loads(data[1]) == FACTS
    assert "<title>Job &lt;i&gt;job1</title>" in text
    assert text.count("</script>") == 3
    assert "<script>LIBRARY</script>" in text


def test_the_page_names_nothing_outside_itself() -> None:
    text = page.page(FACTS, "")
    assert re.findall(r"https?://|src=|href=|@import|url\(", text) == []
    assert "default-src 'none'" in text


def test_a_page_without_plotly_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "plotly", None)
    with pytest.raises(UsageError, match=r"pip install -r requirements-cli\.txt"):
        page.library()


@pytest.mark.parametrize(
    ("path", "message"), [(".", "is a folder"), ("no/where/r.html", "there is no folder")]
)
def test_a_file_that_cannot_be_written_is_said_before_anything_starts(
    tmp_path: Path, monkeypatch, path, message
) -> None:
    pytest.importorskip("plotly")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        page.check(path)
