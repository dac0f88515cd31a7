"""Run a module as a program that ends when its standard input closes, and its workers with it.

    python local/tethered.py microburst --port 9999

In: a module and its arguments, and a pipe as standard input, whose other end the parent holds. When
the parent ends, even when it is killed, the pipe closes, and the whole process group is killed.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
from pathlib import Path

SCRIPT = Path(__file__).resolve()


def command(module: str, *arguments: str) -> list[str]:
    """The command that runs a module so; start it in a session of its own."""
    return [sys.executable, str(SCRIPT), module, *arguments]


def end_with_parent() -> None:
    """Wait for the end of standard input, then end this process group."""
    sys.stdin.buffer.read()
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=end_with_parent, daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
