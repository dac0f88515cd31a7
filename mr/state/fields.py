"""JSON from outside, read field by field: each of its kind, or an error that says what is wrong."""

from __future__ import annotations

import dataclasses
from typing import Any

from errors import BadRecord


def is_text_list(batch: Any) -> bool:
    return isinstance(batch, list) and bool(batch) and all(isinstance(key, str) for key in batch)


@dataclasses.dataclass(frozen=True)
class Fields:
    """The fields of a JSON object that came from outside; BadRecord names what is wrong where."""

    value: Any
    where: str

    def __post_init__(self) -> None:
        if not isinstance(self.value, dict):
            raise BadRecord(f"{self.where}: not a JSON object but {type(self.value).__name__}")

    def _get(self, name: str, default: Any = None) -> Any:
        value = self.value.get(name)
        if value is None and default is None:
            raise BadRecord(f"{self.where}: {name} is missing")
        return default if value is None else value

    def text(self, name: str, default: str | None = None) -> str:
        """A text, which is not empty unless the default is."""
        value = self._get(name, default)
        if not isinstance(value, str) or not (value or default == ""):
            raise BadRecord(f"{self.where}: {name} is {value!r}, not a text")
        return value

    def count(self, name: str, default: int | None = None, least: int = 1) -> int:
        """A whole number of at least `least`."""
        value = self._get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise BadRecord(f"{self.where}: {name} is {value!r}, not a number from {least}")
        return value

    def number(self, name: str) -> float:
        value = self._get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadRecord(f"{self.where}: {name} is {value!r}, not a number")
        return float(value)

    def texts(self, name: str) -> list[str]:
        value = self._get(name)
        if not is_text_list(value):
            raise BadRecord(f"{self.where}: {name} is {value!r}, not a list of texts")
        return list(value)
