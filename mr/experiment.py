# PYTHON_ARGCOMPLETE_OK: the shell may complete this command's options
"""Runs one job under many settings, and says which is fastest and which cheapest.

    python experiment.py ../experiments/memory.toml

In: a plan. Out: a table with a row a run, a summary, and a page.
"""

from __future__ import annotations

import sys

from terminal import experimenting


def main(argv: list[str] | None = None) -> int:
    """The command. Returns the exit status."""
    return experimenting.main(argv)


if __name__ == "__main__":
    sys.exit(main())
