"""What an input's table looks like: its form, names and types, from a sample of its first objects.

In: the objects under a prefix, and what the user says of columns. Out: a `Table`, which all mappers
read by. DuckDB looks at CSV; what it finds can be overridden.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from asking.division import said
from aws.s3objects import S3Object
from errors import UsageError, counted
from inputs import packing, reading
from inputs.ranged import Ranged
from jobs.query.plan import Table, text
from jobs.query.reading import TAIL_BYTES, footer_bytes
from state.tasks import Input

SAMPLE_BYTES = 1 << 20
"""What is looked at of the first object."""
MORE_BYTES = 1 << 16
MORE_OBJECTS = 3
"""What is looked at of some others, and of how many."""
FORMS = {".parquet": "parquet", ".json": "json", ".jsonl": "json", ".ndjson": "json"}
"""Suffix of a key, in small letters, without that of its packing -> form; all else is CSV."""
Opener = Callable[[S3Object], Input]


def form_of(key: str) -> str:
    """The form of an object, by its name; pure."""
    path = Path(key.lower())
    if path.suffix in packing.SUFFIXES:
        path = path.with_suffix("")
    return FORMS.get(path.suffix, "csv")


def look(s3: Any, objects: Sequence[S3Object], source: Opener, schema: str) -> Table:
    """The table in some objects. UsageError, JobError where it cannot be told."""
    said_columns = columns_of(schema)
    form = form_of(objects[0].key)
    if form == "parquet":
        return _parquet(Ranged(s3, source(objects[0])))
    samples = [
        sample(s3, source(item), SAMPLE_BYTES if number == 0 else MORE_BYTES)
        for number, item in enumerate(objects[: 1 + MORE_OBJECTS])
    ]
    samples = [one for one in samples if one.strip()]
    if not samples:
        first = source(objects[0]).where
        raise UsageError(f"{first} and {counted(len(objects) - 1, 'other')} have no row to look at")
    if form == "json":
        return _json(b"".join(samples), said_columns)
    return _csv(samples, said_columns)


def columns_of(schema: str) -> dict[str, str]:
    """The columns in a text such as "country VARCHAR, amount DECIMAL(12,2)". UsageError."""
    if not schema:
        return {}
    connection = duckdb.connect(":memory:", config={"enable_external_access": "false"})
    try:
        connection.execute(f"CREATE TABLE input ({schema})")
        found = connection.execute("DESCRIBE input").fetchall()
    except duckdb.Error as error:
        raise UsageError(
            f"--schema: {said(error)}: write names and DuckDB's types, as in "
            '"country VARCHAR, amount DECIMAL(12,2)"'
        ) from error
    return {name: str(kind) for name, kind, *_ in found}


def sample(s3: Any, source: Input, size: int) -> bytes:
    """The first lines of an object, about so many bytes. JobError."""
    with contextlib.closing(reading.read_lines(s3, source)) as blocks:  # type: ignore[type-var]
        found = b""
        for block in blocks:
            found += block
            if len(found) >= size:
                return found[: found.rfind(b"\n", 0, size) + 1 or len(found)]
    return found if found.endswith(b"\n") or not found else found + b"\n"


def _parquet(source: Ranged) -> Table:
    tail, size = source.tail(TAIL_BYTES)
    begin = size - footer_bytes(tail, size, source.where)
    tail = tail if begin >= size - len(tail) else source.read(begin, size)
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        file.write(tail[-4:])
        file.seek(size - len(tail))
        file.write(tail)
        file.flush()
        found = _described(f"read_parquet({text(file.name)})")
    return Table("parquet", found)


def _json(sampled: bytes, said_columns: Mapping[str, str]) -> Table:
    if sampled.lstrip().startswith(b"["):
        raise UsageError(
            "the input is a JSON list, not an object a line: `jq -c '.[]'` makes such lines of it"
        )
    with _file(sampled) as path:
        found = _described(f"read_json({text(path)}, format = 'newline_delimited')")
    # Of keys that differ in their case alone DuckDB renames all but the first.
    told = sampled.decode(errors="replace")
    for name in found:
        spelled = (json.dumps(name, ensure_ascii=False), json.dumps(name))
        if re.search(r"_\d+$", name) and not any(one in told for one in spelled):
            raise UsageError(
                f"the input has two names like {name.rpartition('_')[0]!r}, in small letters and "
                "capitals, which SQL does not tell apart: rename one"
            )
    return Table("json", {**found, **said_columns})


def _described(source: str) -> dict[str, str]:
    """The columns of a source. UsageError."""
    try:
        found = duckdb.connect(":memory:").execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    except duckdb.Error as error:
        raise UsageError(f"the input's columns cannot be told: {said(error)}") from error
    return {name: str(kind) for name, kind, *_ in found}


@contextlib.contextmanager
def _file(content: bytes) -> Iterator[str]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        yield file.name


@dataclasses.dataclass(frozen=True)
class Sniffed:
    """What DuckDB finds in CSV."""

    delimiter: str
    quote: str
    escape: str
    has_header: bool
    columns: Mapping[str, str]
    date_format: str | None = None
    timestamp_format: str | None = None

    def options(self) -> dict[str, str]:
        """The same as options of read_csv."""
        made = {"delim": text(self.delimiter), "quote": text(self.quote)}
        made |= {"escape": text(self.escape), "new_line": "'\\n'"}
        if self.date_format:
            made["dateformat"] = text(self.date_format)
        if self.timestamp_format:
            made["timestampformat"] = text(self.timestamp_format)
        return made


DELIMITERS = (",", "\t", ";", "|")
PLAIN = Sniffed(",", '"', '"', False, {})
"""What is taken where DuckDB finds nothing, and the user names the columns."""


def sniff(content: bytes) -> Sniffed | None:
    """What DuckDB finds in CSV; None where it finds nothing."""
    with _file(content) as path:
        try:
            found = duckdb.connect(":memory:").execute(
                "SELECT Delimiter, Quote, Escape, HasHeader, Columns, DateFormat, TimestampFormat "
                f"FROM sniff_csv({text(path)}, sample_size = -1, skip = 0)"
            )
            row = found.fetchone()
        except duckdb.Error:
            return None
    if row is None:
        return None
    delimiter, quote, escape, has_header, columns, date, timestamp = row
    marks = (_mark(quote) or '"', _mark(escape) or _mark(quote) or '"')
    types = {one["name"]: one["type"] for one in columns}
    return Sniffed(delimiter, *marks, has_header, types, date or None, timestamp or None)


def _mark(value: str) -> str:
    """A quote or an escape, "" where there is none."""
    return "" if value in ("(empty)", "\0") else value


def _csv(samples: Sequence[bytes], said_columns: Mapping[str, str]) -> Table:
    lines = [one.partition(b"\n")[0] for one in samples]
    first = lines[0].decode(errors="replace")
    has_common_line = all(line == lines[0] for line in lines)
    rest = [one.partition(b"\n")[2] if has_common_line else one for one in samples[1:]]
    found = sniff(samples[0] + b"".join(rest)) or sniff(samples[0])
    if found is None and not said_columns:
        raise UsageError(
            "DuckDB finds no table in the input's first lines: name its columns with --schema, "
            'such as "country VARCHAR, amount DOUBLE"'
        )
    found = found or PLAIN
    if not said_columns:
        header = first if found.has_header else None
        return Table("csv", found.columns, found.options(), header)
    return _with_schema(found, first, said_columns)


def _with_schema(found: Sniffed, first: str, said_columns: Mapping[str, str]) -> Table:
    """The table as the user has it: of a header's names they give the types of some; without a
    header they name the columns from the left, and what stands behind them does not matter.
    """
    found = _wide_enough(found, first, len(said_columns))
    cells = [cell.strip() for cell in split(first, found.delimiter)]
    types = {name.lower(): kind for name, kind in said_columns.items()}
    if not types.keys() <= {cell.lower() for cell in cells}:
        return Table("csv", said_columns, found.options(), None, ragged=True)
    known = found.columns if found.has_header else dict.fromkeys(cells, "VARCHAR")
    columns = {name: types.get(name.lower(), kind) for name, kind in known.items()}
    return Table("csv", columns, found.options(), first)


def _wide_enough(found: Sniffed, first: str, count: int) -> Sniffed:
    """What DuckDB found, or plain CSV by another delimiter, where the first line has fewer columns
    than the user names: it takes rows of unequal length for one column.
    """
    if len(split(first, found.delimiter)) >= count:
        return found
    widest = max(DELIMITERS, key=lambda one: len(split(first, one)))
    return dataclasses.replace(PLAIN, delimiter=widest)


def split(line: str, delimiter: str) -> list[str]:
    """The cells of a line; pure."""
    return next(csv.reader([line], delimiter=delimiter), [])


def lines(table: Table) -> Iterator[str]:
    """A table as a person reads it."""
    how = {"csv": "CSV", "json": "JSON lines", "parquet": "Parquet"}[table.form]
    if table.form == "csv":
        how += f", {'with' if table.header is not None else 'without'} a header, delimited by "
        how += table.options["delim"]
    yield f"the input is {how}"
    for name, kind in table.columns.items():
        yield f"    {name} {kind}"
