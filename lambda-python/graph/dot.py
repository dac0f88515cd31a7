"""A trace as a text for Graphviz: `dot -Tsvg job1000.dot`; pure.

Colours tell errors, widths durations: a box is as wide as its invocation was long, an edge as
thick as its call.
"""

from __future__ import annotations

import math

from graph.causes import Edge, Node, Trace

SHAPES = {"invocation": "box", "object": "note", "input": "folder", "outside": "plaintext"}
STYLES = {
    "invoke": "solid",
    "write": "solid",
    "lost": "dotted",
    "event": "dashed",
    "read": "dotted",
}
GOOD, BAD = "#2b5f9e", "#c0392b"


def text(trace: Trace, title: str) -> str:
    """The whole graph."""
    lines = [f"digraph {quoted(title)} {{", "  rankdir=LR;", '  node [fontname="sans-serif"];']
    lines += [f"  {_node(node)};" for node in trace.nodes]
    lines += [f"  {_edge(edge)};" for edge in trace.edges]
    return "\n".join([*lines, "}", ""])


def quoted(value: str) -> str:
    """A string as the language has it: only quotes and backslashes are special."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def width(milliseconds: float, least: float, most: float) -> float:
    """A width for a duration: a tenfold time is as much wider everywhere; 100 s has the most."""
    share = math.log10(1 + max(0.0, milliseconds)) / 5
    return round(least + (most - least) * min(1.0, share), 2)


def _node(node: Node) -> str:
    seconds = f"\n{node.duration / 1000:.3f} s" if node.kind == "invocation" else ""
    more = f", width={width(node.duration, 1, 4)}" if node.kind == "invocation" else ""
    tip = f", tooltip={quoted(node.error)}" if node.error else ""
    color = BAD if node.error else GOOD
    label = quoted(node.label + seconds)
    shape = SHAPES[node.kind]
    return f"{quoted(node.id)} [label={label}, shape={shape}, color={quoted(color)}{more}{tip}]"


def _edge(edge: Edge) -> str:
    color = quoted(BAD if edge.error else GOOD)
    label = quoted(edge.kind if edge.count == 1 else f"{edge.kind} x {edge.count}")
    thick = width(edge.duration, 1, 6)
    ends = f"{quoted(edge.source)} -> {quoted(edge.target)}"
    return f"{ends} [label={label}, style={STYLES[edge.kind]}, color={color}, penwidth={thick}]"
