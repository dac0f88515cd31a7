"""What every function of a configuration should be: its code, its handler, its role.

In: the configuration, the options of setupApps, the environment. Out: a `Desired` for each
function, or ConfigError with all that cannot be had. AWS is not called.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from deploy import bundle, config, names, packages, wrapping
from deploy.config import Config, ConfigError, FunctionSpec
from deploy.function import Desired
from deploy.wrapping import Table

REDUCERS = "MR_REDUCERS"
"""The variable that names the functions a coordinator may start: reducerCoordinator.py reads it."""

ROLE_VARIABLES = ("AWSRole", "serverless_mapreduce_role")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/.+")
_MOST_VARIABLES = 4096
"""Bytes that Lambda takes as a function's variables, in JSON. Its own error has them all in it,
secrets too: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

_TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}")


def prepare(
    settings: Config, options: argparse.Namespace, environment: Mapping[str, str]
) -> list[Desired]:
    """What every function should be. ConfigError, BundleError."""
    role = role_from(environment)
    table = None if options.no_spotwrap else table_of(settings, options)
    _refuse(() if table is None else wrapping.folder_faults(settings.functions))
    wanted = [
        dataclasses.replace(
            desired(spec, role, options.turn_on_tracing, table),
            environment=environment_of(spec, settings.workers),
        )
        for spec in settings.functions
    ]
    faults = [] if table is None else list(wrapping.lone_buckets(settings.functions, wanted))
    _refuse([*faults, *_size_faults(wanted)])
    return wanted


def _refuse(faults: Iterable[str]) -> None:
    if told := list(faults):
        raise ConfigError(*told)


def _size_faults(wanted: Sequence[Desired]) -> Iterator[str]:
    """Bundles and variables that Lambda does not take."""
    for one in wanted:
        if one.goes_through_s3 and one.code_bucket is None:
            yield (
                f"{one.name}: its zip has {len(one.code)} bytes, more than the "
                f"{bundle.UPLOAD_LIMIT} that Lambda takes directly: name a bucket for it in "
                "s3bucket"
            )
        if (size := sum(bundle.sizes(one.code).values())) > bundle.UNZIPPED_LIMIT:
            yield (
                f"{one.name}: its code has {size} bytes unzipped, more than the "
                f"{bundle.UNZIPPED_LIMIT} that Lambda takes: give it fewer packages or files"
            )
        variables = json.dumps(dict(one.environment), separators=(",", ":"), ensure_ascii=False)
        if (size := len(variables.encode(errors="backslashreplace"))) > _MOST_VARIABLES:
            yield (
                f"{one.name}: its environment has {size} bytes, more than the {_MOST_VARIABLES} "
                "that Lambda takes: give it fewer or shorter variables"
            )


def role_from(environment: Mapping[str, str]) -> str:
    """The role of the functions, from the environment. ConfigError where it is not set."""
    for name in ROLE_VARIABLES:
        if role := environment.get(name):
            if not _ROLE.fullmatch(role):
                raise ConfigError(f"{name} is {role!r}, not the ARN of a role")
            return role
    raise ConfigError(
        f"the role of the functions is not set: export {ROLE_VARIABLES[0]}=ARN; "
        "setup/create-role.py makes a role and prints that line"
    )


def table_of(settings: Config, options: argparse.Namespace) -> Table:
    """SpotWrap's table. ConfigError where its name or its region is none."""
    table = Table(options.spotFnsTableName, options.spotFnsTableRegion or settings.region)
    if not _TABLE.fullmatch(table.name):
        raise ConfigError(
            f"--spotFnsTableName is {table.name!r}: a table's name is 3 to 255 letters, digits, "
            "'.', '-' and '_'"
        )
    if fault := config.region_fault(table.region):
        raise ConfigError(f"--spotFnsTableRegion: {fault}")
    return table


def desired(spec: FunctionSpec, role: str, tracing: bool, table: Table | None) -> Desired:
    """What a function of the file should be in Lambda: wrapped, where it asks for that and there
    is a `table` for its records; or plain."""
    if table and spec.patched_botocore_dir:
        texts = wrapping.settings(spec, spec.patched_botocore_dir, table, role.split(":")[4])
        code, handler = bundle.build(files_of(spec, wrapping.files()), texts), wrapping.HANDLER
    else:
        code, handler = bundle.build(files_of(spec, {})), spec.handler
    return Desired(
        name=spec.name,
        code=code,
        handler=handler,
        role=role,
        memory=spec.memory,
        timeout=spec.timeout,
        runtime=spec.runtime,
        architecture=spec.architecture,
        environment=spec.environment,
        layers=spec.layers,
        tracing=tracing,
        zip_name=spec.zip_name,
        code_bucket=spec.code_bucket,
    )


def environment_of(spec: FunctionSpec, workers: Sequence[str]) -> Mapping[str, str]:
    """A function's variables. One with a trigger, a coordinator, starts no function but those
    that it finds there: what stands in S3 is no authority.
    """
    return (
        {REDUCERS: " ".join(workers), **spec.environment} if spec.permission else spec.environment
    )


def files_of(spec: FunctionSpec, more: Mapping[str, Path]) -> dict[str, Path]:
    """All files of a bundle, those of the function's packages among them. BundleError, and
    ConfigError where they do not go together."""
    files = dict(spec.files)
    if spec.packages:
        folder = packages.installed(spec.packages, spec.runtime, spec.architecture)
        found = bundle.entries([folder])
        tops = {name.split("/")[0].partition(".")[0] for name in found}
        _refuse(
            f"{spec.name}: files_and_dirs: {one}"
            for one in spec.needs
            if one.module.partition(".")[0] not in tops
        )
        more = {**found, **more}
    for name, path in more.items():
        bundle.add(files, name, path)
    _refuse(f"{spec.name}: files_and_dirs: {fault}" for fault in names.faults(files))
    return files
