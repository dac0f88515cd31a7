"""What is counted while an accumulator is fed: header lines, bad rows by kind, their object."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import loading, uservisits, uservisits_polars, wordcount
from jobs.base import UNTOLD
from jobs.faults import MAX_KINDS, OTHER, RowCounts
from jobs.feeding import Feeder

HEADER, ROW, BAD = b"sourceIP,destURL,visitDate,adRevenue\n", b"1.1.1.1,u,d,2\n", b"x,y\n"


def fed(*objects: bytes, module=uservisits, from_start: bool = True) -> Feeder:
    feeder = Feeder(loading.check("job", module))
    for number, body in enumerate(objects):
        feeder.take([body] if body else [], f"in/{number}", from_start)
    return feeder


def counts(feeder: Feeder) -> tuple[int, int, int]:
    return feeder.accumulator.lines, feeder.accumulator.errors, feeder.headers


@pytest.mark.parametrize("module", [uservisits, uservisits_polars])
@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ([HEADER + ROW], (1, 0, 1)),
        ([HEADER + ROW, HEADER + ROW + BAD], (3, 1, 2)),
        ([HEADER + BAD + ROW], (2, 1, 1)),
        ([ROW + HEADER + ROW], (3, 1, 0)),
        ([HEADER], (1, 1, 0)),
        ([HEADER + BAD], (2, 2, 0)),
        ([ROW], (1, 0, 0)),
        ([b"", b"\n" + ROW, HEADER[:-1]], (2, 1, 0)),
    ],
)
def test_a_first_line_that_is_bad_where_others_are_not_is_a_header(
    module, objects, expected
) -> None:
    feeder = fed(*objects, module=module)
    assert counts(feeder) == expected
    good = expected[0] - expected[1]
    assert sum(feeder.accumulator.pairs().values()) == 2 * good
    assert feeder.size == sum(map(len, objects))


def test_a_part_that_does_not_begin_its_object_has_no_header() -> None:
    assert counts(fed(BAD + ROW, from_start=False)) == (2, 1, 0)


def test_a_job_that_reads_every_line_has_no_headers() -> None:
    assert counts(fed(HEADER + ROW, module=wordcount)) == (2, 0, 0)


@given(bodies=st.lists(st.lists(st.sampled_from([HEADER, ROW, BAD, b"\n"]), max_size=5)))
def test_every_line_is_a_row_or_a_header(bodies) -> None:
    feeder = fed(*map(b"".join, bodies))
    lines, errors, headers = counts(feeder)
    assert lines + headers == sum(line != b"\n" for body in bodies for line in body)
    assert lines - errors == sum(line == ROW for body in bodies for line in body)
    assert sum(one.count for one in feeder.job.faults(feeder.accumulator).values()) == errors


def test_bad_rows_are_told_apart_by_kind_with_the_object_of_the_first() -> None:
    feeder = fed(ROW, ROW + BAD + b"z\n" + b"\xff,u,d,1\na,u,d,free\na,u,d,1_0\n")
    assert feeder.bad_object == "in/1"
    found = {
        kind: (one.count, one.example)
        for kind, one in feeder.job.faults(feeder.accumulator).items()
    }
    assert found == {
        "fewer than 4 columns": (2, "x,y"),
        "not UTF-8": (1, "\\xff,u,d,1"),
        "the price is no number": (2, "a,u,d,free"),
    }
    assert feeder.accumulator.example == "x,y"


def test_an_accumulator_that_does_not_tell_them_apart_is_taken_as_it_is() -> None:
    class Own:
        def __init__(self) -> None:
            self.lines, self.errors, self.example = 0, 0, ""

        def add(self, block: bytes) -> None:
            for line in block.splitlines():
                self.lines += 1
                if line == b"bad":
                    self.errors += 1
                    self.example = self.example or line.decode()

        def pairs(self) -> dict[str, int]:
            return {"n": self.lines - self.errors}

    module = SimpleNamespace(Accumulator=Own, combine=max)
    feeder = fed(b"bad\na\nbad\nbad\n", module=module)
    assert counts(feeder) == (3, 2, 1)
    ((kind, one),) = feeder.job.faults(feeder.accumulator).items()
    assert (kind, one.count, one.example) == (UNTOLD, 2, "bad")
    assert loading.check("job", module).faults(Own()) == {}


def test_a_job_whose_errors_name_values_has_few_kinds_all_the_same() -> None:
    counted = RowCounts()
    for number in range(100):
        counted.add_fault(b"row %d" % number, ValueError(f"value {number} is wrong"))
        counted.add_fault(b"row %d" % number, ValueError(f"no number: {number}"))
    assert len(counted.faults) == MAX_KINDS + 1
    assert counted.faults["no number"].count == 100
    assert counted.faults[OTHER].count == 200 - 100 - (MAX_KINDS - 1)
    assert (counted.errors, counted.example) == (200, "row 0")
