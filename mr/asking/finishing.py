"""The end of a question, at the terminal: merged pairs become the rows of its answer.

In: a `Finish`, and pairs: a JSON list of texts -> partial aggregates. Out: an `Answer`. Averages
and deviations are made here, of exact sums, and rounded once; then DuckDB computes what is left:
HAVING, expressions over aggregates, ORDER BY, LIMIT. It may open no file but the one written here.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb

from asking.division import Finish, Finished, said
from errors import BadRecord, JobError, brief
from jobs.query import partials
from jobs.query.plan import text

ZONED = "TIMESTAMP WITH TIME ZONE"
Pair = tuple[str, Any]
Made = Callable[[Sequence[Any], int], Any]


@dataclasses.dataclass(frozen=True)
class Answer:
    """An answer's table, in the connection where it is called `answer`."""

    names: Sequence[str]
    types: Sequence[str]
    connection: duckdb.DuckDBPyConnection

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Its rows, in order. Moments of a time zone are texts: Python needs a package for them."""
        chosen = ", ".join(
            f"CAST(c{number} AS VARCHAR)" if kind == ZONED else f"c{number}"
            for number, kind in enumerate(self.types)
        )
        found = self.connection.execute(f"SELECT {chosen} FROM answer")
        while some := found.fetchmany(10_000):
            yield from some


@contextlib.contextmanager
def finished(finish: Finish, pairs: Iterable[Pair], output: str | None = None) -> Iterator[Answer]:
    """The answer that merged pairs hold; it may be written to the file `output`. JobError,
    BadRecord.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "merged.json"
        with path.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in merged_rows(finish, pairs))
        with contextlib.closing(_connect(path, output)) as connection:
            try:
                types = _compute(connection, finish, path)
            except duckdb.Error as error:
                raise JobError(f"--sql: {said(error)}") from error
            yield Answer(finish.names, types, connection)


def _connect(path: Path, output: str | None) -> duckdb.DuckDBPyConnection:
    made = duckdb.connect(":memory:")
    allowed = ", ".join(map(text, [path, *([output] if output else [])]))
    made.execute(f"SET allowed_paths = [{allowed}]")
    made.execute("SET enable_external_access = false")
    return made


def _compute(connection: duckdb.DuckDBPyConnection, finish: Finish, path: Path) -> list[str]:
    types = {f"g{number}": kind for number, kind in enumerate(finish.groups)}
    types |= {f"a{number}": one.type for number, one in enumerate(finish.aggregates)}
    if not types:
        raise BadRecord("a question without groups and without aggregates")
    texts = ", ".join(f"{name}: 'VARCHAR'" for name in types)
    made = {f"a{number}": one.cast for number, one in enumerate(finish.aggregates)}
    casts = ", ".join(
        f"{made.get(name, 'CAST({x} AS {kind})').format(x=name, kind=kind)} AS {name}"
        for name, kind in types.items()
    )
    source = f"read_json({text(path)}, format = 'newline_delimited', columns = {{{texts}}})"
    connection.execute(f"CREATE TABLE merged AS SELECT {casts} FROM {source}")
    connection.execute(f"CREATE TABLE answer AS {finish.sql}")
    return [str(kind) for _, kind, *_ in connection.execute("DESCRIBE answer").fetchall()]


def merged_rows(finish: Finish, pairs: Iterable[Pair]) -> Iterator[dict[str, str | None]]:
    """Each pair as a row of texts: its groups, and what is made of its partial aggregates."""
    for key, values in pairs:
        try:
            row = {f"g{number}": one for number, one in enumerate(_groups(key, finish))}
            for number, one in enumerate(finish.aggregates):
                row[f"a{number}"] = _shown(one, values)
        except (ValueError, TypeError, IndexError, AttributeError) as error:
            raise BadRecord(f"{brief(key)}: {brief(values)} is no pair of this question") from error
        yield row


def _groups(key: str, finish: Finish) -> list[str | None]:
    found = json.loads(key)
    if not isinstance(found, list) or len(found) != len(finish.groups):
        raise ValueError(f"not {len(finish.groups)} groups")
    return found


def _shown(one: Finished, values: Sequence[Any]) -> str | None:
    made = _MADE[one.how]([values[part] for part in one.parts], one.scale)
    return None if made is None else str(made)


def _decimal(value: int | None, scale: int) -> str | None:
    if value is None:
        return None
    digits = str(abs(value)).rjust(scale + 1, "0")
    whole = f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits
    return f"-{whole}" if value < 0 else whole


def _average(values: Sequence[Any], scale: int) -> float | None:
    total, count = values
    return total / (count * 10**scale) if count else None


def _variance(values: Sequence[Any], less: int) -> float | None:
    if values[0] is None:
        return None
    count, _, squares = values[0]
    return max(0.0, squares) / (count - less) if count > less else None


def _root(variance: float | None) -> float | None:
    return None if variance is None else math.sqrt(variance)


_MADE: dict[str, Made] = {
    "count": lambda values, _: values[0] or 0,
    "value": lambda values, _: values[0],
    "decimal": lambda values, scale: _decimal(values[0], scale),
    "exact": lambda values, _: None if values[0] is None else partials.rounded(values[0]),
    "average": _average,
    "average_exact": lambda values, _: partials.rounded(*values) if values[1] else None,
    "distinct": lambda values, _: len(values[0] or ()),
    "estimate": lambda values, _: partials.estimate(values[0] or []),
    "var_samp": lambda values, _: _variance(values, 1),
    "var_pop": lambda values, _: _variance(values, 0),
    "stddev_samp": lambda values, _: _root(_variance(values, 1)),
    "stddev_pop": lambda values, _: _root(_variance(values, 0)),
}
"""How a merged column is made of partial aggregates, and of the digits behind a decimal's point."""
