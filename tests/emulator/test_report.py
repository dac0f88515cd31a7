"""The report of a real job, looked at in a real browser."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from local import uservisits
from tests import oracle
from tests.browser import browser  # noqa: F401 - a fixture
from tests.cloud import Cloud, run

PREFIX = "reported/"
BAD_ROW = b"<b>bad</b>, row, \xc3\xa9\n"


@pytest.fixture(scope="module")
def bodies(cloud: Cloud) -> list[bytes]:
    made = [b"".join(uservisits.generate(7, index, 40_000)) for index in range(4)]
    made[1] += BAD_ROW
    return cloud.put_input(PREFIX, made)


@pytest.fixture(scope="module")
def report(cloud: Cloud, bodies, tmp_path_factory) -> Path:
    """The page that a run of four mappers wrote at its end."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    options = ("--wait4reducers", "--batchsize", "1", "--report", str(path))
    done = cloud.driver("reported", *options, prefix=PREFIX)
    assert done.returncode == 0, done.stderr
    assert f"the report is {path}" in done.stderr
    return path


@pytest.fixture
def page(browser: Any, report: Path) -> Any:
    browser.get(report.as_uri())
    return browser


def texts(page: Any, selector: str) -> list[str]:
    return [found.text for found in page.find_elements("css selector", selector)]


def rows(page: Any) -> list[str]:
    """The tasks in the order of the table."""
    return texts(page, "#tasks tbody td:first-child")


def requests(page: Any) -> list[str]:
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    sent = [event for event in events if event["method"] == "Network.requestWillBeSent"]
    return [event["params"]["request"]["url"] for event in sent]


def test_the_page_shows_the_job_in_numbers(page, bodies) -> None:
    expected = oracle.answer(bodies)
    tiles = dict(zip(texts(page, "#tiles dt"), texts(page, "#tiles dd"), strict=True))
    assert tiles["Rows"] == f"{expected.rows:,}"
    assert tiles["Groups"] == f"{len(expected.groups):,}"
    assert (tiles["Bad rows"], tiles["Mappers"], tiles["Reducers"]) == ("1", "4", "1")
    assert tiles["Estimated cost"].startswith("$0.00")
    assert "part-00001: <b>bad</b>, row, é" in texts(page, "#bad")[0]
    assert "until reducer 1/1 began" in texts(page, "#path")[0]
    assert texts(page, "#cost tr")[-1].startswith("total")


def test_the_page_asks_the_network_for_nothing_and_has_no_errors(page, report: Path) -> None:
    assert requests(page) == [report.as_uri()]
    assert page.get_log("browser") == []


def test_pointing_at_a_bar_shows_its_numbers(page) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    bars = page.find_elements("css selector", "#bars .bar rect")
    assert len(bars) == 5
    ActionChains(page).move_to_element(bars[1]).perform()
    shown = page.find_element("id", "hover").text
    assert "mapper 2" in shown
    assert "duration" in shown and "memory" in shown and "0.04 MB" in shown


def test_a_heading_sorts_the_table_both_ways(page) -> None:
    assert rows(page)[0].startswith("mapper 1")
    button = {one.text: one for one in page.find_elements("css selector", "#tasks th button")}
    button["bad rows"].click()
    assert rows(page)[-1].startswith("mapper 2")
    button["bad rows"].click()
    assert rows(page)[0].startswith("mapper 2")
    heads = page.find_elements("css selector", "#tasks th[aria-sort]")
    assert [(one.text, one.get_attribute("aria-sort")) for one in heads] == [
        ("bad rows", "descending")
    ]
    button["start"].click()
    starts = [float(text.split()[0]) for text in texts(page, "#tasks tbody td:nth-child(2)")]
    assert starts == sorted(starts)


def test_the_timeline_can_be_ordered_by_duration(page) -> None:
    from selenium.webdriver.support.ui import Select

    Select(page.find_element("id", "order")).select_by_value("seconds")
    data = json.loads(page.find_element("id", "data").get_attribute("textContent"))
    slowest_first = sorted(data["tasks"], key=lambda task: -task["seconds"])
    assert texts(page, "#bars .bar text") == [task["name"] for task in slowest_first]


def luminance(color: str) -> float:
    """Relative luminance of "rgb(r, g, b)", as WCAG 2.2 defines it."""
    channels = [int(part) / 255 for part in color.strip("rgba()").split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("scheme", "is_dark"), [("light", False), ("dark", True)])
def test_the_page_can_be_read_in_light_and_dark(page, scheme: str, is_dark: bool) -> None:
    feature = {"name": "prefers-color-scheme", "value": scheme}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    back = page.find_element("tag name", "body").value_of_css_property("background-color")
    assert (luminance(back) < 0.1) == is_dark
    for selector in ("h1", "#path", "#tasks td"):
        text = page.find_element("css selector", selector).value_of_css_property("color")
        assert contrast(text, back) >= 4.5, selector
    tick = page.find_element("css selector", "#axis .tick")
    assert contrast(tick.value_of_css_property("fill"), back) >= 4.5


def test_a_report_can_be_made_later_with_other_prices(cloud: Cloud, report, tmp_path) -> None:
    prices = tmp_path / "prices.json"
    prices.write_text('{"date": "then", "million_calls": 1000000}')
    again = tmp_path / "again.html"
    command = [sys.executable, "mr/job.py", "report", cloud.bucket, "reported", "--json"]
    command += ["--output", str(again), "--prices", str(prices)]
    done = run(command, cloud.environment)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)["summary"]
    assert summary["cost"]["prices"] == "then"
    assert summary["cost"]["dollars"] == pytest.approx(4 + 1 + 5, rel=0.01)  # a dollar a call
    assert '"prices":"then"' in again.read_text()
