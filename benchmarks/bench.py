"""`make bench`: measures everything and writes docs/benchmarks.md.

In: nothing but this machine. Out: the page, its plots under images/ beside it, and both as data,
build/benchmarks.json for that page. All input is generated; nothing is read from the network.

    python benchmarks/bench.py              # everything
    python benchmarks/bench.py --quick      # small input, few rounds: do the programs run?
    python benchmarks/bench.py --only kernel --only reducer
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

import page
import sections
from common import Bench, Section
from measure import BENCH_PYTHON, PYTHON, say

from local.emulator import LOCAL_DIR, Emulator
from terminal import program


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench.py",
        description="Measure this project against others and write docs/benchmarks.md.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="""examples:
  everything, in about 40 minutes:
    make bench
  one section anew; the others of the page stay:
    python benchmarks/bench.py --only coordinator
  the programs themselves, in about 2 minutes, into another file:
    python benchmarks/bench.py --quick --page build/quick.md""",
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="small input and few rounds")
    add("--only", action="append", choices=sections.ALL, help="this section (repeatable)")
    add("--before", type=Path, metavar="DIR", help="a checkout to compare with, for `many_groups`")
    add("--page", type=Path, default=ROOT / "docs" / "benchmarks.md", help="what is written")
    return parser


def main(argv: list[str] | None = None) -> int:
    """The command. Returns the exit status."""
    return program.run(make_parser(), bench_all, argv, lambda _: "stopped; the page is as it was")


def bench_all(options: argparse.Namespace) -> None:
    """Measure what is asked for, and write the page."""
    if PYTHON != BENCH_PYTHON:
        say("Without plots, and without the systems that are not installed: `make bench` has all.")
    begin = time.monotonic()
    LOCAL_DIR.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=LOCAL_DIR))
    found: list[Section] = []
    try:
        with Emulator() as emulator:
            bench = Bench(emulator, folder, options.quick, options.before)
            for name in sections.ALL:
                if options.only is None or name in options.only:
                    say(f"{name}:")
                    found.append(sections.ALL[name](bench))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    raw = ROOT / "build" / f"{options.page.stem}.json"
    raw.parent.mkdir(exist_ok=True)
    raw.write_text(json.dumps([dataclasses.asdict(section) for section in found], indent=1))
    page.write(options.page, found, bench)
    say(f"{options.page}, after {time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
    raise SystemExit(main())
