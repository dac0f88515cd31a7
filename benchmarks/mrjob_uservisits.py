"""Query 2A for mrjob, with a combiner, as its documentation has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from mrjob.job import MRJob


class Revenue(MRJob):
    """Revenue by the first eight characters of the address."""

    def mapper(self, _: Any, line: str) -> Iterator[tuple[str, float]]:
        columns = line.split(",", 4)
        yield columns[0][:8], float(columns[3])

    def combiner(self, key: str, values: Iterable[float]) -> Iterator[tuple[str, float]]:
        yield key, sum(values)

    def reducer(self, key: str, values: Iterable[float]) -> Iterator[tuple[str, float]]:
        yield key, sum(values)


if __name__ == "__main__":
    Revenue.run()
