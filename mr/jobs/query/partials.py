"""Partial aggregates: the form in which functions pass them on, and how two become one; pure.

Each is what JSON has a form for; None is "no value yet" and combines with anything. A sum of
floating-point numbers is exact: every finite one is m x 2^e with whole m and e, and so is their
sum, which stands as a number where a float holds it, else as the text "MpE", or "MpE+MpE+...", and
is rounded once, at the very end.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from errors import JobError

MOST_DISTINCT = 100_000
"""Different values of a group that count(DISTINCT ...) keeps, as texts."""
REGISTER_BITS = 12
"""2^12 registers of a HyperLogLog sketch: a standard error of 1.04 / 2^6, 1.6 %."""
RANKS = 64
"""A register and its rank as one number: register x 64 + rank."""
FLOAT_BITS, LEAST_EXPONENT, MOST_EXPONENT = 53, -1074, 1024
"""Of a float: the bits of its mantissa; the least number is 2^LEAST_EXPONENT, and 2^MOST_EXPONENT
is the first power of two that is too large.
"""
Sum = float | str
"""A text may end with "!FLAGS": 1 for inf, 2 for -inf, both for nan."""


# ------------------------------------------------------------------ exact sums of binary fractions


def exact(mantissa: int, exponent: int, flags: int = 0) -> Sum:
    """mantissa x 2^exponent; `flags` tell of inf, -inf and nan among what was summed."""
    if mantissa:
        zeros = (mantissa & -mantissa).bit_length() - 1
        mantissa, exponent = mantissa >> zeros, exponent + zeros
    else:
        exponent = 0
    bits = mantissa.bit_length()
    fits = bits <= FLOAT_BITS and exponent >= LEAST_EXPONENT and bits + exponent <= MOST_EXPONENT
    if fits and not flags:
        return math.ldexp(mantissa, exponent)
    return f"{mantissa}p{exponent}" + (f"!{flags}" if flags else "")


def parse_exact(value: Sum) -> tuple[int, int, int]:
    """Mantissa, exponent and flags of a sum. ValueError."""
    if not isinstance(value, str):
        numerator, denominator = value.as_integer_ratio()
        return numerator, 1 - denominator.bit_length(), 0
    numbers, _, flags = value.partition("!")
    mantissa, exponent = 0, 0
    for number in numbers.split("+"):
        own, _, place = number.partition("p")
        low = min(exponent, int(place))
        mantissa = (mantissa << exponent - low) + (int(own) << int(place) - low)
        exponent = low
    return mantissa, exponent, int(flags or 0)


def add_exact(a: Sum, b: Sum) -> Sum:
    """The sum of two."""
    (m, e, f), (n, g, h) = parse_exact(a), parse_exact(b)
    low = min(e, g)
    return exact((m << (e - low)) + (n << (g - low)), low, f | h)


def ratio(value: Sum) -> tuple[int, int]:
    """The same number as a fraction: numerator, denominator."""
    mantissa, exponent, _ = parse_exact(value)
    return (mantissa << exponent, 1) if exponent >= 0 else (mantissa, 1 << -exponent)


def rounded(value: Sum, count: int = 1) -> float:
    """The sum divided by `count`, to the nearest float."""
    numerator, denominator = ratio(value)
    flags = parse_exact(value)[2]
    if flags:
        return {1: math.inf, 2: -math.inf}.get(flags, math.nan)
    try:
        return numerator / (denominator * count)
    except OverflowError:
        return math.inf if numerator > 0 else -math.inf


# -------------------------------------------------------------------------------------- the others


def code(value: float | None) -> float | str | None:
    """A float as JSON has it."""
    return value if value is None or math.isfinite(value) else str(value)


def _rank(value: float | str) -> tuple[bool, float]:
    """How a database orders floats: nan is the largest."""
    number = float(value)
    return number != number, number


def _least(a: Any, b: Any) -> Any:
    return min(a, b, key=_rank)


def _largest(a: Any, b: Any) -> Any:
    return max(a, b, key=_rank)


def add_moments(a: list[Any], b: list[Any]) -> list[Any]:
    """Count, mean and sum of squared differences from it, of both together; nan once any of these
    is not finite.

    Chan, Golub, LeVeque: "Updating formulae and a pairwise algorithm for computing sample
    variances" (1979).
    """
    (m, mean_a, square_a), (n, mean_b, square_b) = map(_numbers, (a, b))
    delta = mean_b - mean_a
    mean = mean_a + delta * n / (m + n)
    squares = square_a + square_b + delta * delta * m * n / (m + n)
    if not (math.isfinite(mean) and math.isfinite(squares)):
        return [m + n, "nan", "nan"]
    return [m + n, mean, squares]


def _numbers(moments: list[Any]) -> tuple[int, float, float]:
    count, mean, squares = moments
    return count, float(mean), float(squares)


def add_distinct(a: list[str], b: list[str]) -> list[str]:
    """Both sets of values, in order. JobError where they are too many."""
    return bounded(sorted({*a, *b}))


def bounded(values: list[str]) -> list[str]:
    """The values. JobError where they are too many."""
    check_set(len(values))
    return values


def check_set(size: int) -> None:
    """JobError where so many different values are too many."""
    if size > MOST_DISTINCT:
        raise JobError(
            f"count(DISTINCT ...) met more than {MOST_DISTINCT:,} values in one group: ask for "
            "approx_count_distinct(...), or group by the column and count the groups"
        )


def add_registers(a: list[int], b: list[int]) -> list[int]:
    """A sketch of both: of each register the higher rank."""
    return registers([*a, *b])


def registers(codes: list[int]) -> list[int]:
    """The highest rank of each register, in order."""
    highest: dict[int, int] = {}
    for one in sorted(codes):
        highest[one // RANKS] = one
    return list(highest.values())


def estimate(codes: list[int]) -> int:
    """How many different values a sketch has seen.

    Flajolet et al.: "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm"
    (2007), with linear counting while registers are empty.
    """
    count = 1 << REGISTER_BITS
    ranks = [one % RANKS for one in codes]
    empty = count - len(ranks)
    raw = 0.7213 / (1 + 1.079 / count) * count**2 / (empty + sum(2.0**-rank for rank in ranks))
    if empty and raw <= 2.5 * count:
        raw = count * math.log(count / empty)
    return round(raw)


Merge = Callable[[Any, Any], Any]
_MERGES: dict[str, Merge] = {
    "sum": lambda a, b: a + b,
    "count": lambda a, b: a + b,
    "exact": add_exact,
    "min": min,
    "max": max,
    "least": _least,
    "largest": _largest,
    "moments": add_moments,
    "distinct": add_distinct,
    "registers": add_registers,
}
KINDS = tuple(_MERGES)


def merge_of(kind: str) -> Merge:
    """How two partial aggregates of a kind become one. KeyError."""
    merge = _MERGES[kind]

    def merged(a: Any, b: Any) -> Any:
        if a is None or b is None:
            return b if a is None else a
        return merge(a, b)

    return merged
