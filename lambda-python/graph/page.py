"""The page about a traced job: one HTML file that needs no network.

Its scripts draw the causal graph and the timeline, fold what is alike, and show the records of what
is clicked. The files beside this module are its parts; its Content-Security-Policy allows no
request at all.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from graph.causes import Node, Trace, fault_in, is_lost, ranks
from report.parts import assemble
from spotwrap.recorder import Record

PARTS = Path(__file__).parent
SCRIPTS = ("page.js", "folding.js", "drawings.js")
COLUMNS = (
    "requestID",
    "eventOp",
    "eventSource",
    "message",
    "error",
    "caller",
    "thisFnARN",
    "region",
    "accountID",
    "sourceIP",
    "awsRequestID",
)
"""The texts of a record, in the order in which the page shows them."""


class Records:
    """Records as rows: time and duration in ms, 1 where it failed and 2 where it lost a claim, and
    the numbers of its texts. Each record and each text stands once, since a job of 200 mappers has
    some 3,000 records.
    """

    def __init__(self) -> None:
        self.rows: list[list[float]] = []
        self._numbers: dict[int, int] = {}
        self._texts: dict[str, int] = {}

    @property
    def texts(self) -> list[str]:
        return list(self._texts)

    def number(self, record: Record) -> int:
        """The number of a record's row."""
        if id(record) not in self._numbers:
            self._numbers[id(record)] = len(self.rows)
            self.rows.append(self._row(record))
        return self._numbers[id(record)]

    def _row(self, record: Record) -> list[float]:
        state = 2 if is_lost(record) else int(bool(fault_in(record)))
        cells = [str(record.get(name, "")) for name in COLUMNS]
        numbers = [self._texts.setdefault(text, len(self._texts)) for text in cells]
        return [float(record["ts"]), float(record["duration"]), state, *numbers]


def page(trace: Trace, title: str) -> str:
    """The whole page; pure but for the reading of its parts."""
    return assemble(PARTS, SCRIPTS, facts(trace), {"title": title, "summary": summary(trace)})


def summary(trace: Trace) -> str:
    """The trace in numbers."""
    runs = [node for node in trace.nodes if node.kind == "invocation"]
    calls = sum(record["requestID"] == node.id for node in runs for record in node.records)
    seconds = (max(node.end for node in runs) - min(node.start for node in runs)) / 1000
    failed = sum(bool(node.error) for node in runs)
    return f"{len(runs)} invocations, {failed} failed; {calls} calls of AWS; {seconds:.3f} s"


def facts(trace: Trace) -> dict[str, Any]:
    """What the scripts draw: nodes, edges between their numbers (from, to, kind, ms, whether it
    failed, how many), and records.
    """
    rank = ranks(trace)
    records = Records()
    nodes = [{**node_facts(node, records), "rank": rank[node.id]} for node in trace.nodes]
    numbers = {node.id: number for number, node in enumerate(trace.nodes)}
    return {
        "nodes": nodes,
        "edges": [
            [
                numbers[edge.source],
                numbers[edge.target],
                edge.kind,
                edge.duration,
                edge.error,
                edge.count,
            ]
            for edge in trace.edges
        ],
        "columns": COLUMNS,
        "records": records.rows,
        "texts": records.texts,
    }


def node_facts(node: Node, records: Records) -> dict[str, Any]:
    """A node as the scripts take it, its records by number; times in ms. What is empty is left
    out.
    """
    told = {
        "id": node.id,
        "kind": node.kind,
        "label": node.label,
        "family": node.family,
        "start": node.start,
        "end": node.end,
        "error": node.error,
        "note": node.note,
        "records": [records.number(record) for record in node.records],
    }
    return {name: value for name, value in told.items() if value != ""}
