"""Packages from PyPI for a bundle: wheels for the function's runtime, not for this machine.

In: pinned requirements, a runtime such as "python3.13", an architecture. Out: a folder
`site-packages` under `build/` with all that pip installs for them, kept for the next time.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deploy.bundle import BundleError

FOLDER = Path(__file__).resolve().parents[2] / "build" / "packages"

GLIBC = {False: 26, True: 34}
"""Minor version of glibc 2 in Lambda: Amazon Linux 2 (up to Python 3.11), and 2023 (from 3.12)."""

OLDEST_GLIBC = 17
MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}


def platforms(runtime: str, architecture: str) -> list[str]:
    """The wheel platforms that run there, best first: manylinux_2_34_x86_64, ..."""
    machine = MACHINES[architecture]
    newest = GLIBC[_minor(runtime) >= 12]
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(newest, OLDEST_GLIBC - 1, -1)]
    return [*tags, f"manylinux2014_{machine}"]


def pip_command(
    requirements: Sequence[str], runtime: str, architecture: str, target: Path
) -> list[str]:
    """The pip command that lays the packages into `target`."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-input", "--no-compile", "--only-binary=:all:", "--target", str(target)]
    command += ["--implementation", "cp", "--python-version", f"3.{_minor(runtime)}"]
    for platform in platforms(runtime, architecture):
        command += ["--platform", platform]
    return [*command, *requirements]


def installed(requirements: Sequence[str], runtime: str, architecture: str) -> Path:
    """The folder with the packages, downloaded unless it is there already. BundleError."""
    wanted = "\n".join([runtime, architecture, *sorted(requirements)])
    folder = FOLDER / hashlib.sha256(wanted.encode()).hexdigest()[:16]
    packages = folder / "site-packages"
    if packages.is_dir():
        return packages
    FOLDER.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=FOLDER, prefix="new-"))
    try:
        _install(requirements, runtime, architecture, made / "site-packages")
        if not folder.exists():
            made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return packages


def _install(requirements: Sequence[str], runtime: str, architecture: str, target: Path) -> None:
    command = pip_command(requirements, runtime, architecture, target)
    done = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()[-3:]
        raise BundleError(
            f"packages {', '.join(requirements)} cannot be had as wheels for {runtime} on "
            f"{architecture}:",
            *said,
        )
    # Scripts, and the lists of what was installed, hold this machine's paths.
    shutil.rmtree(target / "bin", ignore_errors=True)
    for name in ("RECORD", "direct_url.json"):
        for path in target.glob(f"*.dist-info/{name}"):
            path.unlink()


def _minor(runtime: str) -> int:
    return int(runtime.rpartition(".")[2])
