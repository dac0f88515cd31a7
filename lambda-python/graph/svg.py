"""A trace as two drawings, in SVG: the causal graph and the timeline; pure.

Every drawn node carries its number in `data-node`, by which the page's script finds its records.
Colours are classes of the page's style; widths tell durations.
"""

from __future__ import annotations

import html
import itertools
import statistics
from collections import defaultdict
from collections.abc import Iterator

from graph.causes import Edge, Node, Trace, ranks
from graph.dot import width
from spotwrap.recorder import problem_in

COLUMN, ROW = 250, 34
HEIGHT = 24
MARGIN = 20
LABEL = 190
TIMELINE = 900
BAR_ROW = 20
MOST_LINES = 12
"""How many lines the timeline's axis has, beside the first."""

LETTER = 6.4
"""How wide a letter of a label is drawn, about."""

Place = tuple[float, float, float]
"""Left edge, top edge and width."""


def graph(trace: Trace) -> str:
    """The causal graph, from left to right."""
    places = layout(trace)
    numbers = {node.id: number for number, node in enumerate(trace.nodes)}
    across = max((left + wide for left, _, wide in places.values()), default=0) + MARGIN
    down = max((top for _, top, _ in places.values()), default=0) + ROW + MARGIN
    lines = [_svg("causal graph", across, down)]
    # Reads first: what caused what is drawn over them.
    for edge in sorted(trace.edges, key=lambda edge: edge.kind != "read"):
        lines.append(_edge(edge, places, numbers))
    for node in trace.nodes:
        lines.append(_graph_node(node, places[node.id], numbers[node.id]))
    return "\n".join([*lines, "</svg>"])


def layout(trace: Trace) -> dict[str, Place]:
    """Where each node stands: a column for each rank, near the middle of its causes."""
    columns_of = ranks(trace)
    causes: defaultdict[str, list[str]] = defaultdict(list)
    for edge in trace.edges:
        causes[edge.target].append(edge.source)
    columns: defaultdict[int, list[Node]] = defaultdict(list)
    for node in trace.nodes:
        columns[columns_of[node.id]].append(node)
    places: dict[str, Place] = {}
    for rank, column in sorted(columns.items()):
        wishes = {
            node.id: statistics.mean(
                [places[cause][1] for cause in causes[node.id] if cause in places] or [0.0]
            )
            for node in column
        }
        for row, node in enumerate(sorted(column, key=lambda node: wishes[node.id])):
            places[node.id] = (
                MARGIN + rank * COLUMN,
                MARGIN + row * ROW,
                _node_width(node),
            )
    return places


def _node_width(node: Node) -> float:
    return width(node.duration, 110, 190) if node.kind == "invocation" else 160


def _svg(title: str, across: float, down: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{across:.0f}" height="{down:.0f}" '
        f'viewBox="0 0 {across:.0f} {down:.0f}" role="group" aria-label="{title}">'
    )


def _edge(edge: Edge, places: dict[str, Place], numbers: dict[str, int]) -> str:
    left, top, wide = places[edge.source]
    right, bottom, _ = places[edge.target]
    x1, y1, x2, y2 = left + wide, top + HEIGHT / 2, right, bottom + HEIGHT / 2
    bend = max(40.0, abs(x2 - x1) / 2)
    classes = f"edge {edge.kind}{' failed' if edge.error else ''}"
    what = f"{edge.kind}{f' x {edge.count}' if edge.count > 1 else ''}, {edge.duration:.0f} ms"
    return (
        f'<path class="{classes}" data-from="{numbers[edge.source]}" '
        f'data-to="{numbers[edge.target]}" stroke-width="{width(edge.duration, 1, 6)}" '
        f'd="M{x1:.0f},{y1:.0f} C{x1 + bend:.0f},{y1:.0f} {x2 - bend:.0f},{y2:.0f} '
        f'{x2:.0f},{y2:.0f}"><title>{what}</title></path>'
    )


def _graph_node(node: Node, place: Place, number: int) -> str:
    left, top, wide = place
    round_ = 3 if node.kind == "invocation" else HEIGHT / 2
    return (
        _group(node, number)
        + f'<rect x="{left:.0f}" y="{top:.0f}" width="{wide:.0f}" height="{HEIGHT}" rx="{round_}"/>'
        + f'<text x="{left + 8:.0f}" y="{top + 16:.0f}">'
        + f"{label(node, wide - 16)}</text></g>"
    )


def _group(node: Node, number: int) -> str:
    classes = f"node {node.kind}{' failed' if node.error else ''}"
    name = html.escape(title(node))
    return (
        f'<g class="{classes}" data-node="{number}" tabindex="0" role="button" '
        f'aria-label="{name}"><title>{name}</title>'
    )


def title(node: Node) -> str:
    """A node in a line."""
    if node.kind != "invocation":
        return node.label
    error = f": {node.error}" if node.error else ""
    return f"{node.label}, {node.duration:.0f} ms{error}"


def label(node: Node, wide: float) -> str:
    """A node's label, shortened to fit: objects differ at their end, functions from the start."""
    letters, text = int(wide / LETTER), node.label
    if len(text) > letters:
        is_run = node.kind == "invocation"
        text = f"{text[: letters - 1]}…" if is_run else f"…{text[1 - letters :]}"
    return html.escape(text)


# --------------------------------------------------------------------------- the timeline


def timeline(trace: Trace) -> str:
    """A bar for each invocation, its calls on it, over the seconds since the first."""
    rows = [(number, node) for number, node in enumerate(trace.nodes) if node.kind == "invocation"]
    first = min((node.start for _, node in rows), default=0.0)
    length = max((node.end for _, node in rows), default=1.0) - first
    scale = TIMELINE / max(1.0, length)
    down = MARGIN + len(rows) * BAR_ROW
    lines = [_svg("timeline", LABEL + TIMELINE + 3 * MARGIN, down + MARGIN)]
    lines += _axis(length / 1000, scale * 1000, down)
    for row, (number, node) in enumerate(rows):
        lines.append(_bar(node, number, MARGIN + row * BAR_ROW, first, scale))
    return "\n".join([*lines, "</svg>"])


def _axis(seconds: float, pixels: float, down: float) -> Iterator[str]:
    """Lines at round seconds; `pixels` are those of one second."""
    step = next(step for step in _steps() if seconds / step <= MOST_LINES)
    for number in range(int(seconds / step) + 1):
        x = LABEL + number * step * pixels
        yield f'<line class="axis" x1="{x:.1f}" y1="{MARGIN - 4}" x2="{x:.1f}" y2="{down}"/>'
        yield f'<text class="axis" x="{x:.1f}" y="{MARGIN - 6}">{number * step:g} s</text>'


def _steps() -> Iterator[float]:
    """Seconds from line to line, ever longer: however long a job was, there is one that fits."""
    yield from (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 120, 300)
    yield from (600 * 2.0**number for number in itertools.count())


def _bar(node: Node, number: int, top: float, first: float, scale: float) -> str:
    left = LABEL + (node.start - first) * scale
    wide = max(2.0, node.duration * scale)
    parts = [
        _group(node, number),
        # The whole row can be clicked, however short the bar.
        f'<rect class="row" x="0" y="{top - 2:.0f}" width="{LABEL + TIMELINE + 3 * MARGIN}" '
        f'height="{BAR_ROW}"/>',
        f'<text x="{LABEL - 8}" y="{top + 13:.0f}" text-anchor="end">'
        f"{label(node, LABEL - 16)}</text>",
        f'<rect x="{left:.1f}" y="{top:.0f}" width="{wide:.1f}" height="{BAR_ROW - 5}" rx="2"/>',
    ]
    for record in node.records:
        if record["requestID"] == node.id:
            x = LABEL + (float(record["ts"]) - first) * scale
            long = max(1.0, float(record["duration"]) * scale)
            failed = " failed" if problem_in(record) else ""
            parts.append(
                f'<rect class="call{failed}" x="{x:.1f}" y="{top + 5:.0f}" width="{long:.1f}" '
                f'height="{BAR_ROW - 15}"/>'
            )
    return "".join([*parts, "</g>"])
