"""The page about a traced job, looked at in a real browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from graph import causes
from graph import page as spotpage
from tests.browser import browser  # noqa: F401 - a fixture
from tests.unit.test_spottrace import JOB, by, called, record, run, woken

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
    find(page, "mapper 1, 20 ms").click()
    assert "mapper 1, 20 ms (invocation m1)" in page.find_element("id", "node").text
    assert shown(page) == [
        ["00:00:00.010", "m1:entry", "unknown"],
        ["00:00:00.012", "m1", "GetObject"],
        ["00:00:00.013", "m1", "GetObject"],
        ["00:00:00.020", "m1", "PutObject"],
        ["00:00:00.030", "m1:exit", "unknown"],
    ]
    near = page.find_elements("css selector", ".edge.near")
    assert len(near) == 3  # the driver, the input, the output
    page.find_element("id", "close").click()
    assert not page.find_element("id", "details").is_displayed()


def test_a_bar_of_the_timeline_and_the_keyboard_do_as_well(page) -> None:
    find(page, "reducer, the last, 20 ms", "timeline").click()
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


# --------------------------------------------------------------------------- many alike

MAPPERS = 200
FINE = "SpotWrapPython"


def many() -> list[dict[str, Any]]:
    """A driver, its mappers, and the coordinators they wake, two of which claim the step."""
    found = run("driverNS", "d", 0, 3000, eventSource="aws:CLIInvoke:ext:invokeCLI")
    claim = ("PutObject", "jobs:job1/reducerstate.1")
    lost = f"{FINE}:ClientError: An error occurred (PreconditionFailed) when calling it"
    for number in range(1, MAPPERS + 1):
        mapper, key = f"{number:08}-aaaa-4bbb-8ccc-ddddddddddd1", f"job1/task/mapper/{number}"
        found += run("mapperNS", mapper, 10 + number, 500 + 10 * number, **by("d"))
        found += [called("mapperNS", mapper, 20 + number, "GetObject", f"data:in/part-{number}")]
        for second in (40, 350):
            told = (second + 10 * number, "GetObject", "jobs:job1/jobinfo.json")
            found += [called("mapperNS", mapper, *told)]
        found += [called("mapperNS", mapper, 400 + 10 * number, "PutObject", f"jobs:{key}")]
        woke = f"{number:08}-aaaa-4bbb-8ccc-ddddddddddd2"
        begin = 510 + 10 * number
        found += run("reducerCoordinatorNS", woke, begin, begin + 40, **woken(key))
        found += [called("reducerCoordinatorNS", woke, begin + 1, "ListObjectsV2", "jobs:job1/")]
        found += [
            called("reducerCoordinatorNS", woke, begin + 2, "GetObject", "jobs:job1/jobinfo.json")
        ]
        if number > MAPPERS - 2:
            error = FINE if number == MAPPERS else lost
            found += [called("reducerCoordinatorNS", woke, begin + 9, *claim, error=error)]
    found += [record("mapperNS", "killed:entry", 15, **by("d"))]
    account = {"region": "us-west-2", "accountID": "123456789012", "sourceIP": "unknown"}
    return [
        {**one, **account, "awsRequestID": f"{number:08}-9999-4999-8999-999999999999"}
        for number, one in enumerate(found)
    ]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "large.html"
    path.write_text(spotpage.page(causes.trace(many(), "jobs", "job1"), "Job job1 in jobs"))
    return path


def labels(page: Any, drawing: str = "graph") -> list[str]:
    """The titles of a drawing's boxes."""
    found = page.find_elements("css selector", f"#{drawing} [data-node]")
    return [one.get_attribute("aria-label") for one in found]


def test_a_page_of_200_mappers_is_small(large: Path) -> None:
    assert large.stat().st_size < 500_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("wide", [400, 800, 1400])
def test_what_is_alike_is_folded(browser: Any, large: Path, wide: int, scheme: str) -> None:
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    metrics = {"width": wide, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(large.as_uri())
    assert browser.execute_script("return document.documentElement.scrollWidth") <= wide
    assert labels(browser, "timeline") == [
        "driverNS, 3.00 s",
        "mapperNS x 200, median 1.39 s",
        "mapperNS, 0 ms: no exit record: it was killed, or its time ran out",
        "reducerCoordinatorNS x 200, median 40 ms",
    ]
    assert "job1/task/mapper/* x 200" in labels(browser)
    assert len(labels(browser)) == 9
    assert browser.get_log("browser") == []


def test_a_fold_opens_and_closes(browser: Any, large: Path) -> None:
    browser.get(large.as_uri())
    find(browser, "mapperNS x 200", "timeline").send_keys("\ue007")  # Enter
    assert len(labels(browser, "timeline")) == 3 + MAPPERS
    assert "mapper 3, 517 ms" in labels(browser)
    find(browser, "mapper 3, ", "timeline").click()
    button = browser.find_element("id", "fold")
    assert button.text == "fold 200 alike"
    button.click()
    assert len(labels(browser, "timeline")) == 4
    find(browser, "reducerCoordinatorNS x 200", "timeline").click()
    browser.find_element("id", "all").click()
    assert len(labels(browser, "timeline")) == 4


def test_a_lost_claim_is_named_and_not_red(browser: Any, large: Path) -> None:
    browser.get(large.as_uri())
    node = find(browser, "job1/reducerstate.1")
    assert "failed" not in node.get_attribute("class")
    node.click()
    assert browser.find_element("id", "note").text == "lost claims: 1; another was first"
    rows = browser.find_elements("css selector", "#records tbody tr")
    assert ["lost claim: another was first" in row.text for row in rows] == [True, False]
    assert browser.find_elements("css selector", "#records .failed, .edge.lost.failed") == []
    titles = browser.find_elements("css selector", "#graph .edge.lost title")
    assert [one.get_attribute("textContent") for one in titles] == ["lost claim, 5 ms"]
