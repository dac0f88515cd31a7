"""What the sections of the page share: their form, the input files, the embedded AWS."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any

from cloud import Cloud
from measure import Runs, faster, median, peak

from local import uservisits as generator
from local.emulator import Emulator

TITLES = {
    "original_kernel": "the original's loop",
    "uservisits": "**uservisits** (standard library)",
    "uservisits_polars": "**uservisits_polars**",
    "mawk": "mawk",
    "duckdb": "DuckDB",
    "polars": "Polars",
    "pyarrow": "PyArrow",
    "original": "the original's way",
    "ours": "**this project**",
    "without_order": "this project, pairs as they come",
    "before": "this project, earlier",
    "ours_polars": "**this project, Polars**",
    "ours_orjson": "**this project, orjson**",
    "spark": "PySpark, local[2]",
    "lithops": "Lithops, localhost",
    "mrjob": "mrjob, local runner",
}


@dataclasses.dataclass
class Section:
    """A heading, a text, a table (its first row are the headings), and a plot's series; `how` its
    numbers were had.
    """

    name: str
    title: str
    text: str
    rows: list[list[str]]
    plot: dict[str, Any] = dataclasses.field(default_factory=dict)
    missing: dict[str, str] = dataclasses.field(default_factory=dict)
    how: str = "Measured"


class Bench:
    """What the sections share: sizes, input files, and the embedded AWS; `before` is a checkout of
    an earlier version.
    """

    def __init__(
        self, emulator: Emulator, folder: Path, quick: bool, before: Path | None = None
    ) -> None:
        self.quick = quick
        self.before = before
        self.rounds = 2 if quick else 5
        self.folder = folder
        self.emulator = emulator
        self.rates: dict[str, float] = {}

    @functools.cached_property
    def cloud(self) -> Cloud:
        made = Cloud(self.emulator, self.folder)
        made.deploy()
        return made

    @functools.cached_property
    def size(self) -> int:
        return 10_000_000 if self.quick else 200_000_000

    @functools.cached_property
    def file(self) -> Path:
        """One object of `size` bytes."""
        path = self.folder / "one"
        with path.open("wb") as file:
            for block in generator.generate(1, 0, self.size):
                file.write(block)
        return path

    def files(self, name: str, count: int, size: int) -> Path:
        """A folder of `count` objects of `size` bytes."""
        folder = self.folder / name
        if not folder.exists():
            for _ in generator.write_folder(folder, count, size):
                pass
        return folder


def megabytes(size: float) -> str:
    return f"{size / 1e6:,.0f} MB"


def comparison(runs: Runs, base: str, size: int) -> list[list[str]]:
    rows = [["", "seconds (median)", "MB/s", f"x {TITLES[base].strip('*')}", "peak memory"]]
    for name, found in runs.items():
        seconds = median(found)
        memory = megabytes(peak(found) * 1e6) if peak(found) else ""
        rate = f"{size / 1e6 / seconds:,.0f}"
        times = "1.00" if name == base else faster(runs[base], found)
        rows.append([TITLES[name], f"{seconds:.2f}", rate, times, memory])
    return rows
