"""A question divided: what a mapper computes, how values combine, and what is done at the end.

In: a `Question` and the table it is about. Out: the mappers' `Plan` (jobs/query/plan.py) and a
`Finish`. Types are DuckDB's own: every expression is described over an empty table.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from typing import Any

import duckdb
from sqlglot import exp

from asking import parsing
from asking.parsing import Question, is_aggregate, sql
from errors import UsageError, brief
from jobs.query.plan import Part, Plan, Table, fields, quoted
from jobs.query.reading import WHOLE_NUMBERS

FLOATS = ("DOUBLE", "FLOAT")
NESTED = re.compile(r"(STRUCT|MAP|UNION)\(.*|BLOB|BIT|VARIANT|.*\]")
_DECIMAL = re.compile(r"DECIMAL\(\d+,(\d+)\)")
TEMPORAL = {
    "DATE": ("datediff('day', DATE '1970-01-01', {x})", "DATE '1970-01-01' + CAST({x} AS INTEGER)"),
    "TIMESTAMP": ("epoch_us({x})", "make_timestamp(CAST({x} AS BIGINT))"),
    "TIMESTAMP WITH TIME ZONE": ("epoch_us({x})", "to_timestamp(CAST({x} AS BIGINT) / 1000000)"),
}
"""Types whose values travel as whole numbers since 1970: how these are made, and made values."""


@dataclasses.dataclass(frozen=True)
class Finished:
    """A column of the merged answer: how it is made (asking/finishing.py) of which parts, and its
    type.
    """

    how: str
    parts: tuple[int, ...]
    type: str
    scale: int = 0
    cast: str = "CAST({x} AS {kind})"


@dataclasses.dataclass(frozen=True)
class Finish:
    """What is done with the merged pairs: `names` are the answer's columns, `groups` the types of
    the groups, `aggregates` what is made of the partial ones, and `sql` a query of both, which are
    the columns g0, g1, ... and a0, a1, ... of the table `merged`.
    """

    names: tuple[str, ...]
    groups: tuple[str, ...]
    aggregates: tuple[Finished, ...]
    sql: str


def divide(text: str, table: Table) -> tuple[Plan, Finish]:
    """Divide a question about a table. UsageError where it cannot be."""
    return _Division(parsing.parse(text, table.columns), table).divided()


class _Division:
    def __init__(self, question: Question, table: Table) -> None:
        self._question = question
        self._table = table
        self._types = Types(table)
        self._groups = self._group_expressions()
        self._places = {sql(one): f"g{number}" for number, one in enumerate(self._groups)}
        self._arguments: list[str] = []
        self._parts: list[Part] = []
        self._aggregates: dict[str, Finished] = {}

    def divided(self) -> tuple[Plan, Finish]:
        question = self._question
        if question.where is not None:
            self._check_where(question.where)
        groups = tuple(map(self._group_type, self._groups))
        query = self._final()
        aggregates = tuple(self._aggregates.values())
        self._types.check_merged(query, groups, [one.type for one in aggregates])
        where = sql(question.where) if question.where is not None else ""
        plan = Plan(
            self._table,
            self._needed(),
            tuple(map(self._without_sign, map(sql, self._groups), groups)),
            tuple(self._arguments),
            tuple(self._parts),
            where,
        )
        self._types.check_rows(plan)
        names = tuple(name for name, _ in question.select)
        return plan, Finish(names, groups, aggregates, query)

    def _check_where(self, where: exp.Expr) -> None:
        if any(map(is_aggregate, where.walk())):
            raise UsageError("--sql: WHERE cannot have an aggregate: HAVING can")
        self._types.of(f"CASE WHEN {sql(where)} THEN 1 END")

    def _group_expressions(self) -> list[exp.Expr]:
        """What rows are grouped by: where nothing is aggregated, all that is asked of them."""
        question = self._question
        if question.is_grouped:
            return list(question.groups)
        asked = [one for _, one in question.select]
        if not question.is_distinct:
            asked += [one.this for one in question.order]
        return list({sql(one): one for one in asked}.values())

    def _group_type(self, group: exp.Expr) -> str:
        kind = self._types.of(sql(group))
        if NESTED.fullmatch(kind):
            raise UsageError(
                f"--sql: {sql(group)} is {kind}, which cannot be asked for or grouped by"
            )
        return kind

    @staticmethod
    def _without_sign(text: str, kind: str) -> str:
        """An expression in which -0.0, which equals 0.0, is 0.0."""
        return f"({text}) + CAST(0 AS {kind})" if kind in FLOATS else text

    def _final(self) -> str:
        """The query over the merged pairs."""
        question = self._question
        repeats = not (question.is_grouped or question.is_distinct)
        source = "merged"
        if repeats:
            count = self._column_of(exp.Count(this=exp.Star()))
            source = f"merged, range({count.name})"
        select = ", ".join(
            f"{sql(self._rewritten(one))} AS c{number}"
            for number, (_, one) in enumerate(question.select)
        )
        parts = [f"SELECT {'DISTINCT ' if question.is_distinct else ''}{select} FROM {source}"]
        if question.having is not None:
            parts.append(f"WHERE {sql(self._rewritten(question.having))}")
        if question.order:
            parts.append(f"ORDER BY {', '.join(map(self._order, question.order))}")
        if question.limit is not None:
            parts.append(f"LIMIT {question.limit}")
        if question.offset is not None:
            parts.append(f"OFFSET {question.offset}")
        return " ".join(parts)

    def _order(self, one: exp.Ordered) -> str:
        made = one.copy()
        made.set("this", self._rewritten(one.this))
        return sql(made)

    def _rewritten(self, node: exp.Expr) -> exp.Expr:
        """An expression over the merged columns. UsageError where it needs a row's own."""

        def column(one: exp.Expr) -> exp.Expr:
            if place := self._places.get(sql(one)):
                return exp.column(place)
            if isinstance(one, exp.Filter) or is_aggregate(one):
                return self._column_of(one)
            if isinstance(one, exp.Column):
                raise UsageError(
                    f"--sql: {sql(one)} is neither grouped by nor in an aggregate: add it to GROUP "
                    "BY, or ask for max(...) of it, say"
                )
            return one

        return node.copy().transform(column)

    # --------------------------------------------------------------------------------- aggregates

    def _column_of(self, node: exp.Expr) -> exp.Column:
        """The merged column of an aggregate."""
        text = sql(node)
        if text not in self._aggregates:
            where = None
            aggregate = node
            if isinstance(node, exp.Filter):
                aggregate, where = node.this, node.expression.this
            kind = self._types.of(text)
            how, parts, scale = self._made(aggregate, where)
            _, cast = TEMPORAL.get(kind, ("", Finished.cast))
            self._aggregates[text] = Finished(how, tuple(parts), kind, scale, cast)
        return exp.column(f"a{list(self._aggregates).index(text)}")

    def _made(self, node: exp.Expr, where: exp.Expr | None) -> tuple[str, list[int], int]:
        """How an aggregate is made of which parts, and the scale of a decimal. UsageError."""
        inner = node.this
        if inner is None and isinstance(node, exp.Count):
            inner = exp.Star()
        if isinstance(node, exp.Anonymous) and node.name.lower() == "mean":
            node, inner = exp.Avg(), node.expressions[0]
        if isinstance(inner, exp.Distinct):
            return self._distinct(node, inner, where)
        if any(map(is_aggregate, inner.walk())) if isinstance(inner, exp.Expr) else False:
            raise UsageError(f"--sql: {sql(node)}: an aggregate within another")
        make = _MAKERS.get(type(node))
        more = [value for name, value in node.args.items() if name != "this" and value]
        if make is None or isinstance(inner, exp.Order) or (more and not self._is_plain(node)):
            raise UsageError(
                f"--sql: {sql(node)} cannot be divided among mappers: what can be are "
                f"{', '.join(ASKED)}"
            )
        return make(self, inner, where)

    def _is_plain(self, node: exp.Expr) -> bool:
        """Whether an aggregate has one argument, whatever else sqlglot notes of it."""
        return not any(
            isinstance(one, exp.Expr)
            for name, value in node.args.items()
            if name != "this"
            for one in (value if isinstance(value, list) else [value])
        )

    def _distinct(
        self, node: exp.Expr, distinct: exp.Distinct, where: exp.Expr | None
    ) -> tuple[str, list[int], int]:
        if isinstance(node, exp.Min | exp.Max):
            return _MAKERS[type(node)](self, distinct.expressions[0], where)
        if not isinstance(node, exp.Count) or len(distinct.expressions) != 1:
            raise UsageError(f"--sql: {sql(node)} cannot be divided: count(DISTINCT x) can")
        kind = self._types.of(sql(distinct.expressions[0]))
        form = self._without_sign("{x}", kind)
        argument = self._argument(distinct.expressions[0], where, form)
        return "distinct", [self._part("distinct", argument)], 0

    def _argument(self, node: exp.Expr, where: exp.Expr | None, form: str = "{x}") -> int:
        """The number of an argument, which counts where a condition holds."""
        text = form.format(x=sql(node))
        if where is not None:
            text = f"CASE WHEN {sql(where)} THEN {text} END"
        if text not in self._arguments:
            self._arguments.append(text)
        return self._arguments.index(text)

    def _part(self, kind: str, argument: int | None, scale: int = 0) -> int:
        part = Part(kind, argument, scale)
        if part not in self._parts:
            self._parts.append(part)
        return self._parts.index(part)

    def count(self, node: exp.Expr, where: exp.Expr | None) -> tuple[str, list[int], int]:
        if isinstance(node, exp.Star):
            if where is None:
                return "count", [self._part("count", None)], 0
            node = exp.Literal.number(1)
        return "count", [self._part("count", self._argument(node, where))], 0

    def count_if(self, node: exp.Expr, where: exp.Expr | None) -> tuple[str, list[int], int]:
        argument = self._argument(node, where, "CASE WHEN {x} THEN 1 END")
        return "count", [self._part("count", argument)], 0

    def sum(self, node: exp.Expr, where: exp.Expr | None) -> tuple[str, list[int], int]:
        part, kind, scale = self._sum_part(node, where)
        return ("exact" if kind == "exact" else "decimal"), [part], scale

    def avg(self, node: exp.Expr, where: exp.Expr | None) -> tuple[str, list[int], int]:
        part, kind, scale = self._sum_part(node, where)
        count = self._part("count", self._parts[part].argument)
        return ("average_exact" if kind == "exact" else "average"), [part, count], scale

    def _sum_part(self, node: exp.Expr, where: exp.Expr | None) -> tuple[int, str, int]:
        kind = self._types.of(sql(node))
        if kind in FLOATS:
            return (
                self._part("exact", self._argument(node, where, "CAST({x} AS DOUBLE)")),
                "exact",
                0,
            )
        if found := _DECIMAL.fullmatch(kind):
            scale = int(found[1])
            return self._part("sum", self._argument(node, where), scale), "sum", scale
        if kind in WHOLE_NUMBERS or kind == "BOOLEAN":
            form = "CAST({x} AS INTEGER)" if kind == "BOOLEAN" else "{x}"
            return self._part("sum", self._argument(node, where, form)), "sum", 0
        raise UsageError(f"--sql: {sql(node)} is {kind}, which has no sum and no average here")

    def extreme(
        self, which: str, node: exp.Expr, where: exp.Expr | None
    ) -> tuple[str, list[int], int]:
        kind = self._types.of(sql(node))
        if kind in FLOATS:
            name = {"min": "least", "max": "largest"}[which]
            return "value", [self._part(name, self._argument(node, where))], 0
        if kind in TEMPORAL:
            form, _ = TEMPORAL[kind]
            return "value", [self._part(which, self._argument(node, where, form))], 0
        if found := _DECIMAL.fullmatch(kind):
            scale = int(found[1])
            return "decimal", [self._part(which, self._argument(node, where), scale)], scale
        if kind in WHOLE_NUMBERS or kind in ("VARCHAR", "BOOLEAN"):
            return "value", [self._part(which, self._argument(node, where))], 0
        raise UsageError(f"--sql: {sql(node)} is {kind}, which has no {which} here")

    def moments(
        self, how: str, node: exp.Expr, where: exp.Expr | None
    ) -> tuple[str, list[int], int]:
        kind = self._types.of(sql(node))
        if NESTED.fullmatch(kind) or kind in (*TEMPORAL, "VARCHAR", "BOOLEAN"):
            raise UsageError(f"--sql: {sql(node)} is {kind}, which has no variance")
        return how, [self._part("moments", self._argument(node, where))], 0

    def approximate(self, node: exp.Expr, where: exp.Expr | None) -> tuple[str, list[int], int]:
        form = self._without_sign("{x}", self._types.of(sql(node)))
        return "estimate", [self._part("registers", self._argument(node, where, form))], 0

    def _needed(self) -> tuple[str, ...]:
        """The columns that are named anywhere, in the table's order."""
        parts = [
            *self._groups,
            *([self._question.where] if self._question.where is not None else []),
        ]
        parts += map(parsing.expression, self._arguments)
        # The field of a STRUCT is read as a column of a table.
        named = {node.parts[0].name for part in parts for node in part.find_all(exp.Column)}
        return tuple(name for name in self._table.columns if name in named)


Maker = Callable[[_Division, exp.Expr, "exp.Expr | None"], tuple[str, list[int], int]]
_MAKERS: dict[type[exp.Expr], Maker] = {
    exp.Count: _Division.count,
    exp.CountIf: _Division.count_if,
    exp.Sum: _Division.sum,
    exp.Avg: _Division.avg,
    exp.Min: lambda own, *words: own.extreme("min", *words),
    exp.Max: lambda own, *words: own.extreme("max", *words),
    exp.LogicalAnd: lambda own, *words: own.extreme("min", *words),
    exp.LogicalOr: lambda own, *words: own.extreme("max", *words),
    exp.Stddev: lambda own, *words: own.moments("stddev_samp", *words),
    exp.StddevSamp: lambda own, *words: own.moments("stddev_samp", *words),
    exp.StddevPop: lambda own, *words: own.moments("stddev_pop", *words),
    exp.Variance: lambda own, *words: own.moments("var_samp", *words),
    exp.VariancePop: lambda own, *words: own.moments("var_pop", *words),
    exp.ApproxDistinct: _Division.approximate,
}
ASKED = (
    *(
        "count",
        "count(DISTINCT x)",
        "approx_count_distinct",
        "count_if",
        "sum",
        "avg",
        "min",
        "max",
    ),
    *("stddev", "stddev_pop", "variance", "var_pop", "bool_and", "bool_or"),
)


class Types:
    """What DuckDB says of expressions over a table's columns."""

    def __init__(self, table: Table) -> None:
        self._connection = duckdb.connect(":memory:", config={"enable_external_access": "false"})
        try:
            self._connection.execute(f"CREATE TABLE input ({fields(table.columns)})")
        except duckdb.Error as error:
            raise UsageError(f"--schema: {said(error)}") from error

    def of(self, expression: str) -> str:
        """The type of an expression. UsageError where it is none."""
        return str(self._run(f"DESCRIBE SELECT {expression} AS x FROM input")[0][1])

    def check_rows(self, plan: Plan) -> None:
        """UsageError where DuckDB cannot compute of a row what a mapper is told to."""
        asked = ", ".join([*plan.groups, *plan.arguments]) or "NULL"
        needed = ", ".join(map(quoted, plan.needed)) or "NULL"
        condition = f"WHERE {plan.where}" if plan.where else ""
        self._run(f"EXPLAIN SELECT {asked} FROM (SELECT {needed} FROM input) {condition}")

    def check_merged(self, query: str, groups: Sequence[str], aggregates: Sequence[str]) -> None:
        """UsageError where a query over columns of these types cannot be computed."""
        columns = {f"g{number}": kind for number, kind in enumerate(groups)}
        columns |= {f"a{number}": kind for number, kind in enumerate(aggregates)}
        self._run(f"CREATE TABLE merged ({fields(columns or {'nothing': 'BOOLEAN'})})")
        self._run(f"EXPLAIN {query}")

    def _run(self, command: str) -> list[Any]:
        try:
            return self._connection.execute(command).fetchall()
        except duckdb.Error as error:
            hint = ": --schema gives a column another type" if "types" in str(error) else ""
            raise UsageError(f"--sql: {said(error)}{hint}") from error


def said(error: Exception) -> str:
    """DuckDB's own words, in one line, without the place in a query that nobody wrote."""
    lines = [line.strip() for line in str(error).splitlines()]
    return brief(" ".join(line for line in lines if line and not re.match(r"LINE \d|\^", line)))[
        1:-1
    ]
