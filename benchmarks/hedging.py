"""The section about hedged reads: whole jobs while some reads of S3 are slow, on the embedded AWS,
with microburst between the functions and it.
"""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
import statistics
import time
from pathlib import Path

from common import Bench, Section
from measure import ROOT, CaseFailed, say

from local import uservisits
from local.emulator import Emulator
from tests.cloud import Cloud, cloud_on
from tests.faults import FaultProxy

MAPPERS = 4
OBJECT_BYTES = 200_000
ROUNDS = 14
SHARE, SECONDS = 0.04, 3
"""Of all reads of S3, how many are slow, and how long they wait."""
SLOW_READS = {
    "service": "s3",
    "operation": "GetObject",
    "probability": SHARE,
    "latency": {"min": 1000 * SECONDS, "max": 1000 * SECONDS},
}
PLAIN = """

def hedged(ask):
    return ask()
"""
"""What is put behind the module that asks twice, so that it does not."""
INPUT = "reads/"


def hedging(bench: Bench) -> Section:
    """The same jobs by functions that ask a late read again, and by ones that wait."""
    proxy = FaultProxy(bench.emulator.endpoint, bench.folder / "hedging.log")
    with proxy:
        clouds = {
            name: deployed(bench.emulator, bench.folder / name, proxy, name == "plain")
            for name in ("hedged", "plain")
        }
        for cloud in clouds.values():
            seconds_of(cloud, "warm")
        proxy.rules(SLOW_READS)
        rounds = 2 if bench.quick else ROUNDS
        found: dict[str, list[float]] = {name: [] for name in clouds}
        for number in range(rounds):
            for name, cloud in clouds.items():
                found[name].append(seconds_of(cloud, f"job{number}"))
                say(f"  {number + 1}/{rounds} {name}: {found[name][-1]:.1f} s")
        fired = len(proxy.fired())
    rows = [["", "median", "90th percentile"]]
    rows.append(["**a late read is asked again**", *shown(found["hedged"])])
    rows.append(["every read is waited for", *shown(found["plain"])])
    text = (
        f"{rounds} jobs each, in turns, of {MAPPERS} mappers, from the shell command to the "
        f"answer, while {SHARE:.0%} of all reads of S3 by mappers, reducers and coordinators wait "
        f"for {SECONDS} s: {fired} did."
    )
    return Section("hedging", "Hedged reads", text, rows)


def deployed(emulator: Emulator, folder: Path, proxy: FaultProxy, plain: bool) -> Cloud:
    """A deployment whose functions reach S3 through the proxy; a `plain` one asks once."""
    shutil.copytree(ROOT / "mr", folder / "mr", ignore=shutil.ignore_patterns("__pycache__"))
    if plain:
        with (folder / "mr" / "aws" / "hedging.py").open("a") as module:
            module.write(PLAIN)
    name, suffix = folder.name, f"-{folder.name}"
    through = {"AWS_ENDPOINT_URL": proxy.endpoint}
    names = f"{name}-jobs", f"{name}-data"
    cloud = cloud_on(emulator, folder, *names, suffix=suffix, environment=through)
    config = json.loads(cloud.config.read_text())
    for function in config["functions"]:
        function["files_and_dirs"] = [
            str(folder / Path(one).relative_to(ROOT)) for one in function["files_and_dirs"]
        ]
    cloud.config.write_text(json.dumps(config))
    cloud = dataclasses.replace(cloud, suffix=suffix)
    cloud.deploy()
    bodies = (b"".join(uservisits.generate(1, one, OBJECT_BYTES)) for one in range(MAPPERS))
    cloud.put_input(INPUT, bodies)
    return cloud


def seconds_of(cloud: Cloud, job_id: str) -> float:
    """Run a job; seconds of the whole command. CaseFailed."""
    began = time.perf_counter()
    done = cloud.driver(job_id, "--wait", "--quiet", "--batchsize", "1", prefix=INPUT)
    if done.returncode:
        raise CaseFailed(f"{job_id}: {done.stderr[-300:]}")
    return time.perf_counter() - began


def shown(seconds: list[float]) -> list[str]:
    """The cells of a row, after its title."""
    high = sorted(seconds)[math.ceil(0.9 * len(seconds)) - 1]
    return [f"{statistics.median(seconds):.1f} s", f"{high:.1f} s"]
