"""Measuring: cases in processes of their own, one after the other and in turns.

In: commands of benchmarks/cases.py. Out: their runs, medians and ratios. Turns (a, b, c, a, b, c)
rather than blocks (a, a, b, b): what slows the machine down for a while slows all of them.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BENCH_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
"""Has the systems that are compared with; `make bench` makes it."""

PYTHON = BENCH_PYTHON if BENCH_PYTHON.exists() else Path(sys.executable)
SECONDS = 1800


@dataclasses.dataclass(frozen=True)
class Run:
    """One run: wall-clock seconds, peak memory (10^6 bytes), the answer's size and sum, and the
    seconds of a core that its process used.
    """

    seconds: float
    peak_mb: float = 0.0
    groups: int = 0
    total: float = 0.0
    cpu: float = 0.0


class CaseFailed(Exception):
    """A case did not run; the message is the end of what it said."""


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def run_case(
    name: str,
    *arguments: str,
    core: int | None = None,
    environment: Mapping[str, str] = {},
    seconds: float = SECONDS,
) -> Run:
    """Run a case of cases.py, on one core if that is given, for so many seconds at most.
    CaseFailed.
    """
    own = {**os.environ, **environment}
    own["PATH"] = f"{PYTHON.parent}{os.pathsep}{own.get('PATH', '')}"
    own["PYTHONWARNINGS"] = "ignore"
    own.pop("BENCH_CORE", None)
    if core is not None:
        own |= {"BENCH_CORE": str(core), "POLARS_MAX_THREADS": "1"}
    command = [str(PYTHON), str(ROOT / "benchmarks" / "cases.py"), name, *arguments]
    # A session of its own: a framework's workers are to end with it.
    process = subprocess.Popen(
        command, env=own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        output, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise CaseFailed(f"{name} took more than {seconds:.0f} s") from error
    finally:
        if process.poll() is None:  # Ctrl-C too: nothing may be left behind
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    lines = output.strip().splitlines()
    if process.returncode or not lines:
        said = errors.strip().splitlines() or ["it said nothing"]
        raise CaseFailed(f"{name}: {said[-1][-300:]}")
    # What a library prints may stand before ours in the same line.
    return Run(**json.loads(lines[-1][lines[-1].index("{") :]))


MEASURED = """
import os, runpy, sys
sys.argv = sys.argv[1:]
sys.path.insert(0, os.path.dirname(sys.argv[0]))
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    peak = open("/proc/self/status").read().split("VmHWM:")[1].split()[0]
    os.write(2, f"\\n{peak}".encode())
"""
"""Runs a program, and prints its own peak memory in KiB when it has ended."""


def run_measured(words: Sequence[str], variables: Mapping[str, str]) -> Run:
    """A command of this project: its seconds and its peak; its output is lost. CaseFailed."""
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *words],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        raise CaseFailed(f"{words[0]}: {done.stderr[-300:]}")
    return Run(time.perf_counter() - begin, int(done.stderr.split()[-1]) * 1024 / 1e6)


Runs = dict[str, list[Run]]


def in_turns(cases: Mapping[str, Callable[[], Run]], rounds: int) -> tuple[Runs, dict[str, str]]:
    """The runs of every case, and why others could not be had: name -> reason."""
    runs: Runs = {}
    failed: dict[str, str] = {}
    for number in range(rounds):
        for name, case in cases.items():
            if name in failed:
                continue
            try:
                run = case()
            except (CaseFailed, OSError, subprocess.TimeoutExpired) as error:
                failed[name] = str(error)
                say(f"  {name} could not be had: {error}")
                continue
            runs.setdefault(name, []).append(run)
            say(f"  {number + 1}/{rounds} {name}: {run.seconds:.3f} s")
    check_same(runs)
    return {name: found for name, found in runs.items() if name not in failed}, failed


def whole(case: str, folder: Path, bound: float = SECONDS) -> Run:
    """A framework's job, the start of its program included. CaseFailed after `bound` seconds."""
    begin = time.perf_counter()
    run = run_case(case, str(folder), "2", seconds=bound)
    return dataclasses.replace(run, seconds=time.perf_counter() - begin)


def check_same(runs: Runs) -> None:
    """Every case must have found the same answer: groups, and their sum to 1e-6 (awk prints six
    digits of each) or better. ValueError.
    """
    answers = {name: found[0] for name, found in runs.items() if found[0].groups}
    if not answers:
        return
    first = next(iter(answers.values()))
    for name, run in answers.items():
        if run.groups != first.groups or abs(run.total - first.total) > 1e-6 * abs(first.total):
            raise ValueError(f"{name} has another answer: {run}, not {first}")


def median(runs: list[Run]) -> float:
    return statistics.median(run.seconds for run in runs)


def ratios(one: Sequence[float], other: Sequence[float]) -> list[float]:
    """The ratio of each round by itself: what slows the machine for a while falls on both."""
    return [mine / theirs for mine, theirs in zip(one, other, strict=True)]


def faster(base: list[Run], runs: list[Run]) -> str:
    """How many times as fast as `base`: the median of the rounds' ratios, and the range of the
    middle half of them, as "1.52 (1.47-1.62)".
    """
    found = ratios([run.seconds for run in base], [run.seconds for run in runs])
    low, middle, high = statistics.quantiles(found, n=4, method="inclusive")
    return f"{middle:.2f} ({low:.2f}-{high:.2f})"


def peak(runs: list[Run]) -> float:
    return max(run.peak_mb for run in runs)
