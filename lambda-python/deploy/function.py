"""One function's life: created, updated where something differs, deleted.

In: what the function should be (`Desired`). Out: the function in Lambda, and a word for what was
done. Calling twice changes nothing the second time; every call waits until Lambda is ready for the
next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from aws.client import error_code
from deploy import bundle
from deploy.clients import NOT_FOUND, Clients, DeployError, found_or_none

POLL = {"Delay": 0.25, "MaxAttempts": 1200}
"""How a change is waited for, seconds and times: most functions are ready in under a second, and
five minutes is long for any."""


@dataclass(frozen=True)
class Desired:
    """What a function should be: its code as a zip, and its configuration.

    `memory` is in MB, `timeout` in seconds; `code_bucket` takes a zip that is over 50 MB.
    """

    name: str
    code: bytes
    handler: str
    role: str
    memory: int
    timeout: int
    runtime: str
    architecture: str
    environment: Mapping[str, str]
    layers: tuple[str, ...]
    tracing: bool
    zip_name: str
    code_bucket: str | None

    @property
    def goes_through_s3(self) -> bool:
        """Whether the zip is too large for Lambda to take directly."""
        return len(self.code) > bundle.UPLOAD_LIMIT

    def configuration(self) -> dict[str, Any]:
        """The arguments that create and update-configuration share."""
        return {
            "Runtime": self.runtime,
            "Role": self.role,
            "Handler": self.handler,
            "Timeout": self.timeout,
            "MemorySize": self.memory,
            "Environment": {"Variables": dict(self.environment)},
            "Layers": list(self.layers),
            "TracingConfig": {"Mode": "Active" if self.tracing else "PassThrough"},
        }


def differences(desired: Desired, found: Mapping[str, Any]) -> list[str]:
    """The names of the configuration fields in which a function is not as desired; pure."""
    there = _there(found)
    return [name for name, value in desired.configuration().items() if there.get(name) != value]


def _there(found: Mapping[str, Any]) -> dict[str, Any]:
    """A function's configuration, with what Lambda leaves out where it is empty."""
    return {
        **found,
        "Environment": {"Variables": found.get("Environment", {}).get("Variables", {})},
        "Layers": [layer["Arn"] for layer in found.get("Layers", [])],
        "TracingConfig": {"Mode": found.get("TracingConfig", {}).get("Mode", "PassThrough")},
    }


def code_differs(desired: Desired, found: Mapping[str, Any]) -> bool:
    """Whether a function's code, or the machine it is for, is not as desired; pure."""
    same_machine = found.get("Architectures", ["x86_64"]) == [desired.architecture]
    return not (same_machine and found["CodeSha256"] == bundle.code_sha256(desired.code))


def configuration_changes(
    desired: Desired, found: Mapping[str, Any], role_made: datetime | None
) -> list[str]:
    """The fields of a function's configuration that are to be written; pure.

    Lambda keeps a role by the id behind its name. One that was deleted and made again under its old
    name is another one: it is written although the name is the same.
    """
    changed = differences(desired, found)
    written = found.get("LastModified")
    if role_made and written and role_made > _moment(written) and "Role" not in changed:
        return ["Role", *changed]
    return changed


def _moment(text: str) -> datetime:
    """Lambda's "2026-01-31T09:00:00.000+0000" as a moment."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def changes(
    desired: Desired, found: Mapping[str, Any], role_made: datetime | None = None
) -> list[str]:
    """What `deploy` would change of a function: "code", and fields of its configuration; pure."""
    configured = configuration_changes(desired, found, role_made)
    return ["code"] * code_differs(desired, found) + configured


def told(desired: Desired, found: Mapping[str, Any], changed: Iterable[str]) -> Iterator[str]:
    """What is `changed`, for a person: old and new values, but never those of variables; pure."""
    for name in changed:
        if name == "code":
            before, after = found.get("CodeSize"), len(desired.code)
            yield "code" if before == after else f"code {before} -> {after} bytes"
        elif name == "Environment":
            variables = _there(found)[name]["Variables"]
            yield f"Environment: {', '.join(_variables(variables, desired.environment))}"
        else:
            before, after = _there(found).get(name), desired.configuration()[name]
            yield f"{name} {_word(before)} -> {_word(after)}"


def _variables(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Which variables differ, and how. Their values may be secrets."""
    for name in sorted({*before, *after}):
        if name not in before:
            yield f"{name} added"
        elif name not in after:
            yield f"{name} removed"
        elif before[name] != after[name]:
            yield f"{name} changed"


def _word(value: Any) -> str:
    """A field's value in a line."""
    if isinstance(value, Mapping):
        return " ".join(map(_word, value.values()))
    if isinstance(value, list):
        return " ".join(map(_word, value)) or "none"
    return str(value)


class LambdaManager:
    """Functions in one region."""

    def __init__(self, clients: Clients) -> None:
        self.clients = clients
        self.logs_deleted: list[str] = []
        self.functions = clients.client("lambda")

    def find(self, name: str) -> dict[str, Any] | None:
        """A function's configuration, or None where there is none."""
        return found_or_none(
            lambda: dict(self.functions.get_function_configuration(FunctionName=name)), NOT_FOUND
        )

    def look(self, desired: Desired) -> str:
        """What `deploy` would do."""
        found = self.find(desired.name)
        if found is None:
            return f"would be created ({len(desired.code)} bytes, {desired.memory} MB)"
        changed = changes(desired, found, self.clients.role_made(desired.role))
        if not changed:
            return "unchanged"
        return f"would be updated ({', '.join(told(desired, found, changed))})"

    def deploy(self, desired: Desired) -> str:
        """Make the function what is desired; returns what was done."""
        found = self.find(desired.name)
        if found is None:
            return self._create(desired)
        self._wait_for_earlier_changes(found)
        changed = self._update_code(desired, found)
        changed += self._update_configuration(desired, found)
        return f"updated ({', '.join(changed)})" if changed else "unchanged"

    def arn(self, name: str) -> str:
        """The function's ARN. ClientError where it does not exist."""
        return str(self.functions.get_function_configuration(FunctionName=name)["FunctionArn"])

    def _create(self, desired: Desired) -> str:
        arguments = {
            "FunctionName": desired.name,
            "Code": self._code(desired),
            "Architectures": [desired.architecture],
            **desired.configuration(),
        }
        try:
            self.clients.until_role_works(lambda: self.functions.create_function(**arguments))
        except ClientError as error:
            if error_code(error) != "ResourceConflictException":
                raise
            raise DeployError(
                f"{desired.name} was created by someone else meanwhile: run setupApps.py again"
            ) from error
        self._wait("function_active_v2", desired.name)
        return "created"

    def _update_code(self, desired: Desired, found: Mapping[str, Any]) -> list[str]:
        if not code_differs(desired, found):
            return []
        self.functions.update_function_code(
            FunctionName=desired.name,
            Architectures=[desired.architecture],
            **self._code(desired),
        )
        self._wait("function_updated_v2", desired.name)
        return ["code"]

    def _update_configuration(self, desired: Desired, found: Mapping[str, Any]) -> list[str]:
        changed = configuration_changes(desired, found, self.clients.role_made(desired.role))
        if changed:
            arguments = {"FunctionName": desired.name, **desired.configuration()}
            self.clients.until_role_works(
                lambda: self.functions.update_function_configuration(**arguments)
            )
            self._wait("function_updated_v2", desired.name)
        return changed

    def _code(self, desired: Desired) -> dict[str, Any]:
        """The code as Lambda takes it: the zip itself, or where it lies in S3."""
        if not desired.goes_through_s3:
            return {"ZipFile": desired.code}
        key = f"{desired.name}/{desired.zip_name}"
        self.clients.client("s3").put_object(
            Bucket=desired.code_bucket,
            Key=key,
            Body=desired.code,
            ExpectedBucketOwner=self.clients.account,
        )
        return {"S3Bucket": desired.code_bucket, "S3Key": key}

    def _wait_for_earlier_changes(self, found: Mapping[str, Any]) -> None:
        """Lambda refuses to change a function while a change of an earlier run is under way."""
        if found.get("State") == "Pending":
            self._wait("function_active_v2", found["FunctionName"])
        if found.get("LastUpdateStatus") == "InProgress":
            self._wait("function_updated_v2", found["FunctionName"])

    def _wait(self, waiter: str, name: str) -> None:
        try:
            self.functions.get_waiter(waiter).wait(FunctionName=name, WaiterConfig=POLL)
        except WaiterError as error:
            raise DeployError(f"{name} did not become ready: {_reason(error)}") from error

    def delete(self, name: str) -> str:
        """Delete the function; returns what happened."""
        gone = found_or_none(
            lambda: self.functions.delete_function(FunctionName=name) or {}, NOT_FOUND
        )
        return "not there" if gone is None else "deleted"

    def delete_logs(self, name: str) -> str:
        """Delete the function's log group; returns what happened."""
        logs, group = self.clients.client("logs"), f"/aws/lambda/{name}"
        gone = found_or_none(lambda: logs.delete_log_group(logGroupName=group) or {}, NOT_FOUND)
        if gone is None:
            return "not there"
        self.logs_deleted.append(name)
        return "deleted"

    def find_logs(self, name: str) -> dict[str, Any] | None:
        """The function's log group, or None where there is none."""
        logs, group = self.clients.client("logs"), f"/aws/lambda/{name}"
        found = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        return next((one for one in found if one["logGroupName"] == group), None)


def _reason(error: WaiterError) -> str:
    """Lambda's own word for why a function is not ready, where it gave one."""
    last = error.last_response.get("Configuration", error.last_response)
    reason = last.get("LastUpdateStatusReason") or last.get("StateReason")
    return str(reason or error)
