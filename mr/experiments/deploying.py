"""The functions of an experiment, under names of its own: deployed, made cold, deleted."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from aws.client import Clients
from aws.s3objects import delete_objects, list_objects
from experiments.commands import MR, SETUP_APPS, call
from experiments.plan import Plan

ROOT = MR.parent
WORKERS = ("mapper.handler", "reducer.handler")
FRESH = "MR_FRESH"
"""A variable that nothing reads. A function whose variables change starts anew."""


@dataclasses.dataclass(frozen=True)
class Deployment:
    """The functions of a plan, in a region; their configuration is written into a `folder`."""

    plan: Plan
    region: str
    profile: str | None
    folder: Path

    @property
    def job_id(self) -> str:
        """The job id of all runs: each overwrites the one before."""
        return f"experiment-{self.plan.name}"

    def functions(self, machine: tuple[int, str]) -> tuple[str, str]:
        """The names of mapper and reducer of a machine."""
        memory, architecture = machine
        end = f"{memory}-{architecture.replace('_', '-')}"
        return f"{self.job_id}-mapper-{end}", f"{self.job_id}-reducer-{end}"

    def deploy(self) -> None:
        """Make them. Failed."""
        self._setup_apps("--no_spotwrap", fresh=0)

    def freshen(self, number: int) -> None:
        """Let all of them start cold the next time; `number` is another one each time. Failed."""
        self._setup_apps("--no_spotwrap", "--update", fresh=number)

    def delete(self, clients: Clients) -> None:
        """Delete functions, logs, trigger, and the last run. Failed, ClientError."""
        self._setup_apps("--deleteAll", "--saveTriggerBucket", fresh=0)
        listed = list_objects(clients.s3, self.plan.bucket, f"{self.job_id}/")
        delete_objects(clients.s3, self.plan.bucket, [one["Key"] for one in listed])

    def _setup_apps(self, *options: str, fresh: int) -> None:
        path = self.folder / "scns.json"
        path.write_text(json.dumps(self.configuration(fresh)))
        profile = ("--profile", self.profile) if self.profile else ()
        call(SETUP_APPS, "-f", str(path), *options, *profile)

    def configuration(self, fresh: int) -> dict[str, Any]:
        """scns.json with a mapper and a reducer for each machine, and a coordinator."""
        shipped = json.loads((ROOT / "scns.json").read_text(encoding="utf-8"))
        by_handler = {one["handler"]: one for one in shipped["functions"]}
        made = []
        for machine in self.plan.machines:
            for handler, name in zip(WORKERS, self.functions(machine), strict=True):
                made.append(self._worker(by_handler[handler], name, machine, fresh))
        coordinator = by_handler["reducerCoordinator.handler"]
        trigger = {"permission": self.plan.bucket, "job_id": self.job_id}
        made.append({**coordinator, "name": f"{self.job_id}-coordinator", **trigger})
        for function in made:
            function["files_and_dirs"] = [str(ROOT / path) for path in function["files_and_dirs"]]
        return {"region": self.region, "functions": made}

    def _worker(
        self, shipped: dict[str, Any], name: str, machine: tuple[int, str], fresh: int
    ) -> dict[str, Any]:
        memory, architecture = machine
        own = {"name": name, "lambdaMemory": memory, "architecture": architecture}
        packages = {"packages": list(self.plan.packages)} if self.plan.packages else {}
        return {**shipped, **own, **packages, "environment": {FRESH: str(fresh)}}
