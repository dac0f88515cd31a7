"""The configuration file, scns.json: read and checked whole before the first AWS call.

In: the file's path. Out: a `Config` of `FunctionSpec`s, paths resolved against the file's folder;
or ConfigError with every fault in one go, each naming the function and the field.
"""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore
import botocore.session

from deploy import bundle, imports, names
from deploy.bundle import BundleError
from deploy.imports import Closure, Missing
from errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_RUNTIME = "python3.13"
DEFAULT_TIMEOUT = 300
ARCHITECTURES = ("x86_64", "arm64")
PLACEHOLDERS = ("MY-BUCKET-NAME", "CODE_BUCKET")


class ConfigError(UsageError):
    """The configuration cannot be used; the message has a line for each fault."""


@dataclass(frozen=True)
class FunctionSpec:
    """One function as the file describes it.

    `memory` is in MB, `timeout` in seconds; `files` are what is to be zipped, by the names in the
    zip; `needs` are imports that must be in one of the `packages`. `permission` is the bucket that
    triggers it, and `job_id` narrows that to one job.
    `patched_botocore_dir` and `code_bucket` together ask for SpotWrap; `code_bucket` alone is
    where a bundle over 50 MB goes.
    """

    name: str
    memory: int
    handler: str
    zip_name: str
    files: Mapping[str, Path]
    needs: tuple[Missing, ...] = ()
    runtime: str = DEFAULT_RUNTIME
    timeout: int = DEFAULT_TIMEOUT
    architecture: str = ARCHITECTURES[0]
    environment: Mapping[str, str] = field(default_factory=dict)
    layers: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    permission: str | None = None
    job_id: str | None = None
    patched_botocore_dir: Path | None = None
    code_bucket: str | None = None


@dataclass(frozen=True)
class Config:
    """The whole file: `region` holds for every function."""

    region: str
    functions: tuple[FunctionSpec, ...]

    @property
    def workers(self) -> tuple[str, ...]:
        """The functions that a driver and a coordinator start: mappers and reducers, by name."""
        return tuple(one.name for one in self.functions if is_worker(one.handler))

    @property
    def trigger_buckets(self) -> list[str]:
        """The buckets whose objects wake functions."""
        return sorted({spec.permission for spec in self.functions if spec.permission})


STARTERS = ("driver", "reducerCoordinator")
"""The files of the functions that start others, and that none of them starts."""


def is_worker(handler: str) -> bool:
    """Whether a function of this handler is started by others."""
    return handler.partition(".")[0] not in STARTERS


def find(name: str) -> Path:
    """The file `name`: as it stands, or in the repository's root, as the original's commands say.

    ConfigError where it is in neither place.
    """
    for path in (Path(name), ROOT / name):
        if path.is_file():
            return path
    raise ConfigError(f"{name}: no such file, neither here nor in {ROOT}")


def load(path: Path, with_sources: bool = True) -> Config:
    """Read and check a configuration file. ConfigError with all its faults.

    Without `with_sources` the files to zip are not looked at: deleting needs none of them.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not JSON: {error}") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    faults = list(_faults(value, path.resolve().parent if with_sources else None))
    if faults:
        raise ConfigError(*(f"{path}: {fault}" for fault in faults))
    folder = path.resolve().parent
    functions = tuple(_spec(entry, folder, with_sources) for entry in value["functions"])
    return Config(value["region"], functions)


def _spec(entry: Mapping[str, Any], folder: Path, with_sources: bool) -> FunctionSpec:
    patched = entry.get("patched_botocore_dir")
    closure = _closure(entry, folder) if with_sources else None
    given = {name: entry[name] for name in _AS_GIVEN if name in entry}
    return FunctionSpec(
        name=entry["name"],
        memory=entry["lambdaMemory"],
        handler=entry["handler"],
        zip_name=entry["zip"],
        files=dict(sorted(closure.files.items())) if closure else {},
        needs=tuple(closure.missing) if closure and not entry.get("layers") else (),
        layers=tuple(entry.get("layers", ())),
        packages=tuple(entry.get("packages", ())),
        patched_botocore_dir=folder / patched if patched else None,
        code_bucket=entry.get("s3bucket"),
        **given,
    )


_AS_GIVEN = ("runtime", "timeout", "architecture", "environment", "permission", "job_id")

# --------------------------------------------------------------------------- faults

_BUCKET = re.compile(r"(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9](?:[a-z0-9-]|\.(?![.-])){1,61}[a-z0-9]")
_VARIABLE = re.compile(r"[A-Za-z]\w+", re.ASCII)
_PACKAGE = re.compile(r"[A-Za-z0-9][\w.-]*(\[[\w.,-]+\])?==[\w.!+]+", re.ASCII)
_LAYER = re.compile(r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:layer:[\w-]+:\d+", re.ASCII)


def bucket_fault(value: Any) -> str | None:
    """What is wrong with a bucket's name, after the naming rules of S3; None where nothing is."""
    if value in PLACEHOLDERS:
        return f"{value} is the placeholder: fill in the name of your bucket"
    if not isinstance(value, str) or not _BUCKET.fullmatch(value):
        return f"{value!r} is no bucket name: 3 to 63 of a-z, 0-9, '.' and '-'"
    return None


def _text(pattern: str, meaning: str) -> Callable[[Any], str | None]:
    def fault(value: Any) -> str | None:
        if isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII):
            return None
        return f"{value!r} is not {meaning}"

    return fault


region_fault = _text(r"[a-z]{2}(-[a-z]+)+-\d", "a region such as us-west-2")
"""What is wrong with a region's name; None where nothing is."""


def _number(least: int, most: int, unit: str) -> Callable[[Any], str | None]:
    def fault(value: Any) -> str | None:
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return None
        return f"{value!r} is not a number from {least} to {most} {unit}"

    return fault


def _texts(value: Any) -> str | None:
    if isinstance(value, list) and value and all(isinstance(item, str) and item for item in value):
        return None
    return f"{value!r} is not a list of paths"


def _environment(value: Any) -> str | None:
    if not isinstance(value, dict):
        return f"it is {type(value).__name__}, not an object of names and texts"
    for name, text in value.items():  # a text may be a secret: no error shows it
        if not _VARIABLE.fullmatch(name):
            return (
                f"{name!r} is no name of a variable: 2 or more of a-z, A-Z, 0-9, _, a letter first"
            )
        if not isinstance(text, str):
            return f"{name} is {type(text).__name__}, not a text"
    return None


def _layers(value: Any) -> str | None:
    if not isinstance(value, list):
        return f"{value!r} is not a list of layer versions"
    for arn in value:
        if not isinstance(arn, str) or not _LAYER.fullmatch(arn):
            return f"{arn!r} is not the ARN of a layer version"
    return None


def _packages(value: Any) -> str | None:
    if not isinstance(value, list):
        return f"{value!r} is not a list of packages"
    for package in value:
        if not isinstance(package, str) or not _PACKAGE.fullmatch(package):
            return f"{package!r} is not a package with its version, such as polars==2.1.0"
    return None


@functools.cache
def runtimes() -> tuple[str, ...]:
    """The Python runtimes of Lambda that the installed botocore knows."""
    model = botocore.session.Session().get_service_model("lambda")
    return tuple(name for name in model.shape_for("Runtime").enum if name.startswith("python3"))


def runtime_fault(value: Any) -> str | None:
    """What is wrong with a runtime; None where nothing is."""
    if value in runtimes():
        return None
    return (
        f"{value!r} is no Python runtime of Lambda that botocore {botocore.__version__} knows: "
        f"{', '.join(runtimes())}"
    )


_JOB_ID = r"[^/\x00-\x1f]{1,200}"
_REQUIRED: dict[str, Callable[[Any], str | None]] = {
    "name": _text(r"[\w-]{1,64}", "a function name: 1 to 64 letters, digits, '-' and '_'"),
    "lambdaMemory": _number(128, 10240, "MB"),
    "handler": _text(r"[A-Za-z_]\w*\.[A-Za-z_]\w*", "of the form file.name"),
    "zip": _text(r"[\w.-]+\.zip", "the name of a zip file"),
    "files_and_dirs": _texts,
}
_OPTIONAL: dict[str, Callable[[Any], str | None]] = {
    "runtime": runtime_fault,
    "timeout": _number(1, 900, "seconds"),
    "architecture": _text("|".join(ARCHITECTURES), f"one of {', '.join(ARCHITECTURES)}"),
    "environment": _environment,
    "layers": _layers,
    "packages": _packages,
    "permission": bucket_fault,
    "job_id": lambda value: (
        None
        if isinstance(value, str) and re.fullmatch(_JOB_ID, value)
        else f"{value!r} is not a job id, one segment of an S3 key"
    ),
    "patched_botocore_dir": _text(r".+", "a path"),
    "s3bucket": bucket_fault,
}
FIELDS = {**_REQUIRED, **_OPTIONAL}


def _faults(value: Any, folder: Path | None) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"the file must hold a JSON object, not {type(value).__name__}"
        return
    for name in sorted(value.keys() - {"region", "functions"}):
        yield f"{name}: unknown field"
    if fault := region_fault(value.get("region")):
        yield f"region: {fault}"
    entries = value.get("functions")
    if not isinstance(entries, list) or not entries:
        yield "functions: there must be a list of at least one function"
        return
    names = Counter(str(entry["name"]) for entry in entries if _has_name(entry))
    yield from (f"{name}: name: used {count} times" for name, count in names.items() if count > 1)
    for number, entry in enumerate(entries, 1):
        yield from _function_faults(entry, number, folder)


def _has_name(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("name"), str)


def _function_faults(entry: Any, number: int, folder: Path | None) -> Iterator[str]:
    if not isinstance(entry, dict):
        yield f"function {number}: not a JSON object but {type(entry).__name__}"
        return
    label = (_has_name(entry) and entry["name"]) or f"function {number}"
    bad = set()
    for name in sorted(entry.keys() - FIELDS.keys()):
        yield f"{label}: {name}: unknown field"
    for name in sorted(_REQUIRED.keys() - entry.keys()):
        bad.add(name)
        yield f"{label}: {name}: missing"
    for name, check in FIELDS.items():
        if name in entry and (fault := check(entry[name])):
            bad.add(name)
            yield f"{label}: {name}: {fault}"
    if folder and not bad & {"files_and_dirs", "handler", "runtime", "environment"}:
        yield from (f"{label}: {fault}" for fault in _source_faults(entry, folder))
    if "job_id" in entry and "permission" not in entry:
        yield f"{label}: job_id: means nothing without permission, the bucket of the trigger"
    if "patched_botocore_dir" in entry and "s3bucket" not in entry:
        yield f"{label}: s3bucket: SpotWrap needs it beside patched_botocore_dir"


def _source_faults(entry: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """Faults of what is to be zipped: missing files, imports that are nowhere, names that hide."""
    missing = [path for name in entry["files_and_dirs"] if not (path := folder / name).exists()]
    if missing:
        yield from (f"files_and_dirs: {path} does not exist" for path in missing)
        return
    try:
        closure = _closure(entry, folder)
    except BundleError as error:
        yield f"files_and_dirs: {error}"
        return
    stem, _, name = entry["handler"].partition(".")
    if (module := f"{stem}.py") not in closure.files:
        yield f"handler: {entry['handler']} needs {module}, which is not in files_and_dirs"
    elif not imports.may_define(bundle.read(closure.files[module]), name):
        yield f"handler: {entry['handler']}: there is no {name} in {closure.files[module]}"
    if not (closure.has_job or entry.get("layers")):
        job = entry["environment"]["MR_JOB"]
        yield f"environment: MR_JOB is {job}: add {job}.py to files_and_dirs"
    # Packages are looked into once they are there; what is in a layer is not known here.
    elsewhere = entry.get("packages") or entry.get("layers")
    told = [*closure.faults, *names.faults(closure.files), *(() if elsewhere else closure.missing)]
    yield from (f"files_and_dirs: {fault}" for fault in told)


def _closure(entry: Mapping[str, Any], folder: Path) -> Closure:
    """What a function lists, and what goes along with it. BundleError."""
    sources = [folder / name for name in entry["files_and_dirs"]]
    job = entry.get("environment", {}).get("MR_JOB")
    return imports.gather(sources, entry.get("runtime", DEFAULT_RUNTIME), job)
