"""The README's commands, word for word, in a copy of the checkout, against the embedded AWS."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from local import uservisits
from local.emulator import Emulator
from tests import oracle, readme
from tests.cloud import ROOT, command_environment


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """What git would clone, with the environment that `make setup` has made already."""
    copy = tmp_path_factory.mktemp("readme") / "checkout"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    (copy / ".venv").symlink_to(ROOT / ".venv")
    return copy


def script(blocks: list[str]) -> str:
    """All blocks as one script; each starts in the checkout's folder, and says what it runs."""
    starts = [f'cd "$CHECKOUT"\n{block}' for block in blocks]
    return "set -euo pipefail\n" + "\n".join(starts)


def test_the_commands_of_the_readme_run_as_they_stand(checkout: Path, tmp_path: Path) -> None:
    blocks = readme.blocks((checkout / "README.md").read_text(), "bash")
    assert len(blocks) >= 10
    with Emulator() as emulator:
        environment = {
            **command_environment(emulator),
            "CHECKOUT": str(checkout),
            "AWS_CONFIG_FILE": str(tmp_path / "config"),
        }
        environment.pop("AWSRole")  # the commands make the role, and export this themselves
        done = subprocess.run(
            ["bash", "-c", script(blocks)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "TIMER:CALL:" in done.stdout
    assert "Job done!!! Check the result file" in done.stdout
    shown = re.findall(r'\{"\d.*\}', done.stdout)[-1]
    bodies = [b"".join(uservisits.generate(1, index, 500_000)) for index in range(29)]
    oracle.assert_same_groups(json.loads(shown), oracle.answer(bodies).groups)
