"""Debian's Chromium, driven by selenium: for tests of the pages that are written here.

    from tests.browser import browser  # a pytest fixture

Skipped, with what to install, where there is no Chromium.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

MISSING = (
    "NO BROWSER TEST WAS RUN: {} is missing: "
    "`apt-get install chromium chromium-driver` and `make setup`"
)
SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,1000",
)


def start(profile: Path, *switches: str) -> Any:
    """A headless Chromium with an empty profile, which logs all its requests and messages."""
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ImportError:
        pytest.skip(MISSING.format("selenium"))
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        pytest.skip(MISSING.format("chromium"))
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for switch in (*SWITCHES, f"--user-data-dir={profile}", *switches):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(chromedriver))
    driver.get("about:blank")  # Chromium's own first page makes requests
    for log in ("performance", "browser"):
        driver.get_log(log)
    return driver


@pytest.fixture
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A selenium driver."""
    driver = start(tmp_path_factory.mktemp("chromium"))
    yield driver
    driver.quit()


@pytest.fixture
def start_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Starts browsers with further switches; they end with the test."""
    started: list[Any] = []

    def start_one(*switches: str) -> Any:
        started.append(start(tmp_path_factory.mktemp("chromium"), *switches))
        return started[-1]

    yield start_one
    for driver in started:
        driver.quit()
