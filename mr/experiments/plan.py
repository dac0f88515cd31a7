"""The plan of an experiment: a TOML file, read and checked whole before anything is run.

name = "memory"                      # of its functions, its job id and its files
bucket = "MY-BUCKET-NAME"            # the job bucket
repeat = 5                           # measured runs of each combination (3)
seed = 1                             # of the order of the runs (1)
packages = ["polars==2.1.0"]         # of the mapper, where a job needs some

[input]
bucket = "MY-DATA"
prefix = "uservisits/"

[settings]                           # every combination of them is measured
memory = [512, 1024, 1769]           # MB of mapper and reducer (1536)
architecture = ["x86_64", "arm64"]   # (x86_64)
job = ["uservisits"]                 # (uservisits)
batchsize = [1, 4]                   # objects a mapper, or
splitsize = ["32MB", "64MB"]         # bytes a mapper (both left out: the driver's choice)
start = ["cold", "warm"]             # whether the functions have just run (warm)
"""

from __future__ import annotations

import dataclasses
import itertools
import random
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from errors import UsageError, brief
from running.request import byte_size

COLD, WARM = "cold", "warm"
MOST_REPEATS = 1000


@dataclasses.dataclass(frozen=True)
class Combination:
    """What is set in a run; `batchsize` and `splitsize` are "" where the driver chooses."""

    memory: int = 1536
    architecture: str = "x86_64"
    job: str = "uservisits"
    batchsize: int | str = ""
    splitsize: str = ""
    start: str = WARM

    @property
    def machine(self) -> tuple[int, str]:
        """What needs functions of its own: memory in MB, architecture."""
        return self.memory, self.architecture

    @property
    def made(self) -> int:
        """How many runs a measured one takes: a warm one comes behind another."""
        return 2 if self.start == WARM else 1

    def words(self) -> str:
        """For a person: what differs from the defaults, and the memory."""
        told = [f"{self.memory} MB"]
        for field in dataclasses.fields(self)[1:]:
            if (value := getattr(self, field.name)) != field.default:
                told.append(f"{field.name} {value}" if "size" in field.name else str(value))
        return ", ".join(told)


@dataclasses.dataclass(frozen=True)
class Run:
    """A measured run: the `number` of its turn, from 1, what is set, and which repetition it is."""

    number: int
    combination: Combination
    repeat: int


@dataclasses.dataclass(frozen=True)
class Plan:
    """An experiment. `combinations` are in the order of the file."""

    name: str
    bucket: str
    databkt: str
    prefix: str
    combinations: tuple[Combination, ...]
    repeat: int = 3
    seed: int = 1
    packages: tuple[str, ...] = ()

    def runs(self) -> list[Run]:
        """All runs, in an order by chance: what changes while they are made meets all alike."""
        due = list(itertools.product(self.combinations, range(1, self.repeat + 1)))
        random.Random(self.seed).shuffle(due)  # noqa: S311 - an order, and no secret
        return [Run(number, *one) for number, one in enumerate(due, 1)]

    @property
    def machines(self) -> list[tuple[int, str]]:
        """The functions that are needed: memory and architecture of each."""
        return list(dict.fromkeys(one.machine for one in self.combinations))


def read(path: str) -> Plan:
    """Read a plan. UsageError with all its faults."""
    try:
        value = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}") from error
    if faults := [f"{path}: {fault}" for fault in _faults(value)]:
        raise UsageError(*faults)
    given = {name: value[name] for name in ("repeat", "seed") if name in value}
    return Plan(
        value["name"],
        value["bucket"],
        value["input"]["bucket"],
        value["input"]["prefix"],
        tuple(_combinations(value.get("settings", {}))),
        packages=tuple(value.get("packages", ())),
        **given,
    )


def _combinations(settings: Mapping[str, list[Any]]) -> Iterator[Combination]:
    for values in itertools.product(*settings.values()):
        yield Combination(**dict(zip(settings, values, strict=True)))


# --------------------------------------------------------------------------- faults


def _matches(pattern: str, meaning: str) -> Callable[[Any], str | None]:
    def fault(value: Any) -> str | None:
        if isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII):
            return None
        return f"{brief(value)} is not {meaning}"

    return fault


def _whole(least: int, most: int, meaning: str) -> Callable[[Any], str | None]:
    def fault(value: Any) -> str | None:
        if type(value) is int and least <= value <= most:
            return None
        return f"{brief(value)} is not {meaning}, from {least} to {most}"

    return fault


def _size(value: Any) -> str | None:
    try:
        byte_size(value)
    except (ValueError, TypeError) as error:
        return str(error)
    return None


def _list_of(check: Callable[[Any], str | None]) -> Callable[[Any], str | None]:
    def fault(value: Any) -> str | None:
        if not isinstance(value, list) or not value:
            return f"{brief(value)} is not a list of one value or more"
        if len(set(map(repr, value))) < len(value):
            return f"{brief(value)} has a value twice"
        return next(filter(None, map(check, value)), None)

    return fault


_BUCKET = _matches(
    r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of a bucket: fill in that of yours"
)
_REQUIRED = {
    "name": _matches(r"[a-z][a-z0-9-]{0,29}", "a name: up to 30 of a-z, 0-9, '-', a letter first"),
    "bucket": _BUCKET,
}
FIELDS: dict[str, Callable[[Any], str | None]] = {
    **_REQUIRED,
    "repeat": _whole(1, MOST_REPEATS, "a number of runs"),
    "seed": _whole(0, 2**63 - 1, "a seed"),
    "packages": _list_of(_matches(r"\S+==\S+", "a package with its version, polars==2.1.0 say")),
}
_INPUT = {"bucket": _BUCKET, "prefix": _matches(r"[^\x00-\x1f]{0,900}", "a prefix")}
SETTINGS = {
    "memory": _list_of(_whole(128, 10240, "a memory in MB")),
    "architecture": _list_of(_matches("x86_64|arm64", "x86_64 or arm64")),
    "job": _list_of(_matches(r"[A-Za-z_]\w*", "the name of a job")),
    "batchsize": _list_of(_whole(1, 10**9, "a number of objects")),
    "splitsize": _list_of(_size),
    "start": _list_of(_matches(f"{COLD}|{WARM}", f"{COLD} or {WARM}")),
}


def _faults(value: Mapping[str, Any]) -> Iterator[str]:
    tables = {"input": (_INPUT, set(_INPUT)), "settings": (SETTINGS, set())}
    top = {name: one for name, one in value.items() if name not in tables}
    yield from _table_faults("", top, FIELDS, set(_REQUIRED))
    for name, (fields, required) in tables.items():
        table = value.get(name, {})
        if isinstance(table, dict):
            yield from _table_faults(f"{name}.", table, fields, required)
        else:
            yield f"{name}: {brief(table)} is not a table"
    settings = value.get("settings")
    if isinstance(settings, dict) and {"batchsize", "splitsize"} <= settings.keys():
        yield "settings: batchsize and splitsize exclude each other"


def _table_faults(
    where: str,
    table: Mapping[str, Any],
    fields: Mapping[str, Callable[[Any], str | None]],
    required: set[str],
) -> Iterator[str]:
    for name in sorted(required - table.keys()):
        yield f"{where}{name}: missing"
    for name, given in table.items():
        check = fields.get(name)
        if fault := check(given) if check else f"unknown: there are {', '.join(fields)}":
            yield f"{where}{name}: {fault}"
