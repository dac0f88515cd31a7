"""requirements-dev.lock, which `make setup` installs: what the requirements allow, with digests."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements-dev.lock"
ASKED = ("requirements.txt", "requirements-cli.txt", "requirements-dev.txt")


def requirements(path: Path) -> dict[str, Requirement]:
    """The requirements of a file by name, without comments, digests and references to files."""
    text = re.sub(r"\\\n\s*", " ", path.read_text())
    lines = (re.split(r"\s#|\s--hash|^#|^-", line)[0].strip() for line in text.splitlines())
    found = [Requirement(line) for line in lines if line]
    return {canonicalize_name(one.name): one for one in found}


def test_whatever_is_asked_for_is_locked_to_a_version_that_is_allowed() -> None:
    locked = requirements(LOCK)
    asked = {name: one for file in ASKED for name, one in requirements(ROOT / file).items()}
    assert len(asked) > 15
    for name, one in asked.items():
        (pin,) = locked[name].specifier
        assert pin.operator == "=="
        assert one.specifier.contains(pin.version), f"{one}: run `make lock`"


def test_every_package_has_digests_and_no_address() -> None:
    text = LOCK.read_text()
    entries = re.findall(
        r"^\S+==\S+.*\\\n((?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.M
    )
    assert len(entries) == len(requirements(LOCK)) > 50
    assert "://" not in text
    assert "index-url" not in text


def test_what_was_compiled_is_there_for_both_machines_and_every_python() -> None:
    """One digest a wheel: a package in C has more than one Python's and one machine's."""
    text = re.sub(r"\\\n\s*", " ", LOCK.read_text())
    counts = {
        line.partition("==")[0]: line.count("--hash") for line in text.splitlines() if "==" in line
    }
    assert all(counts[name] > 20 for name in ("orjson", "pyyaml", "backports-zstd"))
    assert requirements(LOCK)["backports-zstd"].marker is not None
