"""What `setupApps.py --plan` prints: steps that are not done, and what the bundles hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from deploy import bundle
from deploy.function import Desired
from deploy.steps import Step
from errors import counted


def lines(steps: Iterable[Step], wanted: Sequence[Desired]) -> Iterator[str]:
    """A line for each step, and one for the bundle of each function that is `wanted`."""
    for step in steps:
        yield f"{step.name}: {step.look()}"
    for one in wanted:
        sizes = bundle.sizes(one.code)
        files = counted(len(sizes), "file")
        yield f"{one.name}: bundle: {files}, {counted(sum(sizes.values()), 'byte')}"


def value(region: str, steps: Iterable[Step], wanted: Sequence[Desired]) -> dict[str, Any]:
    """The same for a program, with the files of each bundle.

    `{"region", "steps": [{"what", "plan"}], "bundles": [{"function", "bytes", "zip", "files":
    {NAME: BYTES}}]}`; `zip` is how many bytes the zip has.
    """
    return {
        "region": region,
        "steps": [{"what": step.name, "plan": step.look()} for step in steps],
        "bundles": [_bundle(one) for one in wanted],
    }


def _bundle(one: Desired) -> dict[str, Any]:
    files = bundle.sizes(one.code)
    size = sum(files.values())
    return {"function": one.name, "bytes": size, "zip": len(one.code), "files": files}
