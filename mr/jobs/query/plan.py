"""What the functions are told of a question in SQL: the setting `PLAN` of the job `sql`.

The terminal writes it (asking/division.py), a mapper computes it, a reducer needs the kinds of its
partial aggregates alone.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from typing import Any

from errors import JobError

FORMATS = ("csv", "json", "parquet")


@dataclasses.dataclass(frozen=True)
class Part:
    """A partial aggregate: its kind (jobs/query/partials.py), and the number of the argument that
    it is of, None for rows. `scale` are the digits behind a decimal's point, whose values are whole
    numbers of these.
    """

    kind: str
    argument: int | None = None
    scale: int = 0


@dataclasses.dataclass(frozen=True)
class Table:
    """An input as it is read: its form, and its columns in order, name -> type as DuckDB has them.

    Of CSV: `options` are those of DuckDB's read_csv, as SQL; `header` is the line that every object
    begins with, None where there is none; `ragged` is whether a row may go on behind the last
    column.
    """

    form: str
    columns: Mapping[str, str]
    options: Mapping[str, str] = dataclasses.field(default_factory=dict)
    header: str | None = None
    ragged: bool = False


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a mapper computes, in DuckDB's SQL: of the rows `where`, by `groups`, the `parts` of the
    `arguments`. `needed` are the columns that these name.
    """

    table: Table
    needed: tuple[str, ...]
    groups: tuple[str, ...]
    arguments: tuple[str, ...]
    parts: tuple[Part, ...]
    where: str = ""

    def to_text(self) -> str:
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False, separators=(",", ":"))


@functools.lru_cache(maxsize=16)
def read_plan(text: str) -> Plan:
    """The plan in a text. JobError where it is none."""
    try:
        value = json.loads(text)
        table, parts = Table(**value.pop("table")), value.pop("parts")
        needed, groups, arguments = (
            tuple(value.pop(name)) for name in ("needed", "groups", "arguments")
        )
        return Plan(table, needed, groups, arguments, tuple(Part(**one) for one in parts), **value)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise JobError(
            f"PLAN is not what `driver.py --sql` writes ({error}): ask with --sql, not with --job"
        ) from error


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def fields(names: Mapping[str, str]) -> str:
    """Columns and their types, as in CREATE TABLE."""
    return ", ".join(f"{quoted(name)} {kind}" for name, kind in names.items())


def struct(names: Mapping[str, str]) -> str:
    """Columns and their types as a literal, as read_csv and read_json take them."""
    return "{" + ", ".join(f"{text(name)}: {text(kind)}" for name, kind in names.items()) + "}"


def text(value: Any) -> str:
    """A text as SQL has it."""
    return "'" + str(value).replace("'", "''") + "'"
