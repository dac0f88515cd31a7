"""One run of an experiment: the job is run by driver.py, and its row is made of what it tells."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from errors import log
from experiments.commands import DRIVER, JOB, ask
from experiments.deploying import Deployment
from experiments.plan import COLD, Combination, Run
from experiments.table import SETTINGS, Row

LOG_SECONDS = 60.0
"""How long the last lines of the logs may take until they can be read."""
POLL_SECONDS = 2.0


@dataclasses.dataclass(frozen=True)
class Bench:
    """Where runs are made: the functions, and how time passes."""

    deployment: Deployment
    clock: Callable[[], float]
    sleep: Callable[[float], None]

    def measure(self, run: Run) -> Row:
        """Make a run. Failed.

        A warm one comes right behind another of the same functions, which is not measured.
        """
        if run.combination.start == COLD:
            self.deployment.freshen(run.number)
        else:
            self.drive(run.combination)
        summary = self.drive(run.combination)["summary"]
        return row_of(run, summary, self.timings(summary))

    def drive(self, what: Combination) -> Any:
        """Run the job once; what driver.py says of it."""
        plan, names = self.deployment.plan, self.deployment.functions(what.machine)
        where = ("--databkt", plan.databkt, "--prefix", plan.prefix, "--job", what.job)
        sizes = [
            word
            for name in ("batchsize", "splitsize")
            if getattr(what, name)
            for word in (f"--{name}", str(getattr(what, name)))
        ]
        how = ("--wait4reducers", "--overwrite", "--json", "--quiet", *self._aws())
        return ask(DRIVER, plan.bucket, self.deployment.job_id, *names, *where, *sizes, *how)

    def timings(self, summary: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The function calls of the run, once the logs tell of every end, or after a while."""
        deadline = self.clock() + LOG_SECONDS
        words = ("timings", self.deployment.plan.bucket, self.deployment.job_id)
        while True:
            rows = ask(JOB, *words, "--format", "json", *self._aws())["timings"]
            if is_complete(rows, summary) or self.clock() > deadline:
                return rows
            self.sleep(POLL_SECONDS)

    def _aws(self) -> tuple[str, ...]:
        profile = self.deployment.profile
        return ("--region", self.deployment.region, *(("--profile", profile) if profile else ()))


def is_complete(rows: Sequence[Mapping[str, Any]], summary: Mapping[str, Any]) -> bool:
    """Whether Lambda has reported the end of each call, and of one for each task; pure."""
    tasks = {(row["kind"], row["step"], row["number"]) for row in rows if row["billed_ms"]}
    due = {
        ("reducer" if task["step"] else "mapper", task["step"], task["number"])
        for task in summary["tasks"]
    }
    return due <= tasks and all(row["outcome"] != "unknown" for row in rows)


def row_of(run: Run, summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Row:
    """The row of a run; pure."""
    seconds = [task["seconds"] for task in summary["tasks"] if not task["step"]]
    if unknown := sum(row["billed_ms"] is None for row in rows):
        log(f"the logs say nothing of {unknown} of {len(rows)} calls: billed_s is too small")
    settings = {name: getattr(run.combination, name) for name in SETTINGS}
    return Row(
        run=run.number,
        repeat=run.repeat,
        **{**settings, "batchsize": str(settings["batchsize"])},
        started_unix_s=min(task["started_unix_s"] for task in summary["tasks"]),
        seconds=summary["seconds"],
        mappers=len(seconds),
        reducers=len(summary["tasks"]) - len(seconds),
        mapper_median_s=statistics.median(seconds),
        mapper_longest_s=max(seconds),
        billed_s=sum(row["billed_ms"] or 0.0 for row in rows) / 1000,
        cold_starts=sum(row["init_ms"] is not None for row in rows),
        memory_used_mb=max((row["memory_used_mb"] or 0 for row in rows), default=0),
        bytes_in=sum(task["input_bytes"] for task in summary["tasks"] if not task["step"]),
        rows=summary["lines"],
        groups=summary["groups"] or 0,
        dollars=summary["cost"]["dollars"],
    )
