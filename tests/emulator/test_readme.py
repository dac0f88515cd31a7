"""The README's commands, word for word, in a copy of the checkout, against the embedded AWS."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from local import uservisits
from local.emulator import Emulator
from tests import oracle, readme
from tests.cloud import command_environment


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
            ["bash", "-c", readme.script(blocks)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "TIMER:CALL:" in done.stdout
    assert "Job done!!! Check the result file" in done.stdout
    assert re.search(r"^de +2 +210.25$", done.stdout, re.M)
    shown = re.findall(r'\{"\d.*\}', done.stdout)[-1]
    bodies = [b"".join(uservisits.generate(1, index, 500_000)) for index in range(29)]
    oracle.assert_same_groups(json.loads(shown), oracle.answer(bodies).groups)
