"""A read that is late is asked for a second time, and the first answer counts."""

from __future__ import annotations

import io
import threading
import time

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from aws import hedging
from aws.client import Clients
from aws.hedging import first_of, patience


@pytest.mark.parametrize(
    ("recent", "seconds"),
    [
        ([], 1.0),
        ([9.0] * 9, 1.0),
        ([0.02] * 50, 0.25),
        ([0.02] * 46 + [9.0] * 4, 0.25),
        ([0.2] * 50, 0.6),
        ([float(number) for number in range(1, 11)], 27.0),
    ],
)
def test_late_is_what_takes_far_longer_than_others_did(recent, seconds) -> None:
    assert patience(recent) == pytest.approx(seconds)


class Body:
    closed = False

    def close(self) -> None:
        self.closed = True


class Answers:
    """Each request waits for its turn, and gives its answer, or raises it."""

    def __init__(self, *what: object) -> None:
        self.turns = [threading.Event() for _ in what]
        self.what = what
        self.asked = 0
        self._lock = threading.Lock()

    def __call__(self) -> dict:
        with self._lock:
            number, self.asked = self.asked, self.asked + 1
        assert self.turns[number].wait(30)
        if isinstance(self.what[number], Exception):
            raise self.what[number]
        return {"number": number, "Body": self.what[number]}


def test_an_answer_in_time_is_asked_for_once() -> None:
    answers = Answers(Body(), Body())
    answers.turns[0].set()
    assert first_of(answers, 30)["number"] == 0
    assert answers.asked == 1
    assert not answers.what[0].closed


def test_of_two_answers_the_first_counts_and_the_other_is_closed() -> None:
    first, second = Body(), Body()
    answers = Answers(first, second)
    answers.turns[1].set()
    assert first_of(answers, 0.01)["number"] == 1
    answers.turns[0].set()
    deadline = time.monotonic() + 30
    while not first.closed:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert not second.closed


def test_an_error_in_time_is_the_answer() -> None:
    answers = Answers(ValueError("no"), Body())
    answers.turns[0].set()
    with pytest.raises(ValueError, match="no"):
        first_of(answers, 30)
    assert answers.asked == 1


def test_where_one_of_two_fails_the_other_counts_and_where_both_do_it_is_raised() -> None:
    answers = Answers(Body(), ValueError("no"))
    answers.turns[1].set()
    threading.Timer(0.1, answers.turns[0].set).start()
    assert first_of(answers, 0.01)["number"] == 0
    answers = Answers(ValueError("first"), ValueError("second"))
    for turn in answers.turns:
        threading.Timer(0.1, turn.set).start()
    with pytest.raises(ValueError, match=r"first|second"):
        first_of(answers, 0.01)


def test_answers_are_remembered(monkeypatch) -> None:
    monkeypatch.setattr(hedging, "_recent", hedging.deque(maxlen=3))
    for _ in range(5):
        hedging.hedged(lambda: {"Body": Body()})
    assert len(hedging._recent) == 3


def test_every_read_of_an_object_through_our_clients_is_asked_again_where_it_is_late(
    monkeypatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setattr(hedging, "_recent", hedging.deque([0.001] * 10))
    s3, answers = Clients("us-west-2").s3, Answers("late", "in time")
    answers.turns[1].set()

    def instead_of_sending(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        body = io.BytesIO(answers()["Body"].encode())
        return AWSResponse(request.url, 200, {}, body)

    s3.meta.events.register("before-send.s3.GetObject", instead_of_sending)
    assert s3.get_object(Bucket="b", Key="k")["Body"].read() == b"in time"
    answers.turns[0].set()
    assert answers.asked == 2
