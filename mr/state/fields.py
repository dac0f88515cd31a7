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

    def _get(self, name: str, default: Any) -> Any:
        value = self.value.get(name, default)
        if value is None:
            raise BadRecord(f"{self.where}: {name} is missing")
        return value

    def text(self, name: str, default: str | None = None) -> str:
        value = self._get(name, default)
        if not isinstance(value, str) or not value:
            raise BadRecord(f"{self.where}: {name} is {value!r}, not a text")
        return value

    def count(self, name: str, default: int | None = None) -> int:
        value = self._get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise BadRecord(f"{self.where}: {name} is {value!r}, not a number from 1")
        return value

    def number(self, name: str) -> float:
        value = self._get(name, None)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadRecord(f"{self.where}: {name} is {value!r}, not a number")
        return float(value)

    def texts(self, name: str) -> list[str]:
        value = self._get(name, None)
        if not is_text_list(value):
            raise BadRecord(f"{self.where}: {name} is {value!r}, not a list of texts")
        return list(value)
