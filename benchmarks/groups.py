"""The section about a job of many groups: what the steps that divide the keys are for."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from cloud import Cloud
from common import Bench, Section, comparison, megabytes
from measure import Run, in_turns, whole

from local.emulator import Emulator

OBJECTS = 8
ROUNDS = 2
"""A round takes minutes."""
BOUND = 300.0
"""Seconds that another framework may take."""


def many_groups(bench: Bench) -> Section:
    """A whole job whose answer is nearly as large as its input, against other frameworks, and
    against an earlier version of this project where a checkout of one was given.
    """
    count = 20_000 if bench.quick else 4_000_000
    folder = bench.folder / "groups"
    size = write_rows(folder, count)
    split = ("--splitsize", str(size // OBJECTS), "--concurrency", "2")
    with ExitStack() as stack:
        clouds = {"ours": bench.cloud}
        if bench.before:
            emulator = stack.enter_context(Emulator())
            clouds["before"] = Cloud(emulator, folder, bench.before)
            clouds["before"].deploy()
        for cloud in clouds.values():
            cloud.upload("groups/", sorted(folder.glob("part-*")))
        cases: dict[str, Callable[[], Run]] = {
            name: functools.partial(cloud.job, "groups/", *split) for name, cloud in clouds.items()
        }
        for name in ("mrjob", "lithops", "duckdb"):
            cases[name] = functools.partial(whole, f"{name}_job", folder, BOUND)
        runs, missing = in_turns(cases, ROUNDS)
    text = (
        f"{OBJECTS} objects, {megabytes(size)} in all, with {count:,} rows of as many groups, on "
        "this machine's two cores, from the shell command to the answer in memory, in "
        f"{ROUNDS} rounds. Steps are planned for functions that have a core each; here, two are "
        "all there is."
    )
    rows = [row[:-1] for row in comparison(runs, "before" if "before" in runs else "ours", size)]
    return Section("many_groups", "A job of many groups", text, rows, {}, missing)


def write_rows(folder: Path, count: int) -> int:
    """Write so many rows, each of its own group, in random order; their bytes."""
    folder.mkdir()
    numbers = list(range(count))
    random.Random(1).shuffle(numbers)  # noqa: S311 - input, not a secret
    size = 0
    for part in range(OBJECTS):
        rows = (
            f"{number:08x}.1,u,2000-01-01,{number % 97}.5,a\n" for number in numbers[part::OBJECTS]
        )
        size += (folder / f"part-{part}").write_text("".join(rows))
    return size
