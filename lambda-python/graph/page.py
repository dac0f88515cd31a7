"""The page about a traced job: one HTML file that needs no network.

In: a trace. Out: the page, with the causal graph, the timeline and, for a node that is clicked,
its records. `page.html`, `page.css` and `page.js` beside this module are its parts; its
Content-Security-Policy allows no request at all.
"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

from graph import svg
from graph.causes import Trace

PARTS = Path(__file__).parent


def page(trace: Trace, title: str) -> str:
    """The whole page; pure but for the reading of its parts."""
    parts = {
        "title": html.escape(title),
        "summary": html.escape(summary(trace)),
        "style": (PARTS / "page.css").read_text(encoding="utf-8"),
        "graph": svg.graph(trace),
        "timeline": svg.timeline(trace),
        # Inside a script element only "<" could end it.
        "data": json.dumps(facts(trace)).replace("<", "\\u003c"),
        "script": (PARTS / "page.js").read_text(encoding="utf-8"),
    }
    frame = (PARTS / "page.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], frame)


def summary(trace: Trace) -> str:
    """The trace in numbers."""
    runs = [node for node in trace.nodes if node.kind == "invocation"]
    calls = sum(record["requestID"] == node.id for node in runs for record in node.records)
    seconds = (max(node.end for node in runs) - min(node.start for node in runs)) / 1000
    failed = sum(bool(node.error) for node in runs)
    return f"{len(runs)} invocations, {failed} failed; {calls} calls of AWS; {seconds:.3f} s"


def facts(trace: Trace) -> list[dict[str, Any]]:
    """What the script shows of a node when it is clicked."""
    return [
        {
            "title": svg.title(node),
            "id": node.id,
            "kind": node.kind,
            "error": node.error,
            "records": [
                {
                    name: value if isinstance(value, str | int | float) else str(value)
                    for name, value in record.items()
                }
                for record in node.records
            ],
        }
        for node in trace.nodes
    ]
