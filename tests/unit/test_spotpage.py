"""The page about a traced job, looked at in a real browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from graph import causes
from graph import page as spotpage
from tests.browser import browser  # noqa: F401 - a fixture
from tests.unit.test_spottrace import JOB

NASTY = "</script><script>document.title='taken'</script>"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    records = [{**one, "sourceIP": NASTY} for one in JOB]
    page = spotpage.page(causes.trace(records, "jobs", "job1"), "Job job1 in jobs")
    path = tmp_path_factory.mktemp("page") / "job1.html"
    path.write_text(page)
    return path


@pytest.fixture
def page(browser: Any, path: Path) -> Any:
    browser.get(path.as_uri())
    return browser


def find(page: Any, label: str, drawing: str = "graph") -> Any:
    """The node of a drawing whose title begins so."""
    (found,) = page.find_elements("css selector", f'#{drawing} [aria-label^="{label}"]')
    return found


def shown(page: Any) -> list[list[str]]:
    """The records that the page shows: time, request and operation of each."""
    rows = page.find_elements("css selector", "#records tbody tr")
    return [[cell.text for cell in row.find_elements("tag name", "td")][:3] for row in rows]


def test_it_opens_without_a_request_and_without_an_error(page, path: Path) -> None:
    assert page.title == "Job job1 in jobs"
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    sent = [one for one in events if one["method"] == "Network.requestWillBeSent"]
    assert [one["params"]["request"]["url"] for one in sent] == [path.as_uri()]
    assert page.get_log("browser") == []
    summary = page.find_element("id", "summary").text
    assert summary == "5 invocations, 1 failed; 10 calls of AWS; 0.100 s"


def test_both_drawings_have_their_nodes_on_the_page(page) -> None:
    graph = page.find_elements("css selector", "#graph [data-node]")
    bars = page.find_elements("css selector", "#timeline [data-node]")
    assert (len(graph), len(bars)) == (10, 5)
    assert all(node.size["width"] > 0 and node.size["height"] > 0 for node in graph + bars)
    assert len(page.find_elements("css selector", "#graph path.edge")) == 11


def test_a_click_on_a_node_shows_its_records(page) -> None:
    assert not page.find_element("id", "details").is_displayed()
    find(page, "mapper, 20 ms").click()
    assert "mapper, 20 ms (invocation m1)" in page.find_element("id", "node").text
    assert shown(page) == [
        ["10", "m1:entry", "unknown"],
        ["12", "m1", "GetObject"],
        ["13", "m1", "GetObject"],
        ["20", "m1", "PutObject"],
        ["30", "m1:exit", "unknown"],
    ]
    near = page.find_elements("css selector", ".edge.near")
    assert len(near) == 3  # the driver, the input, the output
    page.find_element("id", "close").click()
    assert not page.find_element("id", "details").is_displayed()


def test_a_bar_of_the_timeline_and_the_keyboard_do_as_well(page) -> None:
    find(page, "reducer, 20 ms", "timeline").click()
    assert [row[1] for row in shown(page)] == ["r:entry", "r", "r", "r:exit"]
    find(page, "driver, 100 ms").send_keys("\ue007")  # Enter
    assert shown(page)[0][1] == "d:entry"


def test_an_object_shows_who_touched_it(page) -> None:
    find(page, "job1/task/mapper/1").click()
    assert [row[1] for row in shown(page)] == ["m1", "c:entry", "r"]


def test_what_failed_is_red_and_says_why(page) -> None:
    failed = find(page, "mapper, 29 ms")
    assert "failed" in failed.get_attribute("class")
    failed.click()
    said = page.find_element("id", "error")
    assert said.text == "SpotWrap_exception:E: no:status:400"
    fill = failed.find_element("tag name", "rect").value_of_css_property("stroke")
    assert fill == said.value_of_css_property("color").replace("rgba", "rgb").replace(", 1)", ")")
    wide = find(page, "driver, 100 ms").find_element("tag name", "rect").size["width"]
    assert wide > failed.find_element("tag name", "rect").size["width"]


def test_reads_can_be_hidden(page) -> None:
    reads = page.find_elements("css selector", ".edge.read")
    assert len(reads) == 3
    page.find_element("id", "reads").click()
    assert {one.value_of_css_property("display") for one in reads} == {"none"}


def test_text_of_strangers_stays_text(page) -> None:
    find(page, "driver, 100 ms").click()
    cells = page.find_elements("css selector", "#records tbody td")
    assert NASTY in [cell.text for cell in cells]
    assert page.title == "Job job1 in jobs"


@pytest.mark.parametrize(("scheme", "is_dark"), [("light", False), ("dark", True)])
def test_it_follows_the_light_and_dark_of_the_system(page, scheme: str, is_dark: bool) -> None:
    feature = {"name": "prefers-color-scheme", "value": scheme}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    back = page.find_element("tag name", "body").value_of_css_property("background-color")
    label = page.find_element("css selector", "#graph text").value_of_css_property("fill")
    red = [int(color.strip("rgba()").split(",")[0]) for color in (back, label)]
    assert (red[0] < red[1]) == is_dark
    assert abs(red[0] - red[1]) > 150
