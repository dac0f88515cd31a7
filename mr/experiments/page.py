"""The page about an experiment: one HTML file that needs no network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.summing import Figures
from experiments.table import Row
from report.parts import assemble

PARTS = Path(__file__).parent
SCRIPTS = ("page.js",)


def page(name: str, rows: Sequence[Row], found: Sequence[Figures]) -> str:
    """The whole page; pure but for the reading of its parts."""
    return assemble(PARTS, SCRIPTS, facts(rows, found), {"title": f"Experiment {name}"})


def facts(rows: Sequence[Row], found: Sequence[Figures]) -> list[dict[str, Any]]:
    """What the script draws: the settings, by their median time, with each of their runs; pure."""
    return [
        {
            "name": one.combination.words(),
            "seconds": one.to_json()["seconds"],
            "dollars": one.to_json()["dollars"],
            "runs": [
                {"seconds": row.seconds, "dollars": row.dollars, "run": row.run}
                for row in rows
                if row.combination == one.combination
            ],
        }
        for one in sorted(found, key=lambda one: one.seconds.median)
    ]


def as_json(found: Sequence[Figures]) -> str:
    """`{"settings": [{"combination", "runs", "seconds", "dollars"}]}`, each of the last two with
    "median", "low" and "high".
    """
    return json.dumps({"settings": [one.to_json() for one in found]})
