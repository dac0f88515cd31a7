# PYTHON_ARGCOMPLETE_OK: the shell may complete this command's options
"""Make a patched copy of the installed botocore, for functions wrapped by SpotWrap.

    python patch-botocore.py ../build/botocore

In: the botocore of this Python. Out: the copy in the folder, which is the value of
`patched_botocore_dir` in scns.json. On standard output, its size before and after.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import botocore

sys.path.append(str(Path(__file__).resolve().parent.parent / "mr"))

from deploy import botocorepatch, wrapping
from terminal import program


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="patch-botocore.py",
        description="Make a patched copy of the installed botocore, which records API calls.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="""examples:
  the copy, as docs/spotwrap.md has it:
    python patch-botocore.py ../build/botocore
  for functions that use SNS as well:
    python patch-botocore.py ../build/botocore --services s3 lambda dynamodb logs sts sns

exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted""",
    )
    parser.add_argument(
        "folder", type=Path, help="where the copy goes; one that this made earlier is replaced"
    )
    parser.add_argument(
        "--services",
        nargs="+",
        metavar="NAME",
        default=list(botocorepatch.SERVICES),
        help=f"whose models to keep (default: {' '.join(botocorepatch.SERVICES)})",
    )
    return parser


def make(options: argparse.Namespace) -> None:
    """Make the copy, and tell its size."""
    installed = Path(botocore.__file__).parent
    botocorepatch.make_copy(installed, botocore.__version__, options.folder, options.services)
    files, before = botocorepatch.size(installed)
    kept, after = botocorepatch.size(options.folder)
    zipped = len(wrapping.library(options.folder).code())
    print(f"botocore {botocore.__version__}: {files} files, {before:,} bytes")
    print(f"patched: {kept} files, {after:,} bytes; as a zip {zipped:,} bytes")


def main(argv: list[str] | None = None) -> int:
    """The command. Returns the exit status."""
    return program.run(make_parser(), make, argv)


if __name__ == "__main__":
    sys.exit(main())
