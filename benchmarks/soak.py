"""A soak: many jobs in one bucket, one after another and some at the same time.

    python benchmarks/soak.py --jobs 100 --at-once 10

Out: on standard output how many answers were exact, and whether anything of ours grew: the objects
a job leaves, and the memory of the coordinator's worker. Exit status 1 where something is wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "mr")]

from benchmarks.faults import same
from local import uservisits
from local.emulator import LOCAL_DIR, Emulator
from terminal import program
from tests import oracle
from tests.cloud import Cloud, cloud_on
from tests.faults import in_turns, workers

PREFIX = "uservisits/"
MAPPERS = 4
OBJECT_BYTES = 50_000


def memory_kib(pid: int) -> int:
    """The resident memory of a process, in KiB; 0 where it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return int(status.split("VmRSS:")[1].split()[0])


def largest_coordinator(folder: Path) -> int:
    """Memory of an emulator's largest coordinator process, in KiB; `folder` is its own."""
    return max(map(memory_kib, workers(folder, "reducerCoordinatorNS")), default=0)


def run_jobs(cloud: Cloud, job_ids: list[str], at_once: int, expected: dict[str, float]) -> int:
    """Run jobs, of all shapes in turns, and return how many ended with the exact answer."""
    lock, shapes = threading.Lock(), in_turns(job_ids)
    exact = 0

    def one(job_id: str) -> None:
        nonlocal exact
        options = ("--wait4reducers", "--batchsize", "1", "--concurrency", "4", *shapes[job_id])
        done = cloud.driver(job_id, *options, prefix=PREFIX)
        ok = done.returncode == 0 and same(cloud.read(f"{job_id}/result"), expected)
        with lock:
            exact += ok
            print(f"{job_id}: {'exact' if ok else done.stderr[-500:]}", file=sys.stderr)

    with ThreadPoolExecutor(at_once) as threads:
        list(threads.map(one, job_ids))
    return exact


def soak(cloud: Cloud, folder: Path, jobs: int, at_once: int) -> bool:
    """Run everything and print what came of it; True where nothing is wrong."""
    bodies = [b"".join(uservisits.generate(1, number, OBJECT_BYTES)) for number in range(MAPPERS)]
    cloud.put_input(PREFIX, bodies)
    expected = oracle.answer(bodies).groups
    first = [f"job-{number}" for number in range(1, jobs // 10 + 1)]
    rest = [f"job-{number}" for number in range(jobs // 10 + 1, jobs + 1)]
    exact = run_jobs(cloud, first, 1, expected)
    memory = largest_coordinator(folder)
    exact += run_jobs(cloud, rest, 1, expected)
    print(f"one after another: {exact} of {jobs} answers exact")
    print(f"coordinator's memory after {len(first)} jobs: {memory} KiB")
    print(f"coordinator's memory after {jobs} jobs: {largest_coordinator(folder)} KiB")
    together = [f"together-{number}" for number in range(1, at_once + 1)]
    exact_together = run_jobs(cloud, together, at_once, expected)
    print(f"at the same time: {exact_together} of {at_once} answers exact")
    every = [*first, *rest, *together]
    for job_id in every:
        cloud.wait_for(f"{job_id}/task/reducer/done")
    started = cloud.settled_invocations("reducerNS")
    planned = sum(map(cloud.planned_reducers, every))
    print(f"reducers: {planned} planned, {started} started")
    others = {others_than_outputs(cloud, job_id) for job_id in every}
    print(f"objects a job leaves besides its outputs and steps: {sorted(others)}")
    same_left = len(others) == 1
    return (exact, exact_together, started, same_left) == (jobs, at_once, planned, True)


def others_than_outputs(cloud: Cloud, job_id: str) -> int:
    """How many objects of a job are no outputs and no records of steps; the answer is one."""
    keys = cloud.keys(f"{job_id}/")
    steps = sum("/reducerstate." in key for key in keys)
    outputs = MAPPERS + cloud.planned_reducers(job_id) - 1  # the last reducer's is the answer
    return len(keys) - steps - outputs


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="benchmarks/soak.py",
        description="Run many jobs in one bucket of the embedded AWS.",
        epilog="example: python benchmarks/soak.py --jobs 100 --at-once 10",
    )
    parser.add_argument("--jobs", type=int, default=100, help="one after another (%(default)s)")
    parser.add_argument("--at-once", type=int, default=10, help="at the same time (%(default)s)")
    return parser


def main(argv: list[str] | None = None) -> int:
    """The command. Returns the exit status."""
    return program.run(make_parser(), soak_emulator, argv)


def soak_emulator(options: argparse.Namespace) -> int:
    """The soak, on an emulator of its own. Returns the exit status."""
    LOCAL_DIR.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="soak-", dir=LOCAL_DIR) as name, Emulator() as emulator:
        cloud = cloud_on(emulator, Path(name), "jobs-bucket", "data-bucket", timeout=30)
        cloud.deploy()
        return 0 if soak(cloud, emulator.log.parent, options.jobs, options.at_once) else 1


if __name__ == "__main__":
    sys.exit(main())
