"""The S3 trigger: a bucket's objects wake a function.

Two things make it: the function's permission for S3 to invoke it, and an entry in the bucket's
notification configuration. S3 replaces that configuration as a whole, so it is read, merged and
written; other people's entries stay, on deploy and on delete.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from botocore.exceptions import ClientError

from aws.client import error_code
from deploy.clients import NOT_FOUND, Clients, DeployError, found_or_none
from deploy.config import FunctionSpec

CONFIGURATIONS = (
    "TopicConfigurations",
    "QueueConfigurations",
    "LambdaFunctionConfigurations",
    "EventBridgeConfiguration",
)


WIRED = "wired"
"""What wiring a trigger says where it has changed something: S3 may need minutes to follow."""

SAFE = "/!*'()"
"""What stands for itself in a filter value, besides letters, digits, "-", "_", "." and "~"."""

PERMISSION_SECONDS = 10
"""How long a permission given just now may take until S3 sees it."""

CONFLICT_SECONDS = 30
"""How long other writes of a bucket's configuration are waited for."""


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

    def source_arn(self, function_arn: str) -> str:
        """The bucket's ARN, in the partition of the function: aws, aws-cn or aws-us-gov."""
        return f"arn:{function_arn.split(':')[1]}:s3:::{self.bucket}"

    def entry(self, function_arn: str) -> dict[str, Any]:
        """The entry in the bucket's notification configuration."""
        prefix = encoded(f"{self.job_id}/task")
        rules = [{"Name": "prefix", "Value": prefix}] if self.job_id else []
        entry: dict[str, Any] = {
            "Id": self.entry_id,
            "LambdaFunctionArn": function_arn,
            "Events": ["s3:ObjectCreated:*"],
        }
        return {**entry, "Filter": {"Key": {"FilterRules": rules}}} if rules else entry


def encoded(value: str) -> str:
    """A filter value as S3 wants it: a space is "+", and special characters are percent-encoded.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html
    """
    return quote_plus(value, safe=SAFE)


def trigger_of(spec: FunctionSpec) -> Trigger | None:
    """The trigger that a function of the configuration asks for."""
    return Trigger(spec.name, spec.permission, spec.job_id) if spec.permission else None


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


def own_entry(configuration: Mapping[str, Any], entry_id: str) -> dict[str, Any] | None:
    """Our entry in a bucket's configuration, or None; pure."""
    for entry in configuration.get("LambdaFunctionConfigurations", []):
        if entry.get("Id") == entry_id:
            return dict(entry)
    return None


def same_entry(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two entries mean the same, however S3 spells them ("Prefix", "prefix"); pure."""
    return _essence(one) == _essence(other)


def _essence(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return entry["LambdaFunctionArn"], set(entry["Events"]), _filters(entry)


def _filters(entry: Mapping[str, Any]) -> dict[str, str]:
    """The prefix and the suffix an entry asks for, as far as it does, encoded."""
    rules = entry.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    return {rule["Name"].lower(): rule.get("Value", "") for rule in rules}


def overlapping(configuration: Mapping[str, Any], entry: Mapping[str, Any]) -> list[str]:
    """The ids of other entries that could be meant by the same event of the same key; pure.

    S3 refuses such entries: prefixes overlap where one begins with the other, suffixes where one
    ends with the other.
    """
    return [
        str(other.get("Id"))
        for name in CONFIGURATIONS[:3]
        for other in configuration.get(name, [])
        if other.get("Id") != entry["Id"] and _overlap(other, entry)
    ]


def _overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    both = _filters(one), _filters(other)
    prefixes = [unquote_plus(filters.get("prefix", "")) for filters in both]
    suffixes = [unquote_plus(filters.get("suffix", ""))[::-1] for filters in both]
    kinds = [{event.removesuffix("*") for event in entry["Events"]} for entry in (one, other)]
    return (
        _one_begins_with_the_other(*prefixes)
        and _one_begins_with_the_other(*suffixes)
        and any(_one_begins_with_the_other(a, b) for a in kinds[0] for b in kinds[1])
    )


def _one_begins_with_the_other(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


class TriggerManager:
    """Triggers in one account and region."""

    def __init__(self, clients: Clients) -> None:
        self.clients = clients
        self.functions = clients.client("lambda")
        self.s3 = clients.client("s3")

    def deploy(self, trigger: Trigger, function_arn: str) -> str:
        """Wire the trigger, and undo what it was in another bucket; returns what was done."""
        # The permission alone knows that bucket: it is the last that is changed.
        for former in self._places(trigger)[1:]:
            self._unless_aborted(partial(self._take_out, former))
        permission = self._permit(trigger, trigger.source_arn(function_arn))
        notification = self._notify(trigger, function_arn)
        return "unchanged" if {permission, notification} == {"unchanged"} else WIRED

    def is_wired(self, trigger: Trigger, function_arn: str) -> bool:
        """Whether the trigger is as it should be: `deploy` would change nothing."""
        permission, notification = self.statement(trigger), self.notification(trigger)
        return (
            permission is not None
            and self._is_right(permission, trigger.source_arn(function_arn))
            and notification is not None
            and same_entry(notification, trigger.entry(function_arn))
        )

    def _is_right(self, statement: Mapping[str, Any], source_arn: str) -> bool:
        wanted = {"AWS:SourceAccount": self.clients.account, "AWS:SourceArn": source_arn}
        return _conditions(statement) == wanted

    def _permit(self, trigger: Trigger, source_arn: str) -> str:
        # S3 checks the permission when the notification is written, so it comes first.
        found = self.statement(trigger)
        if found is not None and self._is_right(found, source_arn):
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
            SourceArn=source_arn,
            SourceAccount=self.clients.account,
        )
        return "changed"

    def statement(self, trigger: Trigger) -> dict[str, Any] | None:
        """Our statement in the function's policy, or None."""
        answer = found_or_none(
            lambda: self.functions.get_policy(FunctionName=trigger.function), NOT_FOUND
        )
        statements = json.loads(answer["Policy"])["Statement"] if answer else []
        ours = [one for one in statements if one.get("Sid") == trigger.entry_id]
        return ours[0] if ours else None

    def notifications(self, trigger: Trigger) -> list[dict[str, Any]]:
        """Our entries in the bucket's configuration, and in an earlier bucket's."""
        found = map(self.notification, self._places(trigger))
        return [one for one in found if one is not None]

    def notification(self, trigger: Trigger) -> dict[str, Any] | None:
        """Our entry in the bucket's configuration; None where there is none, or no bucket."""
        found = found_or_none(
            lambda: self.s3.get_bucket_notification_configuration(Bucket=trigger.bucket),
            "NoSuchBucket",
        )
        return own_entry(found or {}, trigger.entry_id)

    def _places(self, trigger: Trigger) -> list[Trigger]:
        """The trigger, and what it was in another bucket that its permission still names."""
        bucket = _bucket_of(self.statement(trigger) or {}) or trigger.bucket
        former = replace(trigger, bucket=bucket)
        return [trigger] if former == trigger else [trigger, former]

    def _unless_aborted(self, change: Callable[[], str]) -> str:
        """Read, change and write, all again where someone else has written at the same time."""
        return self.clients.until_accepted(change, is_aborted, CONFLICT_SECONDS)

    def _notify(self, trigger: Trigger, function_arn: str) -> str:
        return self._unless_aborted(lambda: self._put_in(trigger, function_arn))

    def _put_in(self, trigger: Trigger, function_arn: str) -> str:
        found = self.s3.get_bucket_notification_configuration(Bucket=trigger.bucket)
        entry = trigger.entry(function_arn)
        ours = own_entry(found, trigger.entry_id)
        if ours is not None and same_entry(ours, entry):
            return "unchanged"
        self._put(trigger.bucket, merge(found, entry), entry)
        return "changed"

    def _put(self, bucket: str, configuration: Mapping[str, Any], entry: Mapping[str, Any]) -> None:
        """Write the merged configuration. DeployError where S3 refuses it."""
        try:
            self.clients.until_accepted(
                lambda: self.s3.put_bucket_notification_configuration(
                    Bucket=bucket, NotificationConfiguration=configuration
                ),
                cannot_validate,
                PERMISSION_SECONDS,
            )
        except ClientError as error:
            if error_code(error) != "InvalidArgument":
                raise
            cause = _cause(overlapping(configuration, entry))
            raise DeployError(
                f"bucket {bucket} refuses the trigger {entry['Id']}: {error}. {cause}; `aws s3api "
                f"get-bucket-notification-configuration --bucket {bucket}` shows what it has"
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
        """Take our entry out of the bucket's configuration, and out of an earlier bucket's."""
        places = self._places(trigger)
        done = [self._unless_aborted(partial(self._take_out, place)) for place in places]
        return "deleted" if "deleted" in done else "not there"

    def _take_out(self, trigger: Trigger) -> str:
        """Take our entry, and only ours, out of the configuration of one bucket."""
        found = found_or_none(
            lambda: self.s3.get_bucket_notification_configuration(Bucket=trigger.bucket),
            "NoSuchBucket",
        )
        if found is None or own_entry(found, trigger.entry_id) is None:
            return "not there"
        # What is left stays as it was: an entry whose own destination is gone must not hinder us.
        self.s3.put_bucket_notification_configuration(
            Bucket=trigger.bucket,
            NotificationConfiguration=remove(found, trigger.entry_id),
            SkipDestinationValidation=True,
        )
        return "deleted"


def cannot_validate(error: ClientError) -> bool:
    """Whether S3 says that it may not reach a destination, as it does for a permission too new."""
    return error_code(error) == "InvalidArgument" and "Unable to validate" in str(error)


def is_aborted(error: ClientError) -> bool:
    """Whether S3 says that another write of the configuration is under way."""
    return error_code(error) == "OperationAborted"


def _cause(ids: list[str]) -> str:
    """What is the matter with a refused configuration, and what helps."""
    if ids:
        return f"Its notification {', '.join(ids)} covers the same keys: narrow or remove that one"
    return "Another notification of the bucket may have a destination that is gone: remove it"


def _conditions(statement: Mapping[str, Any]) -> dict[str, str]:
    """The condition values of a policy statement, whatever operator they stand under."""
    return {
        name: value
        for conditions in statement.get("Condition", {}).values()
        for name, value in conditions.items()
    }


def _bucket_of(statement: Mapping[str, Any]) -> str:
    """The bucket that a permission of ours is for; "" where it names none."""
    return _conditions(statement).get("AWS:SourceArn", "").partition(":::")[2]
