"""Records on their way into the table: in batches, tried again, and given up without a word too
many."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from spotwrap import table as spottable
from spotwrap.table import SpotTable

KEYS = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}


def make_records(count: int) -> list[dict[str, Any]]:
    return [{"requestID": f"r{number}", "ts": number} for number in range(count)]


def requests(records: list[dict[str, Any]]) -> dict[str, Any]:
    items = [{"PutRequest": {"Item": spottable.item(record)}} for record in records]
    return {"spotFns": items}


class Clock:
    """Time passes only while one sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def dynamodb() -> Any:
    client = boto3.client("dynamodb", region_name="us-west-2", **KEYS)
    with Stubber(client) as stub:
        client.stub = stub
        yield client


@pytest.fixture
def table(dynamodb) -> SpotTable:
    clock = Clock()
    return SpotTable(dynamodb, "spotFns", sleep=clock.sleep, clock=clock)


def test_a_record_in_dynamodbs_own_form() -> None:
    record = {"requestID": "r", "ts": Decimal("1795448402605.001"), "duration": 7}
    assert spottable.item(record) == {
        "requestID": {"S": "r"},
        "ts": {"N": "1795448402605.001"},
        "duration": {"N": "7"},
    }


def test_no_records_are_no_request(table) -> None:
    assert table.write([], 5) == 0


def test_up_to_25_records_are_one_request(dynamodb, table) -> None:
    records = make_records(25)
    dynamodb.stub.add_response("batch_write_item", {}, {"RequestItems": requests(records)})
    assert table.write(records, 5) == 0
    dynamodb.stub.assert_no_pending_responses()


def test_what_is_left_of_a_batch_is_written_again(dynamodb, table, capfd) -> None:
    records = make_records(3)
    for sent, left in ((records, records[1:]), (records[1:], records[2:]), (records[2:], [])):
        answer = {"UnprocessedItems": requests(left) if left else {}}
        dynamodb.stub.add_response("batch_write_item", answer, {"RequestItems": requests(sent)})
    assert table.write(records, 5) == 0
    dynamodb.stub.assert_no_pending_responses()
    assert capfd.readouterr().err == ""


def test_a_table_that_takes_nothing_is_given_up_in_time(dynamodb, table, capfd) -> None:
    records = make_records(2)
    answer = {"UnprocessedItems": requests(records)}
    for _ in range(20):
        dynamodb.stub.add_response("batch_write_item", answer, {"RequestItems": requests(records)})
    assert table.write(records, 5) == 2
    assert 5 <= table._clock() < 12
    told = "SpotWrap: 2 records were not written to spotFns: no time was left\n"
    assert capfd.readouterr().err == told


@pytest.mark.parametrize("seconds", [0, -3])
def test_without_time_nothing_is_tried(table, seconds: float) -> None:
    assert table.write(make_records(2), seconds) == 2


@pytest.mark.parametrize(
    "code", ["ResourceNotFoundException", "AccessDeniedException", "ValidationException"]
)
def test_an_error_of_the_table_is_one_line_in_the_log(dynamodb, table, capfd, code: str) -> None:
    dynamodb.stub.add_client_error("batch_write_item", code, "for a reason")
    assert table.write(make_records(2), 5) == 2
    told = capfd.readouterr().err
    assert told.startswith("SpotWrap: 2 records were not written to spotFns: ")
    assert code in told and told.count("\n") == 1


def test_a_table_out_of_reach_is_left_alone_for_a_minute() -> None:
    class Unreachable:
        asked = 0

        def batch_write_item(self, **arguments: Any) -> Any:
            self.asked += 1
            raise EndpointConnectionError(endpoint_url="https://dynamodb")

    client, clock = Unreachable(), Clock()
    table = SpotTable(client, "spotFns", sleep=clock.sleep, clock=clock)
    assert [table.write(make_records(2), 5) for _ in range(3)] == [2, 2, 2]
    assert client.asked == 1
    clock.sleep(spottable.REST_SECONDS)
    table.write(make_records(2), 5)
    assert client.asked == 2


def test_a_table_that_does_not_answer_holds_nobody_up(capfd) -> None:
    class Hanging:
        asked = 0
        answers = threading.Event()

        def batch_write_item(self, **arguments: Any) -> Any:
            self.asked += 1
            self.answers.wait(60)
            return {}

    client = Hanging()
    table = SpotTable(client, "spotFns")
    assert table.write(make_records(2), 0.1) == 2  # the client is still waiting for its answer
    assert not client.answers.is_set()
    assert "spotFns did not answer within 0.1 s" in capfd.readouterr().err
    assert table.write(make_records(2), 0.1) == 2
    assert client.asked == 1
    client.answers.set()


def test_many_records_are_many_batches() -> None:
    class Counting:
        sizes: list[int] = []  # noqa: RUF012 - of this test alone

        def batch_write_item(self, RequestItems: dict[str, Any]) -> Any:  # noqa: N803
            self.sizes.append(len(RequestItems["spotFns"]))
            return {}

    client = Counting()
    assert SpotTable(client, "spotFns").write(make_records(130), 5) == 0
    assert sorted(client.sizes) == [5, 25, 25, 25, 25, 25]
