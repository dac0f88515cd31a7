"""Which job a run is to run: part of its record and of every event."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from errors import BadRecord, brief
from state.fields import Fields


@dataclasses.dataclass(frozen=True)
class Choice:
    """A job by its name, and its settings; "" is the job that the functions' environment names."""

    name: str = ""
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Its fields in a record or an event: none where nothing was chosen."""
        settings = {"settings": dict(self.settings)} if self.settings else {}
        return {"job": self.name, **settings} if self.name else {}

    @classmethod
    def from_json(cls, fields: Fields) -> Choice:
        """Read what `to_json` wrote. BadRecord."""
        return cls(fields.text("job", ""), _settings(fields))


BY_ENVIRONMENT = Choice()
"""Nothing was chosen for the run."""


def _settings(fields: Fields) -> dict[str, Any]:
    found = fields.value.get("settings")
    if found is None:
        return {}
    if isinstance(found, dict) and all(
        isinstance(one, bool | int | float | str) for one in found.values()
    ):
        return found
    raise BadRecord(
        f"{fields.where}: settings is {brief(found)}, not an object of numbers and texts"
    )
