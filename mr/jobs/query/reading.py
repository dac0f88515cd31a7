"""Rows of CSV, JSON lines and Parquet in DuckDB's SQL: how they are read, and which are bad; pure.

The fast way takes a piece whole; where a row of it is bad, the careful way takes the others, and
says what is wrong with each that is. A whole number is not rounded on the way: DuckDB would make 2
of 1.5 where a column is INTEGER.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from errors import JobError
from jobs.query.plan import Plan, Table, quoted, struct, text

WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
WHOLE_NUMBERS = frozenset([*WHOLE, *(f"U{one}" for one in WHOLE)])
TAIL_BYTES = 1 << 16
"""Bytes of a Parquet object's end in which its footer is looked for first."""
GAP_BYTES = 1 << 12
"""Bytes between two chunks that are read along: less than a request costs."""


# -------------------------------------------------------------------------------- CSV, JSON lines


def clean(plan: Plan, path: str) -> tuple[str, str]:
    """A source of which every row must be good, and the values of the needed columns in it."""
    checked = (
        f"CASE WHEN {rounded(name, kind)} THEN error('a fraction') ELSE {cast(name, kind)} END "
        f"AS {quoted(name)}"
        if kind in WHOLE_NUMBERS
        else quoted(name)
        for name, kind in _needed(plan).items()
    )
    source = read_json(plan, path) if plan.table.form == "json" else read_csv(plan, path)
    return source, ", ".join(checked) or "NULL"


def _needed(plan: Plan) -> dict[str, str]:
    return {name: plan.table.columns[name] for name in plan.needed}


def _as_texts(columns: Mapping[str, str]) -> dict[str, str]:
    """The same columns, whole numbers as texts, to be looked at."""
    return {name: "VARCHAR" if kind in WHOLE_NUMBERS else kind for name, kind in columns.items()}


def read_json(plan: Plan, path: str) -> str:
    """DuckDB's reader of JSON lines on a file."""
    columns = struct(_as_texts(_needed(plan)) or {"(none)": "JSON"})
    return f"read_json({text(path)}, format = 'newline_delimited', columns = {columns})"


def read_csv(plan: Plan, path: str, **more: str) -> str:
    """DuckDB's reader of CSV on a file."""
    table = plan.table
    columns = {**table.columns, **_as_texts(_needed(plan))}
    ragged = {"strict_mode": "false"} if table.ragged else {}
    told = {**table.options, **ragged, **more, "columns": struct(columns)}
    options = ", ".join(f"{name} = {value}" for name, value in told.items())
    return f"read_csv({text(path)}, auto_detect = false, header = false, {options})"


def cast(name: str, kind: str) -> str:
    return f"CAST({quoted(name)} AS {kind})"


def rounded(name: str, kind: str) -> str:
    """Whether a text that has a point would be rounded as a whole number."""
    column = quoted(name)
    return (
        f"contains({column}, '.') AND "
        f"TRY_CAST({column} AS DOUBLE) <> CAST(TRY_CAST({column} AS {kind}) AS DOUBLE)"
    )


LINE, FAULT = quoted("(line)"), quoted("(fault)")
"""Columns of `raw`, by names that no input has."""


def raw(plan: Plan, path: str) -> str:
    """A query of the rows of a file: what is needed of them, and FAULT, NULL for a good one."""
    return _raw_json(plan, path) if plan.table.form == "json" else _raw_csv(plan, path)


def _raw_csv(plan: Plan, path: str) -> str:
    tests = [
        _test(name, kind, "no whole number")
        for name, kind in _needed(plan).items()
        if kind in WHOLE_NUMBERS
    ]
    fault = f"CASE {' '.join(tests)} END" if tests else "NULL"
    columns = ", ".join([*map(quoted, plan.needed), f"{fault} AS {FAULT}"])
    return f"SELECT {columns} FROM {read_csv(plan, path, store_rejects='true')}"


def _test(name: str, kind: str, what: str) -> str:
    """A branch of CASE for a text that is no value of a kind."""
    wrong = f"{quoted(name)} IS NOT NULL AND TRY_CAST({quoted(name)} AS {kind}) IS NULL"
    if kind in WHOLE_NUMBERS:
        wrong += f" OR {rounded(name, kind)}"
    return f"WHEN {wrong} THEN {text(f'{name} is {what}')}"


def _raw_json(plan: Plan, path: str) -> str:
    tests = [_test(name, kind, f"no {kind}") for name, kind in _needed(plan).items()]
    fault = (
        f"CASE WHEN NOT json_valid({LINE}) THEN 'not JSON' "
        f"WHEN json_type({LINE}) <> 'OBJECT' THEN 'not a JSON object' {' '.join(tests)} END"
    )
    lines = (
        f"(SELECT {LINE}, {', '.join([*map(_member, plan.needed), 'NULL'])} FROM "
        f"read_csv({text(path)}, auto_detect = false, header = false, delim = '\\x01', quote = '', "
        f"escape = '', columns = {struct({'(line)': 'VARCHAR'})}) WHERE trim({LINE}) <> '')"
    )
    return f"SELECT *, {fault} AS {FAULT} FROM {lines}"


def _member(name: str) -> str:
    """A member of a line's object, as a text; nothing of a line that is none."""
    path = text("$." + json.dumps(name, ensure_ascii=False))
    found = f"CASE WHEN json_valid({LINE}) THEN json_extract_string({LINE}, {path}) END"
    return f"{found} AS {quoted(name)}"


def values_of_raw(plan: Plan) -> str:
    """The values of the needed columns in the rows of `raw`."""
    casts = (f"{cast(name, kind)} AS {quoted(name)}" for name, kind in _needed(plan).items())
    return ", ".join(casts) or "NULL"


def faults(table: Table) -> str:
    """A query of the bad rows: the kind of fault, one such row, and how many there are."""
    row = LINE if table.form == "json" else "raw::VARCHAR"
    rows = f"SELECT {FAULT} AS kind, {row} AS row FROM raw WHERE {FAULT} IS NOT NULL"
    if table.form == "csv":
        rows += (
            " UNION ALL SELECT lower(any_value(error_type)::VARCHAR), any_value(csv_line) "
            "FROM reject_errors GROUP BY line"
        )
    return f"SELECT kind, any_value(row), count(*) FROM ({rows}) GROUP BY kind ORDER BY kind"


def needs_cut(table: Table, piece: bytes) -> bool:
    """Whether rows may go on behind the last column, and have quotes: DuckDB takes such rows only
    where it takes wrong quotes too.
    """
    return table.ragged and b'"' in piece


def cut(piece: bytes, table: Table) -> bytes:
    """The rows of a piece, with the columns of the table alone."""
    delimiter = table.options["delim"][1:-1]
    made = io.StringIO()
    writer = csv.writer(made, delimiter=delimiter, lineterminator="\n")
    for line in piece.decode(errors="surrogateescape").split("\n"):
        try:
            (row,) = csv.reader([line], delimiter=delimiter, strict=True)
        except (csv.Error, ValueError):
            made.write(line + "\n")  # DuckDB says what is wrong with it
        else:
            writer.writerow(row[: len(table.columns)])
    return made.getvalue().encode(errors="surrogateescape")


# ---------------------------------------------------------------------------------------- Parquet


@dataclasses.dataclass(frozen=True)
class RowGroup:
    """A row group: the number of its first row, how many they are, and the bytes of its columns."""

    first: int
    rows: int
    places: Mapping[str, Sequence[tuple[int, int]]]

    @property
    def start(self) -> int:
        """Where it begins."""
        return min(start for chunks in self.places.values() for start, _ in chunks)

    def chunks(self, needed: Sequence[str]) -> list[tuple[int, int]]:
        """The bytes of these columns: start..end-1."""
        return [chunk for name in needed for chunk in self.places.get(name, ())]


def footer_bytes(tail: bytes, size: int, where: str) -> int:
    """Bytes of a Parquet object's footer, of which `tail` is the end. JobError where it has none.

    https://parquet.apache.org/docs/file-format/
    """
    length = int.from_bytes(tail[-8:-4], "little") + 8
    if tail[-4:] != b"PAR1" or length + 4 > size:
        raise JobError(f"{where} is no Parquet, or is cut short: upload it again")
    return length


def metadata(path: str) -> str:
    """A query of a file's column chunks, in order."""
    return (
        "SELECT row_group_id, row_group_num_rows, path_in_schema, total_compressed_size, "
        "data_page_offset, dictionary_page_offset "
        f"FROM parquet_metadata({text(path)}) ORDER BY row_group_id, column_id"
    )


def row_groups(chunks: Iterable[Sequence[Any]]) -> list[RowGroup]:
    """The row groups of what `metadata` gives."""
    found, first = [], 0
    for _, group in itertools.groupby(chunks, key=lambda chunk: chunk[0]):
        places: dict[str, list[tuple[int, int]]] = {}
        for _, count, path, size, data, dictionary in group:
            rows = count
            start = min(data, dictionary) if dictionary else data
            places.setdefault(path.split(", ")[0], []).append((start, start + size))
        found.append(RowGroup(first, rows, places))
        first += rows
    return found


def joined(chunks: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Neighbouring chunks as one, so that each costs no request of its own."""
    waiting: tuple[int, int] | None = None
    for start, end in sorted(chunks):
        if waiting and start - waiting[1] <= GAP_BYTES:
            waiting = waiting[0], max(end, waiting[1])
        else:
            if waiting:
                yield waiting
            waiting = start, end
    if waiting:
        yield waiting
