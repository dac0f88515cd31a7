"""JSON from outside, read field by field: each of its kind, or an error that says what is wrong."""

from __future__ import annotations

import dataclasses
from typing import Any

from errors import BadRecord, brief

MOST = 10**15
"""No number of a record is larger: neither bytes, nor seconds since the epoch."""
MOST_TASKS = 1_000_000
"""Mappers or reducers of a step, at most: whoever reads a record counts through them."""


def is_text_list(batch: Any) -> bool:
    return isinstance(batch, list) and bool(batch) and all(isinstance(key, str) for key in batch)


def is_number(value: Any, least: float = 0, most: float = MOST) -> bool:
    """Whether a value of JSON is a number within bounds; neither `true` nor `nan` is; pure."""
    is_one = isinstance(value, int | float) and not isinstance(value, bool)
    return is_one and least <= value <= most


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

    def fields(self, name: str) -> Fields:
        """The fields of an object within this one."""
        return Fields(self._get(name), f"{self.where}: {name}")

    def text(self, name: str, default: str | None = None) -> str:
        """A text, which is not empty unless the default is."""
        value = self._get(name, default)
        if not isinstance(value, str) or not (value or default == ""):
            raise BadRecord(f"{self.where}: {name} is {brief(value)}, not a text")
        return value

    def count(self, name: str, default: int | None = None, least: int = 1, most: int = MOST) -> int:
        """A whole number from `least` to `most`."""
        value = self._get(name, default)
        if not isinstance(value, int) or not is_number(value, least, most):
            raise BadRecord(
                f"{self.where}: {name} is {brief(value)}, not a number from {least} to {most}"
            )
        return value

    def number(self, name: str, default: float | None = None, most: int = MOST) -> float:
        """A number from 0 to `most`, such as seconds since the epoch."""
        value = self._get(name, default)
        if not is_number(value, most=most):
            raise BadRecord(
                f"{self.where}: {name} is {brief(value)}, not a number from 0 to {most}"
            )
        return float(value)

    def texts(self, name: str) -> list[str]:
        value = self._get(name)
        if not is_text_list(value):
            raise BadRecord(f"{self.where}: {name} is {brief(value)}, not a list of texts")
        return list(value)
