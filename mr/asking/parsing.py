"""A question in SQL, read and checked: what cannot be divided among mappers is refused by name.

In: one SELECT over one table, in DuckDB's dialect, and the input's columns. Out: a `Question`, in
which every name stands for a column of the input, and no place in a list for an expression.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import duckdb
import sqlglot
from sqlglot import errors as sqlglot_errors
from sqlglot import exp

from errors import UsageError, brief

DIALECT = "duckdb"
REFUSED: dict[type[exp.Expr], str] = {
    exp.Window: "window functions (OVER)",
    exp.Join: "joins",
    exp.Subquery: "subqueries",
    exp.With: "subqueries (WITH)",
    exp.Exists: "subqueries (EXISTS)",
    exp.SetOperation: "UNION, INTERSECT and EXCEPT",
    exp.Lateral: "LATERAL",
    exp.Unnest: "UNNEST",
    exp.Explode: "UNNEST",
    exp.Pivot: "PIVOT",
    exp.Qualify: "QUALIFY",
    exp.TableSample: "samples (USING SAMPLE, TABLESAMPLE)",
    exp.Rollup: "ROLLUP",
    exp.Cube: "CUBE",
    exp.GroupingSets: "GROUPING SETS",
    exp.Columns: "COLUMNS(...)",
    exp.Placeholder: "parameters (?)",
    exp.Parameter: "parameters ($1)",
    exp.Lambda: "lambda functions",
    exp.Collate: "collations (COLLATE)",
}
"""What is not computed here, and what it is called."""
CLAUSES = {
    *("kind", "hint", "distinct", "expressions", "from_", "where", "group", "having", "order"),
    *("limit", "offset", "operation_modifiers"),
}
HELP = "one SELECT over one table is what can be divided among mappers: see docs/sql.md"


@dataclasses.dataclass(frozen=True)
class Question:
    """`select` are the answer's columns: a name and an expression each. `order` are sqlglot's
    Ordered, `limit` and `offset` numbers of rows, None where there is none.
    """

    select: Sequence[tuple[str, exp.Expr]]
    where: exp.Expr | None
    groups: Sequence[exp.Expr]
    having: exp.Expr | None
    order: Sequence[exp.Ordered]
    limit: int | None
    offset: int | None
    is_distinct: bool
    is_grouped: bool


def parse(text: str, columns: Iterable[str]) -> Question:
    """Read a question about a table with these columns. UsageError."""
    select = one_select(text)
    refuse(select)
    return _Reader(select, columns).question()


def one_select(text: str) -> exp.Select:
    """The statement in a text. UsageError unless it is one SELECT."""
    try:
        statements = [one for one in sqlglot.parse(text, dialect=DIALECT) if one is not None]
    except sqlglot_errors.ParseError as error:
        told = error.errors[0] if error.errors else {}
        place = f"line {told.get('line')}, column {told.get('col')}" if told else "somewhere"
        near = f", near {brief(told['highlight'])}" if told.get("highlight") else ""
        what = told.get("description") or str(error)
        raise UsageError(f"--sql: {place}{near}: {what}") from error
    except sqlglot_errors.TokenError as error:
        raise UsageError(f"--sql: {error}") from error
    if len(statements) != 1:
        raise UsageError(f"--sql: {len(statements)} statements, not one SELECT")
    statement = statements[0]
    if isinstance(statement, exp.Select):
        return statement
    what = next((name for kind, name in REFUSED.items() if isinstance(statement, kind)), "")
    raise UsageError(f"--sql: {what or statement.key.upper()} cannot be asked: {HELP}")


def refuse(select: exp.Select) -> None:
    """UsageError with the name of what cannot be divided."""
    for node in select.walk():
        if what := next((name for kind, name in REFUSED.items() if isinstance(node, kind)), ""):
            raise UsageError(f"--sql: {what} cannot be asked: {HELP}")
        if isinstance(node, exp.Select) and node is not select:
            raise UsageError(f"--sql: subqueries cannot be asked: {HELP}")
        if isinstance(node, exp.Func) and (name := name_of(node)) in changing_names():
            raise UsageError(f"--sql: {name} cannot be asked: it gives another value each time")
    if not select.expressions:
        raise UsageError("--sql: SELECT names no column")
    for name, value in select.args.items():
        if value and name not in CLAUSES:
            raise UsageError(f"--sql: {name.strip('_').upper()} cannot be asked: {HELP}")


class _Reader:
    """One SELECT on its way to a Question."""

    def __init__(self, select: exp.Select, columns: Iterable[str]) -> None:
        self._select = select
        self._columns = {name.lower(): name for name in columns}
        self._table = self._table_names()
        self._named: dict[str, exp.Expr] = {}

    def question(self) -> Question:
        select = [self._output(one) for one in self._expanded()]
        args = self._select.args
        distinct, group = args.get("distinct"), args.get("group")
        if distinct and distinct.args.get("on"):
            raise UsageError(f"--sql: DISTINCT ON cannot be asked: {HELP}")
        order = list(self._order(select))
        having = self._clause("having")
        parts = [one for _, one in select] + [one.this for one in order] + [having or exp.Null()]
        aggregates = any(is_aggregate(node) for part in parts for node in part.walk())
        return Question(
            select,
            self._clause("where"),
            self._groups(group, select) if group else [],
            having,
            order,
            self._number("limit"),
            self._number("offset"),
            bool(distinct),
            aggregates or bool(group),
        )

    def _table_names(self) -> set[str]:
        """What the input may be called."""
        source = self._select.args.get("from_")
        table = source.this if source else None
        is_plain = isinstance(table, exp.Table) and isinstance(table.this, exp.Identifier)
        if table is None or not is_plain or table.args.get("db") or "." in table.name:
            raise UsageError(f"--sql: FROM must name one table, any name: {HELP}")
        return {table.alias_or_name.lower()}

    def _list(self, clause: str) -> list[Any]:
        found = self._select.args.get(clause)
        return list(found.expressions) if found else []

    def _clause(self, name: str) -> exp.Expr | None:
        found = self._select.args.get(name)
        return self._resolved(found.this, self._column_or_named) if found else None

    def _number(self, name: str) -> int | None:
        found = self._select.args.get(name)
        if found is None:
            return None
        options = found.args.get("limit_options")
        value = found.expression if options is None else None
        if not isinstance(value, exp.Literal) or not value.this.isdigit():
            raise UsageError(f"--sql: {name.upper()} must be a whole number")
        return int(value.this)

    def _expanded(self) -> Iterator[exp.Expr]:
        """The expressions of SELECT, each column of * by itself."""
        for one in self._select.expressions:
            star = one.this if isinstance(one, exp.Column) else one
            if not isinstance(star, exp.Star):
                yield one
                continue
            if any(star.args.values()):
                raise UsageError("--sql: * with EXCLUDE, REPLACE or RENAME cannot be asked")
            yield from (exp.column(name, quoted=True) for name in self._columns.values())

    def _output(self, one: exp.Expr) -> tuple[str, exp.Expr]:
        name = one.alias or one.sql(dialect=DIALECT).lower()
        made = self._resolved(one.unalias(), self._column_or_named)
        if one.alias:
            self._named[one.alias.lower()] = made
        elif isinstance(one, exp.Column):
            name = made.name if isinstance(made, exp.Column) else name
        return name, made

    def _groups(self, group: exp.Group, select: Sequence[tuple[str, exp.Expr]]) -> list[exp.Expr]:
        if group.args.get("all"):
            found = [one for _, one in select if not any(map(is_aggregate, one.walk()))]
        else:
            find = self._column_or_named
            listed = (one for one in group.expressions if one != exp.Tuple())
            found = [self._by_place(one, select, find) for one in listed]
        if any(is_aggregate(node) for one in found for node in one.walk()):
            raise UsageError("--sql: GROUP BY cannot have an aggregate")
        constant = (exp.Literal, exp.Null, exp.Boolean)
        others = [one for one in _different(found) if not isinstance(one, constant)]
        # No row is in no group, but the only one where rows are not grouped.
        return others or [exp.Literal.number(1) for _ in found[:1]]

    def _order(self, select: Sequence[tuple[str, exp.Expr]]) -> Iterator[exp.Ordered]:
        for one in self._list("order"):
            if isinstance(one, exp.Ordered) and one.this == exp.var("ALL"):
                for _, every in select:
                    made = one.copy()
                    made.set("this", every.copy())
                    yield made
            else:
                yield self._ordered(one, select)

    def _ordered(self, one: exp.Expr, select: Sequence[tuple[str, exp.Expr]]) -> exp.Ordered:
        if not isinstance(one, exp.Ordered):
            one = exp.Ordered(this=one)
        made = one.copy()
        made.set("this", self._by_place(one.this, select, self._named_or_column))
        return made

    def _by_place(
        self,
        one: exp.Expr,
        select: Sequence[tuple[str, exp.Expr]],
        find: Callable[[exp.Column], exp.Expr],
    ) -> exp.Expr:
        """An expression, or the one of SELECT in the place that a number names."""
        if not (isinstance(one, exp.Literal) and one.is_int):
            return self._resolved(one, find).unnest()
        place = int(one.this)
        if not 1 <= place <= len(select):
            raise UsageError(f"--sql: SELECT has no column {place} but {len(select)} in all")
        return select[place - 1][1]

    def _resolved(self, node: exp.Expr, find: Callable[[exp.Column], exp.Expr]) -> exp.Expr:
        """An expression with every name replaced by what it stands for."""
        return node.copy().transform(
            lambda one: find(one) if isinstance(one, exp.Column) else one, copy=False
        )

    def _column_or_named(self, column: exp.Column) -> exp.Expr:
        found = self._column(column) or self._name(column)
        if found is None:
            raise self._unknown(column)
        return found

    def _named_or_column(self, column: exp.Column) -> exp.Expr:
        return self._name(column) or self._column_or_named(column)

    def _name(self, column: exp.Column) -> exp.Expr | None:
        found = None if column.table else self._named.get(column.name.lower())
        return exp.paren(found.copy()) if isinstance(found, exp.Binary) else found and found.copy()

    def _column(self, column: exp.Column) -> exp.Expr | None:
        """A column of the input, or a field of one that is a STRUCT."""
        parts = [part.name for part in column.parts]
        if len(parts) > 1 and parts[0].lower() in self._table:
            parts = parts[1:]
        own = self._columns.get(parts[0].lower())
        if own is None:
            return None
        made: exp.Expr = exp.column(own, quoted=True)
        for field in parts[1:]:
            made = exp.Dot(this=made, expression=exp.to_identifier(field, quoted=True))
        return made

    def _unknown(self, column: exp.Column) -> UsageError:
        has = ", ".join(self._columns.values())
        return UsageError(f"--sql: there is no column {column.sql()}: the input has {has}")


def is_aggregate(node: exp.Expr) -> bool:
    """Whether it is an aggregate function, also one that sqlglot takes for a plain one."""
    if isinstance(node, exp.Anonymous):
        return node.name.lower() in aggregate_names()
    return isinstance(node, exp.AggFunc)


def name_of(function: exp.Expr) -> str:
    """What DuckDB calls a function."""
    found = re.match(r"\w*", sql(function))
    return found[0].lower() if found else ""


@functools.cache
def changing_names() -> frozenset[str]:
    """DuckDB's functions that give another value each time."""
    command = "SELECT function_name FROM duckdb_functions() WHERE stability <> 'CONSISTENT'"
    found = duckdb.connect(":memory:").execute(command).fetchall()
    return frozenset(name for (name,) in found) | {"current_timestamp", "current_date"}


@functools.cache
def aggregate_names() -> frozenset[str]:
    """DuckDB's aggregate functions."""
    command = (
        "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type = 'aggregate'"
    )
    return frozenset(name for (name,) in duckdb.connect(":memory:").execute(command).fetchall())


def _different(found: Iterable[exp.Expr]) -> Iterator[exp.Expr]:
    seen: set[str] = set()
    for one in found:
        if (text := sql(one)) not in seen:
            seen.add(text)
            yield one


def sql(node: exp.Expr) -> str:
    """An expression as DuckDB takes it."""
    return node.sql(dialect=DIALECT, comments=False)


def expression(text: str) -> exp.Expr:
    """The expression in a text that `sql` made."""
    return sqlglot.parse_one(text, dialect=DIALECT)
