"""Which job a run is to run: part of its record and of every event."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from typing import Any, NamedTuple

from errors import BadRecord, brief
from state.fields import Fields

ASKED = "sql"
"""The job that answers questions."""


class Choice(NamedTuple):
    """A job by its name, and its settings; "" is the job that the functions' environment names.

    `digest` is the SHA-256 of the job's file, in hexadecimal, where that goes with the run.
    """

    name: str = ""
    settings: Mapping[str, Any] = types.MappingProxyType({})
    digest: str = ""

    @property
    def question(self) -> str:
        """The SQL that `driver.py --sql` was asked; "" for any other job."""
        return str(self.settings.get("QUERY", "")) if self.name == ASKED else ""

    def to_json(self) -> dict[str, Any]:
        """Its fields in a record or an event: none where nothing was chosen."""
        settings = {"settings": dict(self.settings)} if self.settings else {}
        digest = {"jobSha256": self.digest} if self.digest else {}
        return {"job": self.name, **settings, **digest} if self.name else {}

    @classmethod
    def from_json(cls, fields: Fields) -> Choice:
        """Read what `to_json` wrote. BadRecord."""
        digest = fields.text("jobSha256", "")
        if digest and not re.fullmatch("[0-9a-f]{64}", digest):
            raise BadRecord(f"{fields.where}: jobSha256 is {brief(digest)}, not a digest")
        return cls(fields.text("job", ""), _settings(fields), digest)


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
