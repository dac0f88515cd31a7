"""What a deployment or a deletion would do, told without doing it (`setupApps.py --plan`).

In: the configuration, and what AWS says of it. Out: lines for a person. Nothing here writes: the
decisions are those of `lambdamanager` and `trigger`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from botocore.exceptions import ClientError

from awsclients import NOT_FOUND, Clients, error_code, found_or_none
from config import Config, FunctionSpec
from lambdamanager import Desired, LambdaManager, changes
from trigger import Trigger, TriggerManager


def deployment(
    settings: Config,
    wanted: Sequence[Desired],
    clients: Clients,
    trigger_of: Callable[[FunctionSpec], Trigger | None],
    update: bool,
) -> Iterator[str]:
    """A line for each function, and one for each trigger unless this is an `update`."""
    manager, triggers = LambdaManager(clients), TriggerManager(clients)
    for spec, function in zip(settings.functions, wanted, strict=True):
        found = manager.find(function.name)
        yield f"{function.name}: {_function_plan(function, found)}"
        trigger = trigger_of(spec)
        if trigger and not update:
            wired = found is not None and triggers.is_wired(trigger, found["FunctionArn"])
            what = "unchanged" if wired else "would be wired"
            yield f"{spec.name}: trigger on s3://{trigger.bucket}/{trigger.job_id or ''}: {what}"


def _function_plan(function: Desired, found: dict[str, Any] | None) -> str:
    if found is None:
        return f"would be created ({len(function.code)} bytes, {function.memory} MB)"
    changed = changes(function, found)
    return f"would be updated ({', '.join(changed)})" if changed else "unchanged"


def deletion(
    settings: Config,
    clients: Clients,
    trigger_of: Callable[[FunctionSpec], Trigger | None],
    keep_contents: bool,
) -> Iterator[str]:
    """A line for each thing that --deleteAll looks for."""
    manager, triggers = LambdaManager(clients), TriggerManager(clients)
    for spec in settings.functions:
        if trigger := trigger_of(spec):
            where = f"of s3://{trigger.bucket}"
            notified = triggers.notification(trigger) is not None
            yield f"{spec.name}: notification {where}: {_deletion(notified)}"
            permitted = triggers.statement(trigger) is not None
            yield f"{spec.name}: permission {where}: {_deletion(permitted)}"
        yield f"{spec.name}: function: {_deletion(manager.find(spec.name) is not None)}"
        yield f"{spec.name}: log group: {_deletion(_has_logs(clients, spec.name))}"
    for bucket in sorted({spec.permission for spec in settings.functions if spec.permission}):
        contents = "kept" if keep_contents else _contents(clients, bucket)
        yield f"s3://{bucket}: contents: {contents}"


def _deletion(is_there: bool) -> str:
    return "would be deleted" if is_there else "not there"


def _has_logs(clients: Clients, name: str) -> bool:
    group = f"/aws/lambda/{name}"
    logs = clients.client("logs")
    answer = found_or_none(lambda: logs.describe_log_groups(logGroupNamePrefix=group), NOT_FOUND)
    return any(one["logGroupName"] == group for one in (answer or {}).get("logGroups", []))


def _contents(clients: Clients, bucket: str) -> str:
    """How many objects, versions and delete markers a bucket holds."""
    pages = clients.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket)
    try:
        count = sum(
            len(page.get("Versions", [])) + len(page.get("DeleteMarkers", [])) for page in pages
        )
    except ClientError as error:
        if error_code(error) != "NoSuchBucket":
            raise
        return "not there"
    return f"{count} objects would be deleted"
