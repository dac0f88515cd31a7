"""What whoever follows a run tells a listener, from S3 alone."""

from __future__ import annotations

from aws import s3json
from errors import JobError
from running.ended import Ended
from running.following import Tally, mappers_done
from running.listener import Listener, MapperTotals
from state.failures import Failure
from state.progress import Progress, look
from state.records import JobInfo
from tests.driven import DrivenWorld as World
from tests.driven import driver
from tests.model import BUCKET, S3


class Heard(Listener):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.done: list[tuple[int, int, int]] = []
        self.failed: list[tuple[int, str]] = []
        self.mapped_lines = -1

    def mapper_done(self, mapper_id: int, totals: MapperTotals, count: int) -> None:
        self.done.append((mapper_id, totals.done, count))

    def mapper_failed(self, mapper_id: int, error: JobError) -> None:
        self.failed.append((mapper_id, str(error)))

    def mapped(self, s3: object, job: JobInfo, totals: MapperTotals) -> None:
        self.mapped_lines = totals.lines


def at_work(map_count: int) -> tuple[World, Tally, Heard]:
    """A job whose mappers have been started and have done nothing yet."""
    made, heard = World(map_count), Heard()
    made.drive(full_async=True).finish()
    ended = Ended(driver(made), made.current)
    return made, Tally(S3(made), made.current, heard, ended), heard


def test_each_mapper_is_told_once_as_its_output_comes() -> None:
    made, tally, heard = at_work(3)
    for expected in ([], [(3, 1, 3)], [(3, 1, 3), (1, 2, 3), (2, 3, 3)]):
        tally.look(look(S3(made), made.current))
        tally.look(look(S3(made), made.current))
        assert heard.done == expected
        for _ in range(1 if not expected else 2):
            if made.events and made.events[0].kind == "mapper":
                made.deliver(made.events.pop(0)).finish()
    assert (tally.totals.done, tally.totals.lines) == (3, 3)
    assert heard.mapped_lines == 3


def test_a_failure_is_told_as_it_is_recorded_and_once() -> None:
    made, tally, heard = at_work(2)
    run_id = made.current.run_id
    for name, owner in (
        ("mapper/2", run_id),
        ("mapper/1", "of-yesterday"),
        ("reducer/1/1", run_id),
    ):
        failure = Failure(name, "ValueError: boom", "r", False, owner)
        s3json.write_json(S3(made), BUCKET, f"job1/error/{name}", failure.to_json())
    for _ in range(2):
        tally.look(look(S3(made), made.current))
    assert heard.failed == [(2, "mapper/2 failed: ValueError: boom (request r)")]


def test_what_many_say_is_said_once_and_only_some_are_read_at_a_look(capsys) -> None:
    made, tally, heard = at_work(30)
    for number in range(1, 31):
        failure = Failure(f"mapper/{number}", "ValueError: boom", "r", True, made.current.run_id)
        key = f"job1/error/mapper/{number}"
        s3json.write_json(S3(made), BUCKET, key, failure.to_json())
    tally.look(look(S3(made), made.current))
    assert [number for number, _ in heard.failed] == list(range(1, 21))
    tally.look(look(S3(made), made.current))
    assert [number for number, _ in heard.failed] == list(range(1, 31))
    (said,) = (line for line in capsys.readouterr().err.splitlines() if "boom" in line)
    assert said.startswith("mapper/1, mapper/2, mapper/3, mapper/4, mapper/5 and 15 more failed: ")


def test_once_a_step_is_claimed_all_mappers_are_done() -> None:
    job = JobInfo("job1", BUCKET, 3, "reducer")
    assert mappers_done(job, Progress(0, 1, 3, (1, 3))) == {2}
    assert mappers_done(job, Progress(1, 0, 2, (1, 2))) == {1, 2, 3}
    assert mappers_done(job, Progress(0, 3, 3, (), finished=True)) == {1, 2, 3}
