"""The most memory that a program had, as the kernel counts it for the program alone."""

from __future__ import annotations

import sys

_WRAPPED = """
import pathlib, runpy, sys
program, sys.argv = sys.argv[1], sys.argv[1:]
sys.path[0] = str(pathlib.Path(program).resolve().parent)
try:
    runpy.run_path(program, run_name="__main__")
finally:
    status = pathlib.Path("/proc/self/status").read_text()
    print(status.partition("VmHWM:")[2].split()[0], file=sys.stderr)
"""


def measured(program: str, *words: str) -> list[str]:
    """The command that runs a Python file, and prints its peak in KiB last on standard error.

    `ru_maxrss`, which is at hand, has the peak of the process that started this one in it.
    """
    return [sys.executable, "-c", _WRAPPED, program, *words]


def peak_kib(said: str | bytes) -> int:
    """The peak in KiB, out of what a measured command left on standard error."""
    return int(said.split()[-1])
