"""A job's settings: what its module says of each, and the values that a run gives them; pure.

A module declares them as a literal, so that they can be read without running it:

    SETTINGS = {"KEY_LENGTH": {"default": 8, "least": 1, "help": "characters of a group's name"}}

The default's type is the setting's: a whole number, a number, a text, or true or false.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from typing import Any

from errors import JobError, brief

Value = bool | int | float | str
_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_WORDS = {"yes": True, "true": True, "no": False, "false": False}
_KINDS = {bool: "yes or no", int: "a whole number", float: "a number", str: "a text"}
_ENTRIES = {"default", "help", "least"}


@dataclasses.dataclass(frozen=True)
class Setting:
    """One setting of a job; `least` bounds a number from below."""

    name: str
    default: Value
    help: str = ""
    least: float | None = None

    def read(self, given: Any) -> Value:
        """The value that a text, or a value of JSON, stands for. ValueError."""
        value = given if type(given) is type(self.default) else self._parsed(str(given))
        if not self._fits(value):
            raise ValueError(f"{self.name} is {brief(given)}, not {self.kind}")
        return value

    @property
    def kind(self) -> str:
        """What it takes, in words."""
        bound = "" if self.least is None else f" from {self.least}"
        return _KINDS[type(self.default)] + bound

    def _fits(self, value: Any) -> bool:
        if value is None or isinstance(value, str):
            return value is not None
        return math.isfinite(value) and (self.least is None or value >= self.least)

    def _parsed(self, text: str) -> Any:
        kind = type(self.default)
        if kind is bool:
            return _WORDS.get(text.lower())
        if kind is int and not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
            return None
        try:
            return kind(text)
        except ValueError:
            return None


def declared(value: Any) -> tuple[Setting, ...]:
    """The settings that a module declares. ValueError where they have another form."""
    if not isinstance(value, dict):
        raise ValueError(f"SETTINGS is {type(value).__name__}, not a dict of names")
    return tuple(_declared_one(name, one) for name, one in value.items())


def _declared_one(name: Any, value: Any) -> Setting:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"SETTINGS: {brief(name)} is no name: capitals, digits and _")
    if not isinstance(value, dict) or "default" not in value or value.keys() - _ENTRIES:
        raise ValueError(
            f'SETTINGS: {name} must be a dict of "default", "help" and, for a number, "least"'
        )
    if type(value["default"]) not in _KINDS:
        raise ValueError(f"SETTINGS: the default of {name} is no number, text, True or False")
    return Setting(name, value["default"], str(value.get("help", "")), value.get("least"))


def resolve(
    job: str,
    settings: tuple[Setting, ...],
    given: Mapping[str, Any],
    environment: Mapping[str, str],
) -> dict[str, Value]:
    """The value of every setting: as given for the run, else by the environment, else its default.

    JobError with all that is wrong.
    """
    faults = unknown(job, settings, given)
    values: dict[str, Value] = {}
    for one in settings:
        try:
            values[one.name] = one.read(
                given.get(one.name, environment.get(one.name) or one.default)
            )
        except ValueError as error:
            faults.append(str(error))
    if faults:
        raise JobError(f"job {job}: {'; '.join(faults)}")
    return values


def unknown(job: str, settings: tuple[Setting, ...], given: Mapping[str, Any]) -> list[str]:
    """What is wrong with the names that are given."""
    names = [one.name for one in settings]
    has = f"it has {', '.join(names) or 'none'}"
    return [f"there is no setting {brief(name)}: {has}" for name in given if name not in names]
