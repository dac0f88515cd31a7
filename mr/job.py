# PYTHON_ARGCOMPLETE_OK: the shell may complete this command's options
"""Looks after jobs that the driver has started: where one is, its answer, its logs, a page.

python job.py status MY-BUCKET-NAME job1000
"""

from __future__ import annotations

import sys

from terminal import looking


def main(argv: list[str] | None = None) -> int:
    """The command. Returns the exit status."""
    return looking.main(argv)


if __name__ == "__main__":
    sys.exit(main())
