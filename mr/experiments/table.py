"""The table of an experiment: a row a run, kept as CSV from the first run on.

An experiment that is interrupted goes on with the runs that have no row.
"""

from __future__ import annotations

import csv
import dataclasses
import os
from collections.abc import Iterable
from pathlib import Path

from errors import JobError, UsageError
from experiments.plan import Combination, Run

SETTINGS = [field.name for field in dataclasses.fields(Combination)]


@dataclasses.dataclass(frozen=True)
class Row:
    """A measured run: what was set, and what it took.

    `seconds` are from the job's start to its result; `billed_s`, `cold_starts` and
    `memory_used_mb` are of mappers, reducers and coordinators, as Lambda reports them.
    """

    run: int
    repeat: int
    memory: int
    architecture: str
    job: str
    batchsize: str
    splitsize: str
    start: str
    started_unix_s: float
    seconds: float
    mappers: int
    reducers: int
    mapper_median_s: float
    mapper_longest_s: float
    billed_s: float
    cold_starts: int
    memory_used_mb: int
    bytes_in: int
    rows: int
    groups: int
    dollars: float

    @property
    def combination(self) -> Combination:
        """What was set."""
        size = int(self.batchsize) if self.batchsize else ""
        return Combination(
            self.memory, self.architecture, self.job, size, self.splitsize, self.start
        )


COLUMNS = {field.name: field.type for field in dataclasses.fields(Row)}
_TYPES = {"int": int, "float": float, "str": str}


def read(path: Path) -> list[Row]:
    """The rows of a table. UsageError where the file is none."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if reader.fieldnames is None or set(reader.fieldnames) != set(COLUMNS):
                raise UsageError(f"{path} is not the table of an experiment: its columns differ")
            return [_row(cells) for cells in reader]
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise UsageError(f"{path} is not the table of an experiment: {error}") from error


def _row(cells: dict[str, str]) -> Row:
    return Row(**{name: _TYPES[str(kind)](cells[name]) for name, kind in COLUMNS.items()})


def append(path: Path, row: Row) -> None:
    """Add a row, whole, to what is there. JobError where the file cannot be written."""
    is_new = not path.exists()
    try:
        with path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            if is_new:
                writer.writerow(COLUMNS)
            writer.writerow(dataclasses.astuple(row))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise JobError(f"{path} cannot be written: {error.strerror}") from error


def missing(runs: Iterable[Run], rows: Iterable[Row]) -> list[Run]:
    """The runs that have no row; pure."""
    done = {(row.combination, row.repeat) for row in rows}
    return [run for run in runs if (run.combination, run.repeat) not in done]
