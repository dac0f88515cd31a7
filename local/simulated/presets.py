"""The Big Data Benchmark's input and queries, and what computes them, as numbers."""

from __future__ import annotations

import dataclasses

from local.simulated.groups import addresses
from local.simulated.job import Layout
from local.simulated.rates import Rates
from local.simulated.work import Query

ROW_BYTES = 25.4e9 / 155e6
INPUTS = {"1node": (25_400_000_000, 202), "5nodes": (126_800_000_000, 1010)}
"""Bytes and objects of uservisits."""

QUERIES = {"2A": 8, "2B": 10, "2C": 12}
"""Characters of sourceIP that are a query's group."""
PAIR_BYTES = 20
"""Bytes of a pair in an output, its key apart: quotes, colon, comma, and a sum with 16 digits."""

ENGINES = {
    "standard": {},
    "polars": {"kernel": 335.7e6, "encode": 1.8e6, "merge": 1.92e6},
}
"""Rates that differ from the standard library's: Polars in the mapper, orjson in both."""


def layout(query: str, data: str) -> Layout:
    """A query over an input."""
    characters = QUERIES[query]
    size, objects = INPUTS[data]
    groups = addresses(characters)
    return Layout(size, objects, Query(groups, ROW_BYTES, characters + PAIR_BYTES))


def with_engine(rates: Rates, engine: str) -> Rates:
    """Rates with those of an engine."""
    return dataclasses.replace(rates, **ENGINES[engine])
