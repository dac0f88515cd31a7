"""The page of a job of 400 mappers in a real browser, narrow and wide, light and dark."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from report import page
from tests.browser import browser  # noqa: F401 - a fixture
from tests.unit.test_summary import summed_up, task
from views.timings import Timing

MAPPERS = 400


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = summed_up()
    tasks = [
        task(0, number, f"job1/task/mapper/{number}", 1 + number % 7, start=100 + number / 40)
        for number in range(1, MAPPERS + 1)
    ]
    tasks.append(task(1, 1, "job1/result", 1.0, start=120.0, groups=6))
    job = dataclasses.replace(made.job, tasks=tuple(tasks))
    path = tmp_path_factory.mktemp("page") / "report.html"
    calls = [
        timing("coordinator", None, 102 + number / 40, init_ms=250.0) for number in range(MAPPERS)
    ]
    calls.append(timing("mapper", 3, 100.0, outcome="failed"))
    calls.append(timing("mapper", 4, 101.1, init_ms=900.0))
    groups = [(f"a key of some letters, number {number}", number - 3) for number in range(20)]
    page.write(str(path), dataclasses.replace(made, job=job), groups, calls)
    return path


def timing(kind: str, number: int | None, start: float, **more: Any) -> Timing:
    return Timing(
        run_id="r", job_id="job1", kind=kind, number=number, started_unix_s=start,
        ended_unix_s=start + 0.5, **{"outcome": "done", **more},
    )  # fmt: skip


def opened(browser: Any, report: Path, wide: int, scheme: str) -> Any:
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    metrics = {"width": wide, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(report.as_uri())
    return browser


def box_of(browser: Any, selector: str) -> dict[str, float]:
    found: dict[str, float] = browser.execute_script(
        "return document.querySelector(arguments[0]).getBoundingClientRect().toJSON()", selector
    )
    return found


def point_at(browser: Any, number: int) -> None:
    """Move the mouse over the left end of a bar, which is scrolled into view."""
    from selenium.webdriver.common.action_chains import ActionChains

    bar = browser.find_elements("css selector", "#bars .bar > rect:last-child")[number]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", bar)
    ActionChains(browser).move_to_element(bar).perform()


def test_a_page_is_small(report: Path) -> None:
    assert report.stat().st_size < 300_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("wide", [400, 800, 1400])
def test_it_fits_its_window(browser: Any, report: Path, wide: int, scheme: str) -> None:
    """Nothing scrolls sideways, the axis stays in view, and the box of a bar is never cut."""
    opened(browser, report, wide, scheme)
    root = "return document.documentElement."
    assert browser.execute_script(root + "scrollWidth") <= wide
    timeline = box_of(browser, "#timeline")
    browser.execute_script("document.querySelector('#timeline').scrollTop = 5000")
    assert box_of(browser, "#axis")["top"] == pytest.approx(timeline["top"], abs=2)
    for number in (0, 1, MAPPERS // 2, MAPPERS):
        point_at(browser, number)
        shown = box_of(browser, "#hover")
        assert shown["width"] > 100
        assert shown["left"] >= 0 and shown["right"] <= wide
        assert shown["top"] >= 0 and shown["bottom"] <= 800
    assert browser.get_log("browser") == []


def test_coordinators_cold_starts_and_failed_tries_are_in_it(browser: Any, report: Path) -> None:
    opened(browser, report, 1000, "light")
    count = "return document.querySelectorAll(arguments[0]).length"
    assert browser.execute_script(count, "#bars .lane rect.coordinator") == MAPPERS
    lanes = browser.execute_script(count, "#bars .lane")
    assert 10 < lanes < 40  # each takes 0.75 s, and one begins every 0.025 s
    assert browser.execute_script(count, "#bars .lane rect.cold") == MAPPERS
    assert browser.execute_script(count, "#bars .bar rect.cold") == 1
    assert browser.execute_script(count, "#bars .bar rect.failed") == 1
    assert browser.execute_script(count, "#overview polygon.coordinator") == 1


def ticks(browser: Any) -> list[str]:
    return [one.text for one in browser.find_elements("css selector", "#axis .tick")]


def test_dragging_across_the_overview_looks_closer(browser: Any, report: Path) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    opened(browser, report, 1000, "light")
    assert ticks(browser)[:2] == ["0 s", "5 s"]
    overview = browser.find_element("css selector", "#overview svg")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", overview)
    wide = overview.size["width"]
    drag = ActionChains(browser).move_to_element_with_offset(overview, -wide // 8, 0)
    drag.click_and_hold().move_by_offset(60, 0).release().perform()
    closer = ticks(browser)
    assert closer != ["0 s", "5 s"] and closer[0] != "0 s"
    overview = browser.find_element("css selector", "#overview svg")
    ActionChains(browser).move_to_element(overview).click().perform()
    assert ticks(browser)[:2] == ["0 s", "5 s"]


def test_a_bar_can_be_reached_with_the_keyboard(browser: Any, report: Path) -> None:
    opened(browser, report, 1000, "dark")
    browser.execute_script("document.querySelectorAll('#bars .bar')[2].focus()")
    assert browser.find_element("id", "hover").text.startswith("mapper 3\n")


def test_all_that_is_largest_is_drawn(browser: Any, report: Path) -> None:
    opened(browser, report, 1000, "light")
    values = browser.find_elements("css selector", "#groups .value")
    assert [one.text for one in values] == [str(number) for number in range(16, 1, -1)]
    heights = browser.find_elements("css selector", "#durations rect.area")
    assert len(heights) == 20
