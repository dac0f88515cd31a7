"""Which job wrote an output, in which version: kept with the output, shown by every view."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from state.metadata import quoted, unquoted

MAX_NAME = 128
"""Bytes of a name that are kept: an object's metadata are 2 KB in all."""
SHORT = 12
"""Digits of a digest that a person is shown."""


@dataclasses.dataclass(frozen=True)
class JobCode:
    """A job's name, the SHA-256 of its source in hexadecimal (see jobs/source.py), and what tells
    its `combine` from another. Each is "" where it is not known, as in outputs of a mapper of
    one's own.
    """

    job: str = ""
    digest: str = ""
    combine: str = ""

    def to_metadata(self) -> dict[str, str]:
        return {
            "job": quoted(self.job, MAX_NAME),
            "jobdigest": self.digest,
            "combine": quoted(self.combine, MAX_NAME),
        }

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> JobCode:
        """Read what `to_metadata` wrote."""
        names = (unquoted(metadata.get(name, "")) for name in ("job", "jobdigest", "combine"))
        return cls(*names)

    def kept(self) -> JobCode:
        """As it comes back from an object's metadata, which keep only so much of a name."""
        return self.from_metadata(self.to_metadata())

    def to_json(self) -> dict[str, str]:
        """The form for programs, named as in the metadata; the field names are a contract."""
        return {"job": self.job, "jobdigest": self.digest, "combine": self.combine}

    def __str__(self) -> str:
        """The form for a person: "uservisits (sha256 0123456789ab)"."""
        return f"{self.job} (sha256 {self.digest[:SHORT] or 'unknown'})"


UNKNOWN = JobCode()
"""Of an output that does not say."""
