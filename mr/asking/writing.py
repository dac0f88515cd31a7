"""An answer's table, written: for people, as CSV, as JSON, or as Parquet."""

from __future__ import annotations

import datetime
import decimal
import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb

from asking.division import said
from asking.finishing import Answer
from errors import JobError
from jobs.query.plan import quoted, text
from views import tables
from views.result import harmless
from views.tables import Write


def write(answer: Answer, form: str, out: Write) -> None:
    """Write an answer as "table", "csv", "csv-safe" or "json"; names first, but for JSON."""
    if form == "json":
        write_json(answer, out)
    elif form == "table":
        rows = (map(for_people, row) for row in answer.rows())
        right = [is_number(kind) for kind in answer.types]
        tables.write_table(answer.names, (list(row) for row in rows), out, right)
    else:
        safe = harmless if form == "csv-safe" else str
        writer = tables.csv_writer(out)
        writer.writerow(map(safe, answer.names))
        writer.writerows([safe(plain(value)) for value in row] for row in answer.rows())


def write_file(answer: Answer, path: str) -> None:
    """Write an answer to a file, in the form that its name tells. OSError, JobError."""
    suffix = Path(path).suffix.lower()
    if suffix == ".parquet":
        columns = ", ".join(
            f"c{number} AS {quoted(name)}" for number, name in enumerate(unique(answer.names))
        )
        options = "(FORMAT parquet, USE_TMP_FILE false)"  # a file beside it may not be opened
        command = f"COPY (SELECT {columns} FROM answer) TO {text(path)} {options}"
        try:
            answer.connection.execute(command)
        except duckdb.Error as error:
            raise JobError(f"{path} cannot be written: {said(error)}") from error
        return
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        write(answer, suffix[1:], file.write)


def is_number(kind: str) -> bool:
    """Whether DuckDB's type is one of numbers; pure."""
    return kind.startswith(("DECIMAL", "DOUBLE", "FLOAT", "INTEGER", "UINTEGER")) or (
        kind.endswith("INT")
    )


def for_people(value: Any) -> Any:
    """A value as a table shows it: numbers as they are, all else as text; pure."""
    is_number = isinstance(value, int | float | decimal.Decimal)
    return value if value is None or is_number else plain(value)


def plain(value: Any) -> str:
    """A value as CSV has it, all of it; no value is an empty cell; pure."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    return str(value)


def write_json(answer: Answer, out: Write) -> None:
    """A list of objects, one a row and a line; decimals are numbers with all their digits."""
    names = [json.dumps(name, ensure_ascii=False) for name in unique(answer.names)]
    opening = "["
    for row in answer.rows():
        members = ", ".join(
            f"{name}: {as_json(value)}" for name, value in zip(names, row, strict=True)
        )
        out(f"{opening}{{{members}}}")
        opening = ",\n"
    out("]\n" if opening != "[" else "[]\n")


def as_json(value: Any) -> str:
    """A value as JSON; what it has no number for is null; pure."""
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    if isinstance(value, float) and not math.isfinite(value):
        return "null"
    is_known = value is None or isinstance(value, bool | int | float)
    return json.dumps(value if is_known else plain(value), ensure_ascii=False)


def unique(names: Iterable[str]) -> Iterator[str]:
    """The names, of which those that were there before have a number behind them; pure."""
    seen: set[str] = set()
    for name in names:
        made, number = name, 1
        while made.lower() in seen:
            made, number = f"{name}_{number}", number + 1
        seen.add(made.lower())
        yield made
