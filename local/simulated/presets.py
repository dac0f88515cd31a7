"""The Big Data Benchmark's input and queries, and what computes them, as numbers."""

from __future__ import annotations

import dataclasses

from local.simulated.groups import Groups
from local.simulated.job import Layout
from local.simulated.rates import Rates
from local.simulated.workers import Query

ROW_BYTES = 25.4e9 / 155e6
INPUTS = {"1node": (25_400_000_000, 202), "5nodes": (126_800_000_000, 1010)}
"""Bytes and objects of uservisits."""

QUERIES = {"2A": (2.07e6, 28.0), "2B": (31.3e6, 30.0), "2C": (269e6, 32.0)}
"""Different keys there are, and bytes of a pair: the first 8, 10 or 12 characters of an address.

The keys are taken to be alike. Of 269 million, the 775 million rows of 5nodes hit 253.9 million,
as many as the benchmark counts.
"""

ENGINES = {
    "standard": {},
    "polars": {"kernel": 335.7e6, "merge": 1.488e6},
}
"""Rates that differ from the standard library's: Polars in the mapper, orjson in the reducer."""


def layout(query: str, data: str) -> Layout:
    """A query over an input."""
    keys, pair_bytes = QUERIES[query]
    size, objects = INPUTS[data]
    return Layout(size, objects, Query(Groups(keys), ROW_BYTES, pair_bytes))


def with_engine(rates: Rates, engine: str) -> Rates:
    """Rates with those of an engine."""
    return dataclasses.replace(rates, **ENGINES[engine])
