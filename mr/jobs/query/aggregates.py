"""Partial aggregates in DuckDB's SQL: the columns of each kind, and their JSON; pure.

A sum of floating-point numbers is made exact so: numbers whose exponents are near each other, a
bin, are scaled by a power of two, which loses nothing, to whole numbers of 128 bits, which DuckDB
adds up without rounding.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from jobs.query import partials
from jobs.query.partials import LEAST_EXPONENT
from jobs.query.plan import Part

BIN_BITS = 40
"""Exponents of a bin: with the 53 bits of a number, room is left for 2^34 of them."""
MANTISSA_BITS = 52
LARGEST_SCALE = 1000
"""Powers of two that fit a float by themselves."""


@dataclasses.dataclass(frozen=True)
class Columns:
    """The columns of a partial aggregate, as SQL, and the JSON of what they hold, as SQL in which
    {0}, {1}, ... are these columns; NULL is no value.
    """

    sql: Sequence[str]
    json: str


@dataclasses.dataclass(frozen=True)
class Bin:
    """Numbers from 2^low to below 2^(low + BIN_BITS)."""

    low: int

    @property
    def unit(self) -> int:
        """What they are counted in: their sum is whole in units of 2^unit."""
        return self.low - MANTISSA_BITS

    def sql(self, argument: str, least: bool, most: bool) -> str:
        """Their sum; of the least bin with the numbers below, of the last one with those above."""
        whole = f"CAST({_scaled(argument, -self.unit)} AS HUGEINT)"
        bounds = [] if least else [f"abs({argument}) >= {2.0**self.low!r}::DOUBLE"]
        if not most:
            bounds.append(f"abs({argument}) < {2.0 ** (self.low + BIN_BITS)!r}::DOUBLE")
        if bounds:
            whole = f"CASE WHEN {' AND '.join(bounds)} THEN {whole} END"
        return f"sum({whole})"


def _scaled(number: str, power: int) -> str:
    """A number times 2^power, which need not fit a float by itself."""
    factors = []
    while power:
        some = max(-LARGEST_SCALE, min(power, LARGEST_SCALE))
        factors.append(f" * {2.0**some!r}::DOUBLE")
        power -= some
    return f"({number}{''.join(factors)})"


def is_exact(part: Part) -> bool:
    return part.kind == "exact"


def reach(part: Part) -> str:
    """How small and how large the finite numbers of an argument are but for 0, and whether others
    are among them: three columns.
    """
    size, finite = f"abs(x{part.argument})", f"isfinite(x{part.argument})"
    return (
        f"min({size}) FILTER (WHERE {finite} AND {size} > 0), "
        f"max({size}) FILTER (WHERE {finite}), bool_or(NOT {finite})"
    )


def bins_of(
    least: float | None, most: float | None, strange: bool | None
) -> tuple[Bin | None, ...]:
    """The bins for numbers of these sizes; None among them stands for what is not finite."""
    found: list[Bin | None] = [None] if strange else []
    if least is None or not most:
        return tuple(found) if found else (Bin(0),)
    low = max(LEAST_EXPONENT, math.frexp(least)[1] - 1)
    top = math.frexp(most)[1]
    return (*found, *(Bin(exponent) for exponent in range(low, top, BIN_BITS)))


def columns_of(part: Part, bins: Sequence[Bin | None] = ()) -> Columns:
    """The columns of a partial aggregate, over rows whose arguments are named x0, x1, ..."""
    x = "*" if part.argument is None else f"x{part.argument}"
    if part.kind == "exact":
        return _exact(x, bins)
    if part.kind == "moments":
        number = f"CAST({x} AS DOUBLE)"
        moments = (f"count({x})", f"avg({number})", f"var_pop({number}) * count({x})")
        mean, squares = FLOAT.format(x="{1}"), FLOAT.format(x="{2}")
        return Columns(
            moments,
            f"CASE WHEN {{0}} > 0 THEN concat('[', {{0}}, ',', {mean}, ',', {squares}, ']') END",
        )
    sql, json = _SINGLE[part.kind]
    json = DECIMAL if part.scale else json
    return Columns([sql.format(x=x)], json.format(x="{0}"))


def _exact(x: str, bins: Sequence[Bin | None]) -> Columns:
    finite = [one for one in bins if one is not None]
    sums = [
        one.sql(
            x if None not in bins else f"CASE WHEN isfinite({x}) THEN {x} END",
            number == 0,
            one is finite[-1],
        )
        for number, one in enumerate(finite)
    ]
    if len(bins) == len(finite) == 1:
        return Columns(sums, _one_sum(finite[0]))
    terms = ", ".join(f"{{{number}}} || 'p{one.unit}'" for number, one in enumerate(finite))
    total = f"nullif(concat_ws('+', {terms}), '')" if terms else "CAST(NULL AS VARCHAR)"
    if len(bins) == len(finite):
        return Columns(sums, f"'\"' || {total} || '\"'")
    flags = f"CASE WHEN isnan({x}) THEN 3 WHEN {x} > 0 THEN 1 ELSE 2 END"
    strange = f"bit_or({flags}) FILTER (WHERE NOT isfinite({x}))"
    flag = f"{{{len(sums)}}}"
    total = f"coalesce({total} || coalesce('!' || {flag}, ''), '0p0!' || {flag})"
    return Columns([*sums, strange], f"'\"' || {total} || '\"'")


def _one_sum(one: Bin) -> str:
    """The JSON of the sum of a single bin: a number where a float holds it, which is short."""
    near = "CAST({0} AS DOUBLE)"
    number = _scaled(near, one.unit)
    return (
        f"CASE WHEN TRY_CAST({near} AS HUGEINT) = {{0}} AND isfinite({number}) "
        f"THEN CAST(to_json({number}) AS VARCHAR) ELSE '\"' || {{0}} || 'p{one.unit}\"' END"
    )


WHOLE = (
    "CASE WHEN {x} BETWEEN -1000000000000000000 AND 1000000000000000000 "
    "THEN CAST(CAST({x} AS BIGINT) AS VARCHAR) ELSE CAST({x} AS VARCHAR) END"
)
"""A whole number: DuckDB writes small ones ten times as fast."""
DECIMAL = (
    "CASE WHEN {x} < 0 THEN '-' ELSE '' END || coalesce(nullif("
    "ltrim(replace(ltrim(CAST({x} AS VARCHAR), '-'), '.', ''), '0'), ''), "
    "CASE WHEN {x} IS NOT NULL THEN '0' END)"
)
"""A decimal as a whole number of its last digit."""
FLOAT = (
    "CASE WHEN isfinite({x}) THEN CAST(to_json(CAST({x} AS DOUBLE)) AS VARCHAR) "
    "ELSE '\"' || CAST({x} AS VARCHAR) || '\"' END"
)
"""A float: what JSON has no form for stands as a text."""
ANY = (
    "CASE WHEN typeof({x}) = 'VARCHAR' THEN CAST(to_json({x}) AS VARCHAR) "
    "ELSE CAST({x} AS VARCHAR) END"
)
_REST = 64 - partials.REGISTER_BITS
_REGISTER = (
    f"CAST(hash({{x}}) >> {_REST} AS INTEGER) * {partials.RANKS} + "
    f"{_REST} - CAST(floor(log2((hash({{x}}) & {(1 << _REST) - 1}) + 0.5)) AS INTEGER)"
)
_HIGHEST = (
    "list_filter({x}, lambda code, place: place = len({x}) "
    f"OR {{x}}[place + 1] // {partials.RANKS} <> code // {partials.RANKS})"
)
"""Of codes in order the highest of each register."""
_SINGLE = {
    "sum": ("sum({x})", WHOLE),
    "count": ("count({x})", "CAST({x} AS VARCHAR)"),
    "min": ("min({x})", ANY),
    "max": ("max({x})", ANY),
    "least": ("min({x})", FLOAT),
    "largest": ("max({x})", FLOAT),
    "distinct": (
        "list_sort(list(DISTINCT CAST({x} AS VARCHAR)) FILTER (WHERE {x} IS NOT NULL))",
        "CAST(to_json({x}) AS VARCHAR)",
    ),
    "registers": (
        f"list_sort(list(DISTINCT {_REGISTER}) FILTER (WHERE {{x}} IS NOT NULL))",
        f"CAST(to_json({_HIGHEST}) AS VARCHAR)",
    ),
}
