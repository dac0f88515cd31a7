"""The trace of a job out of records: nodes, edges, and where they stand."""

from __future__ import annotations

from typing import Any

import pytest

from graph import causes, dot
from graph import page as spotpage
from graph.causes import Edge, Node, Trace

ARN = "arn:aws:lambda:us-west-2:123456789012:function:"
FINE = "SpotWrapPython"


def record(function: str, request: str, ts: float, **fields: Any) -> dict[str, Any]:
    return {
        "thisFnARN": f"{ARN}{function}",
        "requestID": request,
        "ts": ts,
        "caller": "unknown",
        "eventSource": "unknown",
        "eventOp": "unknown",
        "message": "unset",
        "duration": 0,
        "error": FINE,
        **fields,
    }


def run(function: str, request: str, start: float, end: float, **told: Any) -> list[dict[str, Any]]:
    error = told.pop("error", FINE)
    ended = {"duration": end - start, "error": error}
    return [
        record(function, f"{request}:entry", start, **told),
        record(function, f"{request}:exit", end, **ended),
    ]


def called(function: str, request: str, ts: float, op: str, what: str, **more: Any):
    source = "aws:lambda" if op == "Invoke" else "aws:s3"
    told = {"eventSource": source, "eventOp": op, "message": f"SW:{what}", "duration": 5}
    return record(function, request, ts, **{**told, **more})


def by(request: str) -> dict[str, str]:
    return {"caller": request, "eventSource": f"aws:CLIInvoke:int:invokeCLI:{ARN}driver"}


def woken(key: str) -> dict[str, str]:
    return {
        "caller": "C3D1:0055",
        "eventSource": "arn:aws:s3:::jobs:ObjectCreated:Put",
        "message": f"jobs:{key}:16:2026-11-23T15:40:08.228Z",
    }


JOB = [
    *run("driver", "d", 0, 100, eventSource="aws:CLIInvoke:ext:invokeCLI"),
    called("driver", "d", 1, "ListObjectsV2", "data:in/"),
    called("driver", "d", 2, "PutObject", "jobs:job1/jobinfo.json"),
    called("driver", "d", 3, "Invoke", "mapper"),
    *run("mapper", "m1", 10, 30, **by("d")),
    called("mapper", "m1", 12, "GetObject", "data:in/part-1"),
    called("mapper", "m1", 13, "GetObject", "data:in/part-2"),
    called("mapper", "m1", 20, "PutObject", "jobs:job1/task/mapper/1"),
    *run("mapper", "m2", 11, 40, **by("d"), error=f"{FINE}:SpotWrap_exception:E: no:status:400"),
    *run("coordinator", "c", 35, 50, **woken("job1/task/mapper/1")),
    called("coordinator", "c", 36, "GetObject", "jobs:job1/jobinfo.json"),
    called("coordinator", "c", 40, "Invoke", "reducer"),
    *run("reducer", "r", 60, 80, **by("c")),
    called("reducer", "r", 61, "GetObject", "jobs:job1/task/mapper/1"),
    called("reducer", "r", 70, "PutObject", "jobs:job1/result"),
]
OTHERS = [
    *run("driver", "d0", 0, 9, eventSource="aws:CLIInvoke:ext:invokeCLI"),
    called("driver", "d0", 1, "PutObject", "jobs:job10/jobinfo.json"),
    *run("coordinator", "c0", 3, 4, **woken("job10/task/mapper/1")),
    called("driver", "d0", 2, "PutObject", "others:job1/jobinfo.json"),
]


@pytest.fixture
def trace() -> Trace:
    return causes.trace(reversed(JOB + OTHERS), "jobs", "job1")


def find(trace: Trace, name: str) -> Node:
    (found,) = [node for node in trace.nodes if node.id == name]
    return found


def edges(trace: Trace) -> set[tuple[str, str, str]]:
    return {(edge.source, edge.target, edge.kind) for edge in trace.edges}


def test_who_caused_whom(trace) -> None:
    bucket = "s3://jobs/job1/"
    assert edges(trace) == {
        ("outside aws:CLIInvoke:ext:invokeCLI", "d", "invoke"),
        ("d", f"{bucket}jobinfo.json", "write"),
        ("d", "m1", "invoke"),
        ("d", "m2", "invoke"),
        ("input s3://data", "m1", "read"),
        ("m1", f"{bucket}task/mapper/1", "write"),
        (f"{bucket}task/mapper/1", "c", "event"),
        (f"{bucket}jobinfo.json", "c", "read"),
        ("c", "r", "invoke"),
        (f"{bucket}task/mapper/1", "r", "read"),
        ("r", f"{bucket}result", "write"),
    }


def test_nothing_of_another_job_or_bucket_is_in_it(trace) -> None:
    assert not {"d0", "c0"} & {node.id for node in trace.nodes}
    assert not any("job10" in node.id or "others" in node.id for node in trace.nodes)


def test_a_function_that_made_no_call_belongs_to_the_job_of_its_caller(trace) -> None:
    assert find(trace, "m2").error == "SpotWrap_exception:E: no:status:400"
    assert [edge.error for edge in trace.edges if edge.target == "m2"] == [True]


def test_an_invocation_has_its_own_time_and_records(trace) -> None:
    mapper = find(trace, "m1")
    assert (mapper.label, mapper.start, mapper.end, mapper.error) == ("mapper 1", 10, 30, "")
    assert [one["requestID"] for one in mapper.records] == ["m1:entry", "m1", "m1", "m1", "m1:exit"]


def test_the_input_is_one_node(trace) -> None:
    (edge,) = [edge for edge in trace.edges if edge.source == "input s3://data"]
    assert edge.count == 2
    assert find(trace, "input s3://data").label == "s3://data/in (2 objects)"


def test_every_cause_stands_before_what_it_caused(trace) -> None:
    ranks = causes.ranks(trace)
    assert set(ranks) == {node.id for node in trace.nodes}
    for edge in trace.edges:
        if edge.kind != "read":
            assert ranks[edge.source] < ranks[edge.target]
    assert (ranks["d"], ranks["m1"], ranks["s3://jobs/job1/result"]) == (1, 2, 6)


def test_a_driver_in_a_terminal_is_drawn_as_not_traced() -> None:
    found = [
        *run("mapper", "m", 1, 2, eventSource="unknown_source:mapper"),
        called("mapper", "m", 1.5, "PutObject", "jobs:job1/task/mapper/1"),
    ]
    trace = causes.trace(found, "jobs", "job1")
    assert ("outside not traced", "m", "invoke") in edges(trace)


def test_a_function_that_was_killed_has_failed() -> None:
    found = [
        record("mapper", "m:entry", 1),
        called("mapper", "m", 2, "PutObject", "jobs:job1/task/mapper/1"),
    ]
    (node,) = [one for one in causes.trace(found, "jobs", "job1").nodes if one.id == "m"]
    assert "no exit record" in node.error
    assert (node.start, node.end) == (1, 7)


def test_keys_with_colons_are_read_whole() -> None:
    found = [
        *run("coordinator", "c", 3, 4, **woken("job1/task:mapper/1:2")),
        *run("mapper", "m", 1, 2),
        called("mapper", "m", 1.5, "PutObject", "jobs:job1/task:mapper/1:2"),
    ]
    trace = causes.trace(found, "jobs", "job1")
    name = "s3://jobs/job1/task:mapper/1:2"
    assert {("m", name, "write"), (name, "c", "event")} <= edges(trace)


def test_an_object_that_wakes_its_own_writer_is_no_endless_circle() -> None:
    found = [
        *run("loop", "a", 1, 2, **woken("job1/x")),
        called("loop", "a", 1.5, "PutObject", "jobs:job1/x"),
    ]
    trace = causes.trace(found, "jobs", "job1")
    assert set(causes.ranks(trace)) == {"a", "s3://jobs/job1/x"}


def test_a_long_chain_is_no_deep_recursion() -> None:
    count = 3000
    nodes = tuple(Node(str(n), "invocation", "f", -n, -n, "", ()) for n in range(count))
    chain = tuple(Edge(str(n), str(n + 1), "invoke", 1, False) for n in range(count - 1))
    assert causes.ranks(Trace(nodes, chain))[str(count - 1)] == count - 1


def test_a_job_nobody_recorded_has_no_nodes() -> None:
    assert causes.trace(JOB, "jobs", "job2") == Trace((), ())


# --------------------------------------------------------------------------- drawings


def test_the_text_for_graphviz_has_all_nodes_and_edges(trace) -> None:
    text = dot.text(trace, 'a "job"\\')
    assert text.startswith('digraph "a \\"job\\"\\\\" {\n')
    for node in trace.nodes:
        assert f'  "{node.id}" [label=' in text
    for edge in trace.edges:
        assert f'  "{edge.source}" -> "{edge.target}" [label="{edge.kind}' in text
    assert text.count(dot.BAD) == 2  # the failed mapper, and the edge that leads to it
    assert text.endswith("}\n")


@pytest.mark.parametrize(
    ("milliseconds", "width"), [(-1, 1), (0, 1), (9, 1.6), (99_999, 4), (1e9, 4)]
)
def test_widths_tell_durations(milliseconds: float, width: float) -> None:
    assert dot.width(milliseconds, 1, 4) == width


def test_the_page_has_every_node_and_no_markup_of_strangers() -> None:
    key = "job1/<script>&"
    found = [*run("mapper", "m", 1, 2), called("mapper", "m", 1.5, "PutObject", f"jobs:{key}")]
    trace = causes.trace(found, "jobs", "job1")
    page = spotpage.page(trace, "<b>")
    assert [node["id"] for node in spotpage.facts(trace)["nodes"]] == [
        one.id for one in trace.nodes
    ]
    assert "job1/<script>" not in page and "<b>" not in page
    assert "{{" not in page


def test_a_record_and_a_text_stand_once(trace) -> None:
    facts = spotpage.facts(trace)
    assert len(facts["records"]) == len(JOB)  # though an object has those of its calls too
    assert len(set(facts["texts"])) == len(facts["texts"])
    mapper = next(node for node in facts["nodes"] if node["id"] == "m1")
    requests = [facts["texts"][facts["records"][number][3]] for number in mapper["records"]]
    assert requests == ["m1:entry", "m1", "m1", "m1", "m1:exit"]


CONFLICT = "ClientError: An error occurred ({}) when calling the PutObject operation: no"


@pytest.mark.parametrize(
    ("code", "kind", "fails"),
    [
        ("PreconditionFailed", "lost", False),
        ("ConditionalRequestConflict", "lost", False),
        ("AccessDenied", "write", True),
    ],
)
def test_a_claim_that_is_lost_is_no_fault(code: str, kind: str, fails: bool) -> None:
    record = "jobs:job1/reducerstate.1"
    problem = f"{FINE}:{CONFLICT.format(code)}"
    found = [
        *run("coordinator", "c1", 1, 9, **woken("job1/task/mapper/1")),
        called("coordinator", "c1", 2, "PutObject", record),
        *run("coordinator", "c2", 3, 9, **woken("job1/task/mapper/2")),
        called("coordinator", "c2", 4, "PutObject", record, error=problem),
    ]
    trace = causes.trace(found, "jobs", "job1")
    name = "s3://jobs/job1/reducerstate.1"
    assert ("c2", name, kind) in edges(trace)
    assert [edge.error for edge in trace.edges if edge.source == "c2"] == [fails]
    node = find(trace, name)
    assert bool(node.error) is fails
    assert node.note == ("" if fails else "lost claims: 1; another was first")
    assert [row[2] for row in spotpage.facts(trace)["records"] if row[2]] == [1 if fails else 2]


@pytest.mark.parametrize(
    ("key", "task", "family"),
    [
        ("job1/task/mapper/3", "mapper 3", "job1/task/mapper/*"),
        ("job1/task/reducer/1/2", "reducer 1/2", "job1/task/reducer/1/*"),
        ("job1/result", "reducer, the last", ""),
        ("job1/error/mapper/3", "mapper 3", ""),
        ("job1/jobinfo.json", "worker", ""),
        ("job1/other/3", "worker", ""),
    ],
)
def test_a_box_is_named_after_its_task(key: str, task: str, family: str) -> None:
    found = [*run("worker", "w", 1, 2), called("worker", "w", 1.5, "PutObject", f"jobs:{key}")]
    trace = causes.trace(found, "jobs", "job1")
    worker = find(trace, "w")
    assert (worker.label, worker.family) == (task, "worker")
    assert find(trace, f"s3://jobs/{key}").family == family


def test_the_summary_counts(trace) -> None:
    assert spotpage.summary(trace) == "5 invocations, 1 failed; 10 calls of AWS; 0.100 s"
