"""What a job used is kept once: every view shows the same, whatever becomes of its logs."""

from __future__ import annotations

import json

import pytest

from errors import BadRecord
from running.costs import FunctionUsage, Prices, S3Usage, total
from tests.driven import DrivenWorld, driver
from tests.model import BUCKET, S3
from views.frozen import Frozen, read
from views.summary import read_summary

MADE = Frozen(
    "run-0",
    1_000_000.5,
    7,
    1,
    (FunctionUsage("mapper", "m", 2, 1.5, 512, "arm64", "as billed", 1, 0.25),),
    S3Usage(10, 20),
    Prices(),
)


class Logs:
    """boto3's logs client, of one log group after the other; `lost` after a deletion."""

    def __init__(self, lines: dict[str, list[str]]) -> None:
        self.lines = lines

    def get_paginator(self, operation: str) -> Logs:
        return self

    def paginate(self, logGroupName: str, startTime: int):  # noqa: N803 - boto3's names
        found = self.lines.get(logGroupName.rpartition("/")[2], [])
        events = [
            {"message": text, "timestamp": startTime + number, "logStreamName": "s"}
            for number, text in enumerate(found)
        ]
        yield {"events": events}


def reported(run_id: str, task: str, milliseconds: int) -> list[str]:
    request = task.replace(" ", "-")
    return [
        f"START RequestId: {request} Version: $LATEST",
        f"run {run_id} of job job1: {task} reads 1 object",
        f"REPORT RequestId: {request}\tDuration: 9.00 ms\tBilled Duration: {milliseconds} ms\t"
        "Memory Size: 512 MB\tMax Memory Used: 90 MB",
    ]


def done() -> tuple[DrivenWorld, object]:
    """A job that is done, and the clients of whoever looks at it."""
    made = DrivenWorld(2)
    made.drive(full_async=True).finish()
    made.settle()
    run_id = made.current.run_id
    lines = {
        "mapper": [one for n in (1, 2) for one in reported(run_id, f"mapper {n}", 1000 * n)],
        "reducer": reported(run_id, "step 1 reducer 1", 500),
        "coordinator": reported(run_id, "coordinator", 100),
    }
    clients = driver(made)
    clients.logs = Logs(lines)
    return made, clients


def test_every_view_shows_the_same_also_once_the_logs_are_gone() -> None:
    made, clients = done()
    first = read_summary(clients, BUCKET, "job1")
    used = {one.role: one for one in first.functions}
    assert (used["mapper"].calls, used["mapper"].seconds, used["mapper"].memory) == (2, 3.0, 512)
    assert used["mapper"].note == "as billed"
    assert used["coordinator"].note == "1 of 3 calls as billed"
    clients.logs.lines.clear()
    made.now += 1e6
    again = read_summary(clients, BUCKET, "job1")
    assert (again.functions, again.items, again.as_of) == (
        first.functions,
        first.items,
        first.as_of,
    )
    other = read_summary(clients, BUCKET, "job1", Prices(million_calls=1e6))
    assert total(other.items) > total(first.items)


def test_logs_that_are_not_there_yet_are_waited_for_but_not_for_long() -> None:
    made, clients = done()
    kept, clients.logs.lines = clients.logs.lines, {}
    slept = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        made.now += seconds
        if len(slept) == 2:
            clients.logs.lines = kept

    clients.sleep = sleep
    assert "as billed" in read_summary(clients, BUCKET, "job1").functions[0].note
    made, clients = done()
    clients.logs.lines, slept = {}, []
    clients.sleep = lambda seconds: slept.append(seconds) or setattr(
        made, "now", made.now + seconds
    )
    assert read_summary(clients, BUCKET, "job1").functions[0].note == "measured by itself"
    assert sum(slept) < 30


def test_what_is_kept_comes_back_as_it_was() -> None:
    value = json.loads(json.dumps(MADE.to_json()))
    assert Frozen.from_json(value, "there") == MADE


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"functions": 3}, "functions is no list"),
        ({"functions": [{"role": "mapper"}]}, "architecture is missing"),
        ({"asOf": 1e15}, "asOf is"),
        ({"prices": {"gb_second": 3}}, "not a price by architecture"),
        ({"prices": {"gb_second": {"arm64": -1}}}, "not a price in dollars"),
        ({"s3": {"writes": True, "reads": 1}}, "writes is True"),
        ({"rows": "many"}, "rows is 'many'"),
    ],
)
def test_a_record_that_is_none_is_refused(change: dict, error: str) -> None:
    with pytest.raises(BadRecord, match=error):
        Frozen.from_json({**MADE.to_json(), **change}, "there")


def test_what_an_earlier_run_kept_is_as_if_missing() -> None:
    made, _ = done()
    body = json.dumps(MADE.to_json()).encode()
    made.bucket.write(made.keys.summary, body, {})
    assert read(S3(made), made.current) is None
