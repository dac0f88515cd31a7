"""Partial aggregates in DuckDB's SQL: the columns of each kind, and what is read of them; pure.

A sum of floating-point numbers is made exact so: numbers whose exponents are near each other, a
bin, are scaled by a power of two, which loses nothing, to whole numbers of 128 bits, which DuckDB
adds up without rounding.
"""

from __future__ import annotations

import dataclasses
import decimal
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from jobs.query import partials
from jobs.query.plan import Part

BIN_BITS = 40
"""Exponents of a bin: with the 53 bits of a number, room is left for 2^34 of them."""
MANTISSA_BITS = 52
LEAST_EXPONENT = -1074
"""That of the smallest number above zero."""
MOST_EXPONENT = 1024
"""2^1024 is the first power of two that is too large."""
LARGEST_SCALE = 1000
"""Powers of two that fit a float by themselves."""
DIGITS = decimal.Context(prec=80)


@dataclasses.dataclass(frozen=True)
class Columns:
    """The columns of a partial aggregate, as SQL, and what makes one value of theirs."""

    sql: Sequence[str]
    read: Callable[[Sequence[Any]], Any]


@dataclasses.dataclass(frozen=True)
class Bin:
    """Numbers from 2^low to below 2^(low + BIN_BITS)."""

    low: int

    @property
    def factors(self) -> list[float]:
        """Powers of two that make whole numbers of them."""
        shift = MANTISSA_BITS - self.low
        first = min(shift, LARGEST_SCALE)
        return [2.0**first, *([2.0 ** (shift - first)] if shift > first else [])]

    def sql(self, argument: str, alone: bool) -> str:
        """Their sum, in units of 2^(low - MANTISSA_BITS)."""
        scaled = " * ".join([argument, *(f"{factor!r}::DOUBLE" for factor in self.factors)])
        whole = f"CAST({scaled} AS HUGEINT)"
        bounds = [f"abs({argument}) >= {2.0**self.low!r}::DOUBLE"]
        if self.low + BIN_BITS < MOST_EXPONENT:
            bounds.append(f"abs({argument}) < {2.0 ** (self.low + BIN_BITS)!r}::DOUBLE")
        else:
            bounds.append(f"isfinite({argument})")
        if not alone:
            whole = f"CASE WHEN {' AND '.join(bounds)} THEN {whole} END"
        return f"sum({whole})"

    @property
    def unit(self) -> int:
        return self.low - MANTISSA_BITS


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
        return Columns(moments, lambda row: list(row) if row[0] else None)
    sql, read = _SINGLE[part.kind]
    return Columns([sql.format(x=x)], lambda row: read(row[0], part))


def _exact(x: str, bins: Sequence[Bin | None]) -> Columns:
    finite = [one for one in bins if one is not None]
    alone = len(finite) == 1 and None not in bins
    flags = f"CASE WHEN isnan({x}) THEN 3 WHEN {x} > 0 THEN 1 ELSE 2 END"
    strange = f"bit_or({flags}) FILTER (WHERE NOT isfinite({x}))"
    sql = [strange if one is None else one.sql(x, alone) for one in bins]
    return Columns([f"count({x})", *sql], lambda row: _exact_of(row, bins))


def _exact_of(row: Sequence[Any], bins: Sequence[Bin | None]) -> str | None:
    if not row[0]:
        return None
    total = flags = 0
    low = min((one.unit for one in bins if one is not None), default=0)
    for one, found in zip(bins, row[1:], strict=True):
        if found is None:
            continue
        if one is None:
            flags = found
        else:
            total += found << (one.unit - low)
    return partials.exact(total, low, flags)


def _whole(value: Any, part: Part) -> Any:
    """A decimal as a whole number of its last digit; all else as it is."""
    if isinstance(value, decimal.Decimal):
        return int(value.scaleb(part.scale, DIGITS))
    return value


def _values(found: Iterable[str] | None, part: Part) -> list[str]:
    return partials.bounded(sorted(found or ()))


def _registers(found: Iterable[int] | None, part: Part) -> list[int]:
    return partials.registers(list(found or ()))


def _float(value: float | None, part: Part) -> float | str | None:
    return partials.code(value)


_REST = 64 - partials.REGISTER_BITS
_REGISTER = (
    f"CAST(hash({{x}}) >> {_REST} AS INTEGER) * {partials.RANKS} + "
    f"{_REST} - CAST(floor(log2((hash({{x}}) & {(1 << _REST) - 1}) + 0.5)) AS INTEGER)"
)
_SINGLE: dict[str, tuple[str, Callable[[Any, Part], Any]]] = {
    "sum": ("sum({x})", _whole),
    "count": ("count({x})", _whole),
    "min": ("min({x})", _whole),
    "max": ("max({x})", _whole),
    "least": ("min({x})", _float),
    "largest": ("max({x})", _float),
    "distinct": ("list(DISTINCT CAST({x} AS VARCHAR)) FILTER (WHERE {x} IS NOT NULL)", _values),
    "registers": (f"list(DISTINCT {_REGISTER}) FILTER (WHERE {{x}} IS NOT NULL)", _registers),
}
