"""The S3 trigger: a bucket's objects wake a function.

Two things make it: the function's permission for S3 to invoke it, and an entry in the bucket's
notification configuration. S3 replaces that configuration as a whole, so it is read, merged and
written; other people's entries stay, on deploy and on delete.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from awsclients import Clients, error_code, found_or_none
from lambdamanager import NOT_FOUND, DeployError

CONFIGURATIONS = (
    "TopicConfigurations",
    "QueueConfigurations",
    "LambdaFunctionConfigurations",
    "EventBridgeConfiguration",
)


@dataclass(frozen=True)
class Trigger:
    """New objects of `bucket` wake `function`; with `job_id`, those of that job's tasks only."""

    function: str
    bucket: str
    job_id: str | None

    @property
    def entry_id(self) -> str:
        """The one name of the permission and of the notification entry: the same on every run."""
        return f"{self.function}-trigger"

    @property
    def source_arn(self) -> str:
        return f"arn:aws:s3:::{self.bucket}"

    def entry(self, function_arn: str) -> dict[str, Any]:
        """The entry in the bucket's notification configuration."""
        rules = [{"Name": "prefix", "Value": f"{self.job_id}/task"}] if self.job_id else []
        entry: dict[str, Any] = {
            "Id": self.entry_id,
            "LambdaFunctionArn": function_arn,
            "Events": ["s3:ObjectCreated:*"],
        }
        return {**entry, "Filter": {"Key": {"FilterRules": rules}}} if rules else entry


def merge(configuration: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """A bucket's configuration with our entry in it, in place of an earlier one; pure."""
    merged = remove(configuration, entry["Id"])
    merged.setdefault("LambdaFunctionConfigurations", []).append(dict(entry))
    return merged


def remove(configuration: Mapping[str, Any], entry_id: str) -> dict[str, Any]:
    """A bucket's configuration without our entry; pure."""
    kept = {name: configuration[name] for name in CONFIGURATIONS if name in configuration}
    ours = kept.pop("LambdaFunctionConfigurations", [])
    others = [entry for entry in ours if entry.get("Id") != entry_id]
    return {**kept, "LambdaFunctionConfigurations": others} if others else kept


def same_entry(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two entries mean the same, however S3 spells them ("Prefix", "prefix"); pure."""
    return _essence(one) == _essence(other)


def _essence(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    rules = entry.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    filters = {(rule["Name"].lower(), rule.get("Value", "")) for rule in rules}
    return entry["LambdaFunctionArn"], set(entry["Events"]), filters


class TriggerManager:
    """Triggers in one account and region."""

    def __init__(self, clients: Clients) -> None:
        self.clients = clients
        self.functions = clients.client("lambda")
        self.s3 = clients.client("s3")

    def check_bucket(self, bucket: str) -> None:
        """DeployError where the trigger's bucket does not exist or is not ours to use."""
        try:
            self.s3.head_bucket(Bucket=bucket)
        except ClientError as error:
            if error_code(error) in ("404", "NoSuchBucket"):
                raise DeployError(
                    f"there is no bucket {bucket}, which permission names: make it with "
                    f"`aws s3 mb s3://{bucket}`, or correct permission"
                ) from error
            raise DeployError(f"bucket {bucket} cannot be used: {error}") from error

    def deploy(self, trigger: Trigger, function_arn: str) -> str:
        """Wire the trigger; returns what was done."""
        permission = self._permit(trigger)
        notification = self._notify(trigger, function_arn)
        return "unchanged" if {permission, notification} == {"unchanged"} else "wired"

    def _permit(self, trigger: Trigger) -> str:
        # S3 checks the permission when the notification is written, so it comes first.
        wanted = {"AWS:SourceAccount": self.clients.account, "AWS:SourceArn": trigger.source_arn}
        found = self._statement(trigger)
        if found is not None and _conditions(found) == wanted:
            return "unchanged"
        if found is not None:
            self.functions.remove_permission(
                FunctionName=trigger.function, StatementId=trigger.entry_id
            )
        self.functions.add_permission(
            FunctionName=trigger.function,
            StatementId=trigger.entry_id,
            Action="lambda:InvokeFunction",
            Principal="s3.amazonaws.com",
            SourceArn=trigger.source_arn,
            SourceAccount=self.clients.account,
        )
        return "changed"

    def _statement(self, trigger: Trigger) -> dict[str, Any] | None:
        answer = found_or_none(
            lambda: self.functions.get_policy(FunctionName=trigger.function), NOT_FOUND
        )
        statements = json.loads(answer["Policy"])["Statement"] if answer else []
        ours = [one for one in statements if one.get("Sid") == trigger.entry_id]
        return ours[0] if ours else None

    def _notify(self, trigger: Trigger, function_arn: str) -> str:
        found = self.s3.get_bucket_notification_configuration(Bucket=trigger.bucket)
        entry = trigger.entry(function_arn)
        ours = [
            one
            for one in found.get("LambdaFunctionConfigurations", [])
            if one.get("Id") == trigger.entry_id
        ]
        if ours and same_entry(ours[0], entry):
            return "unchanged"
        self._put(trigger, merge(found, entry))
        return "changed"

    def _put(self, trigger: Trigger, configuration: Mapping[str, Any]) -> None:
        try:
            self.s3.put_bucket_notification_configuration(
                Bucket=trigger.bucket, NotificationConfiguration=configuration
            )
        except ClientError as error:
            if error_code(error) != "InvalidArgument":
                raise
            raise DeployError(
                f"bucket {trigger.bucket} refuses the trigger {trigger.entry_id}: {error}. Another "
                "notification of the bucket may cover the same keys: `aws s3api "
                f"get-bucket-notification-configuration --bucket {trigger.bucket}` shows them"
            ) from error

    def delete_permission(self, trigger: Trigger) -> str:
        """Take the permission back; returns what happened."""
        gone = found_or_none(
            lambda: (
                self.functions.remove_permission(
                    FunctionName=trigger.function, StatementId=trigger.entry_id
                )
                or {}
            ),
            NOT_FOUND,
        )
        return "not there" if gone is None else "deleted"

    def delete_notification(self, trigger: Trigger) -> str:
        """Take our entry, and only ours, out of the bucket's configuration."""
        found = found_or_none(
            lambda: self.s3.get_bucket_notification_configuration(Bucket=trigger.bucket),
            "NoSuchBucket",
        )
        ids = [one.get("Id") for one in (found or {}).get("LambdaFunctionConfigurations", [])]
        if found is None or trigger.entry_id not in ids:
            return "not there"
        self._put(trigger, remove(found, trigger.entry_id))
        return "deleted"

    def empty_bucket(self, bucket: str) -> str:
        """Delete every object of a bucket, and every version; returns what happened."""
        count = 0
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
        try:
            for page in pages:
                found = page.get("Versions", []) + page.get("DeleteMarkers", [])
                count += len(found)
                self._delete_versions(bucket, found)
        except ClientError as error:
            if error_code(error) == "NoSuchBucket":
                return "not there"
            raise
        return f"{count} objects deleted"

    def _delete_versions(self, bucket: str, found: list[dict[str, Any]]) -> None:
        if not found:
            return
        objects = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]
        answer = self.s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
        for failure in answer.get("Errors", []):
            raise DeployError(
                f"s3://{bucket}/{failure.get('Key')} could not be deleted: "
                f"{failure.get('Code')} {failure.get('Message')}"
            )


def _conditions(statement: Mapping[str, Any]) -> dict[str, str]:
    """The condition values of a policy statement, whatever operator they stand under."""
    return {
        name: value
        for conditions in statement.get("Condition", {}).values()
        for name, value in conditions.items()
    }
