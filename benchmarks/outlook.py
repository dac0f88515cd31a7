"""The section that is computed: what the job would take on AWS, beside what others published."""

from __future__ import annotations

import dataclasses

from common import Bench, Section
from model import Rates, estimate

PUBLISHED = [
    ("1node, 25.4 GB", "the original, on AWS", "600 s", ""),
    ("1node, 25.4 GB", "corral (Go), on AWS", "48.5 s", ""),
    ("5nodes, 126.8 GB", "corral (Go), on AWS", "168.8 s", ""),
    ("5nodes, 126.8 GB", "awslabs' reference, on AWS", "200 s", "$0.1129"),
    ("5nodes, 126.8 GB", "Redshift", "25.5 s", ""),
    ("5nodes, 126.8 GB", "Impala", "84 s", ""),
    ("5nodes, 126.8 GB", "Hive", "731 s", ""),
]


JOBS = (
    ("uservisits", "kernel", "merge"),
    ("uservisits_polars, reducers with orjson", "polars", "merge_orjson"),
)
"""Title, and the names of its measured rates."""


def model(bench: Bench) -> Section:
    """The AWS run, computed from what was measured."""
    rows = [["input", "mapper", "split", "mappers", "reducers", "seconds", "dollars"]]
    series: dict[str, list[tuple[float, float]]] = {}
    for title, size in (("1node, 25.4 GB", 25.4e9), ("5nodes, 126.8 GB", 126.8e9)):
        for job, kernel, merge in JOBS:
            rates = Rates(kernel=bench.rates[kernel], merge=bench.rates[merge])
            for split in (32, 64, 128, 256, 512, 900):
                found = estimate(int(size), int(split * 1e6), rates)
                rows.append(
                    [title, job, f"{split} MB", f"{found.mappers:,}", str(found.reducers),
                     f"{found.seconds:.1f}", f"${found.dollars:.4f}"]
                )  # fmt: skip
                series.setdefault(f"{title}, {job}", []).append((split, found.seconds))
    rows += [
        [title, who, "", "", "", seconds, dollars] for title, who, seconds, dollars in PUBLISHED
    ]
    fields = dataclasses.asdict(Rates(bench.rates["kernel"], bench.rates["merge"]))
    assumed = ", ".join(f"`{name}` {value:g}" for name, value in fields.items())
    text = (
        "**Computed, not measured**, from the rates above and these assumptions "
        f"(benchmarks/model.py says what each is): {assumed}. The kernel of the second job is "
        f"{bench.rates['polars']:,.0f} bytes/s, and its reducers merge "
        f"{bench.rates['merge_orjson']:,.0f} pairs/s. A core here is taken for a core there; "
        "mappers start at once up to the account's concurrency; the slowest one is taken to be "
        "like the others. At the bottom, what others have published, on AWS and on clusters."
    )
    plot = {
        "kind": "lines", "title": "The modelled AWS run", "x": "split size, MB", "y": "seconds",
        "series": series,
    }  # fmt: skip
    return Section("model", "A model of the run on AWS", text, rows, plot)
