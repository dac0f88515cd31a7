"""A job in a file that goes with the run: loaded where the deployment allows that, from its bytes.

Whoever may write to the job bucket could otherwise have code run with the functions' role. The
module's name has the file's digest in it, so it hides no other one, and of two runs each has its
own.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from types import CodeType, ModuleType

from errors import JobError
from jobs.base import RAISED

ALLOWED = "MR_JOB_FILES"
"""The variable of a mapper's and a reducer's environment that allows it, where it is "yes"."""


def refusal(function: str) -> str:
    """Why a function runs no such file, and what would let it."""
    return (
        f"{function} runs no job files, since whoever may write to the job bucket can then run "
        f'code as its role: to allow it, give mapper and reducer "environment": {{"{ALLOWED}": '
        '"yes"} in scns.json, and deploy again'
    )


def module(name: str, digest: str, fetch: Callable[[str], bytes]) -> ModuleType:
    """The module in the file of a digest, which `fetch` gives. JobError where it may not be run, or
    cannot be.
    """
    if os.environ.get(ALLOWED) != "yes":
        raise JobError(refusal(os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "this function")))
    place = f"job_{digest}"
    return sys.modules.get(place) or run(name, place, fetch(digest))


def run(name: str, place: str, source: bytes, path: str = "") -> ModuleType:
    """A module made of a job's source, under the name `place`; `path` is what a traceback calls it.
    JobError.
    """
    spec = importlib.util.spec_from_loader(place, _Source(path or f"{name}.py", source))
    if spec is None or spec.loader is None:
        raise AssertionError("unreachable: the loader is given")
    made = importlib.util.module_from_spec(spec)
    sys.modules[place] = made  # dataclasses, pickle and others look a class's module up there
    try:
        with told(name, place):
            spec.loader.exec_module(made)
    except BaseException:
        del sys.modules[place]
        raise
    return made


@contextlib.contextmanager
def told(name: str, place: str) -> Iterator[None]:
    """JobError for whatever a job raises that is loaded in the block; ModuleNotFoundError where it
    is the job itself, under the name `place`, that is not there.
    """
    try:
        yield
    except JobError:
        raise
    except RAISED as error:
        if isinstance(error, ModuleNotFoundError):
            if error.name == place:
                raise
            raise JobError(
                f"job {name} needs the module {error.name}, which the function does not have: add "
                "it to packages, layers or files_and_dirs in scns.json"
            ) from error
        what = f"{type(error).__name__}: {error}"
        raise JobError(f"job {name}: {name}.py cannot be loaded: {what}") from error


class _Source(importlib.abc.InspectLoader):
    """Loads one module from bytes; `path` is what a traceback calls it."""

    def __init__(self, path: str, source: bytes) -> None:
        self._path = path
        self._source = source

    def get_source(self, fullname: str) -> str:
        return importlib.util.decode_source(self._source)

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self._source, self._path)
