"""What caused what in a job, out of SpotWrap's records; all of it pure.

In: the records of a table. Out: a `Trace` of nodes and edges. Nodes are invocations, the objects
they read and wrote, and what called from outside; the job's input is one node for each bucket.
Edges are an invocation of a function, a write of an object, the event that a written object sends,
and a read; and a conditional write that came second, which changes nothing: a claim that was lost.
"""

from __future__ import annotations

import dataclasses
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from spotwrap.recorder import Record, object_in, problem_in
from spotwrap.records import ENTRY, EXIT, UNKNOWN, function_name, request_of, woken_by
from state.keys import parse_key

WRITES = ("PutObject", "CopyObject", "CompleteMultipartUpload")
READS = ("GetObject",)
LOST = ("(PreconditionFailed)", "(ConditionalRequestConflict)")
"""What S3 says to a conditional write when another was there first."""

NO_CAUSES = ("read", "lost")
"""Kinds of edges that caused nothing."""

_UNKNOWN_SOURCE = "unknown_source:"


@dataclasses.dataclass(frozen=True)
class Node:
    """`kind` is "invocation", "object", "input" or "outside"; times in ms since the epoch.

    `start` and `end` are those of an invocation, and of the first and last record otherwise.
    `family` is what it has in common with others like it, "" where there are none; `note` is worth
    knowing and no error.
    """

    id: str
    kind: str
    label: str
    start: float
    end: float
    error: str
    records: tuple[Record, ...]
    family: str = ""
    note: str = ""

    @property
    def duration(self) -> float:
        """In ms."""
        return self.end - self.start


@dataclasses.dataclass(frozen=True)
class Edge:
    """Who caused whom. `kind` is "invoke", "write", "lost", "event" or "read"; `duration` in ms,
    the longest of `count` calls.
    """

    source: str
    target: str
    kind: str
    duration: float
    error: bool
    count: int = 1


@dataclasses.dataclass(frozen=True)
class Trace:
    """Nodes in the order in which they began, and the edges between them."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


@dataclasses.dataclass(frozen=True)
class Invocation:
    """The records of one request: its own, and those of its calls, in order of time."""

    request: str
    records: tuple[Record, ...]

    @property
    def entry(self) -> Record:
        """The first entry record; where it is missing, the first record there is."""
        return next(
            (one for one in self.records if one["requestID"].endswith(ENTRY)),
            self.records[0],
        )

    @property
    def calls(self) -> list[Record]:
        return [one for one in self.records if one["requestID"] == self.request]

    @property
    def caller(self) -> str:
        """The request that invoked it, or whatever else its entry names."""
        return self.entry.get("caller", UNKNOWN)

    @property
    def error(self) -> str:
        """The error of its end; that of a call it survived does not count."""
        ends = [one for one in self.records if one["requestID"].endswith(EXIT)]
        if not ends:
            return "no exit record: it was killed, or its time ran out"
        return problem_in(ends[-1])

    @property
    def woken_by(self) -> tuple[str, str] | None:
        """Bucket and key of the object whose event woke it."""
        return woken_by(self.entry)


def invocations(records: Iterable[Record]) -> dict[str, Invocation]:
    """Records by the request they belong to."""
    grouped: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records:
        grouped[request_of(record)].append(record)
    return {
        request: Invocation(request, tuple(sorted(found, key=lambda one: float(one["ts"]))))
        for request, found in grouped.items()
    }


def of_job(found: Mapping[str, Invocation], bucket: str, job_id: str) -> list[Invocation]:
    """The invocations that had to do with a job's objects, their callers and their callees."""

    def is_of_job(place: tuple[str, str] | None) -> bool:
        return place is not None and place[0] == bucket and place[1].startswith(f"{job_id}/")

    wanted = {
        request
        for request, one in found.items()
        if is_of_job(one.woken_by) or any(is_of_job(object_in(call)) for call in one.calls)
    }
    size = -1
    while size != len(wanted):
        size = len(wanted)
        wanted |= {found[name].caller for name in wanted if found[name].caller in found}
        wanted |= {name for name, one in found.items() if one.caller in wanted}
    return sorted((found[name] for name in wanted), key=lambda one: float(one.records[0]["ts"]))


# --------------------------------------------------------------------------- the graph


def trace(records: Iterable[Record], bucket: str, job_id: str) -> Trace:
    """The trace of a job: `bucket` is its job bucket. It has no nodes where nothing is known."""
    selected = of_job(invocations(records), bucket, job_id)
    graph = _Graph(selected)
    for one in selected:
        graph.add(one)
    nodes = sorted(graph.nodes(), key=lambda node: (node.start, node.id))
    return Trace(tuple(nodes), tuple(graph.edges()))


class _Graph:
    """Collects the nodes and edges of some invocations."""

    def __init__(self, selected: Sequence[Invocation]) -> None:
        self._known = {one.request for one in selected}
        self._invocations = selected
        self._touched: defaultdict[tuple[str, str], list[Record]] = defaultdict(list)
        self._outside: defaultdict[str, list[Record]] = defaultdict(list)
        self._edges: dict[tuple[str, str, str], Edge] = {}
        written = {
            object_in(call) for one in selected for call in one.calls if call["eventOp"] in WRITES
        }
        woken = {one.woken_by for one in selected}
        self._made = written | woken

    def add(self, one: Invocation) -> None:
        """Add what caused an invocation, what it wrote and what it read."""
        length = node_of(one).duration
        if one.woken_by:
            self._touched[one.woken_by].append(one.entry)
            self._join(self._object(one.woken_by), one.request, "event", length, False)
        elif one.caller in self._known:
            self._join(one.caller, one.request, "invoke", length, bool(one.error))
        else:
            source = one.entry.get("eventSource", UNKNOWN)
            name = "not traced" if source.startswith(_UNKNOWN_SOURCE) else source
            self._outside[name].append(one.entry)
            self._join(f"outside {name}", one.request, "invoke", length, bool(one.error))
        for call in one.calls:
            place = object_in(call)
            if place and call["eventOp"] in (*WRITES, *READS):
                self._add_call(one.request, place, call)

    def _add_call(self, request: str, place: tuple[str, str], call: Record) -> None:
        self._touched[place].append(call)
        ends = (request, self._object(place))
        kind = kind_of(call)
        source, target = ends[::-1] if kind == "read" else ends
        self._join(source, target, kind, float(call["duration"]), bool(fault_in(call)))

    def _object(self, place: tuple[str, str]) -> str:
        """The node of an object; input objects, which nobody here wrote, share one."""
        bucket, key = place
        return f"s3://{bucket}/{key}" if self._is_own(place) else f"input s3://{bucket}"

    def _is_own(self, place: tuple[str, str]) -> bool:
        return place in self._made or any(
            made is not None and made[0] == place[0] for made in self._made
        )

    def _join(self, source: str, target: str, kind: str, duration: float, error: bool) -> None:
        before = self._edges.get((source, target, kind))
        self._edges[source, target, kind] = Edge(
            source,
            target,
            kind,
            max(duration, before.duration if before else 0),
            error or (before is not None and before.error),
            1 + (before.count if before else 0),
        )

    def edges(self) -> Iterable[Edge]:
        return self._edges.values()

    def nodes(self) -> Iterable[Node]:
        yield from map(node_of, self._invocations)
        by_node: defaultdict[str, list[Record]] = defaultdict(list)
        keys: defaultdict[str, set[str]] = defaultdict(set)
        for place, records in self._touched.items():
            by_node[self._object(place)] += records
            keys[self._object(place)].add(place[1])
        for name, records in by_node.items():
            if name.startswith("input "):
                folder = os.path.commonprefix(sorted(keys[name])).rpartition("/")[0]
                label = f"{name.removeprefix('input ')}/{folder} ({len(keys[name])} objects)"
                yield _node(name, "input", label, records)
            else:
                key = name.partition("//")[2].partition("/")[2]
                yield _node(name, "object", key, records, family_of(key))
        for source, records in self._outside.items():
            yield _node(f"outside {source}", "outside", source, records)


def node_of(one: Invocation) -> Node:
    """The node of an invocation, named after the task that it did, where its writes tell."""
    start = float(one.records[0]["ts"])
    end = max(float(call["ts"]) + float(call["duration"]) for call in one.calls or one.records[:1])
    last = one.records[-1]
    if last["requestID"].endswith(EXIT):
        end = max(start + float(last["duration"]), float(last["ts"]))
    name = function_name(one.entry["thisFnARN"])
    label = next(filter(None, map(task_in, one.calls)), name)
    ends = (start, max(start, end))
    return Node(one.request, "invocation", label, *ends, one.error, one.records, name)


def _node(name: str, kind: str, label: str, records: Sequence[Record], family: str = "") -> Node:
    ordered = sorted(records, key=lambda one: float(one["ts"]))
    times = [float(one["ts"]) for one in ordered]
    faults = filter(None, map(fault_in, ordered)) if kind == "object" else ()
    lost = sum(map(is_lost, ordered))
    note = f"lost claims: {lost}; another was first" if lost else ""
    return Node(
        name, kind, label, times[0], times[-1], "; ".join(faults), tuple(ordered), family, note
    )


def task_in(call: Record) -> str:
    """The task whose output, or failure, a call wrote: "mapper 3", "reducer 1/2"; else ""."""
    place = object_in(call) if call["eventOp"] in WRITES else None
    key = parse_key(place[1]) if place else None
    if key is None:
        return ""
    if key.kind == "error":
        return key.name.replace("/", " ", 1)
    if key.kind == "result":
        return "reducer, the last"
    if key.kind == "output":
        return f"reducer {key.step}/{key.number}" if key.step else f"mapper {key.number}"
    return ""


def family_of(name: str) -> str:
    """What the key of a task's output has in common with those of its step; "" for other keys."""
    key = parse_key(name)
    return f"{name.rpartition('/')[0]}/*" if key is not None and key.kind == "output" else ""


def is_lost(record: Record) -> bool:
    """Whether it is a conditional write that came second: no fault, the other one counts."""
    problem = problem_in(record)
    return record["eventOp"] in WRITES and any(code in problem for code in LOST)


def fault_in(record: Record) -> str:
    """What went wrong with a call; "" also where it lost a claim."""
    return "" if is_lost(record) else problem_in(record)


def kind_of(call: Record) -> str:
    """The kind of edge that a call of an object is."""
    if call["eventOp"] not in WRITES:
        return "read"
    return "lost" if is_lost(call) else "write"


# --------------------------------------------------------------------------- where a node stands


def ranks(trace: Trace) -> dict[str, int]:
    """How many causes in a row a node has before it. Reads and lost claims are no causes.

    Edges that lead back in time, as of an object that is written again, do not count.
    """
    order = {node.id: number for number, node in enumerate(trace.nodes)}
    causes: defaultdict[str, list[str]] = defaultdict(list)
    for edge in trace.edges:
        if edge.kind not in NO_CAUSES:
            causes[edge.target].append(edge.source)
    found: dict[str, int] = {}
    for name in _causes_first(order, causes):
        before = [found[cause] for cause in causes[name] if cause in found]
        found[name] = 1 + max(before, default=-1)
    return found


def _causes_first(order: Mapping[str, int], causes: Mapping[str, list[str]]) -> list[str]:
    """All nodes, each after its causes; in a circle, the earliest first."""
    done: dict[str, None] = {}
    for first in sorted(order, key=order.__getitem__):
        waiting = [(first, False)]
        entered = set()
        while waiting:
            name, is_ready = waiting.pop()
            if is_ready:
                done.setdefault(name)
            elif name not in done and name not in entered:
                entered.add(name)
                waiting.append((name, True))
                waiting += [(cause, False) for cause in causes.get(name, ()) if cause in order]
    return list(done)
