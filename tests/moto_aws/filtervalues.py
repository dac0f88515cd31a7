"""Filter values of a bucket's notifications: S3 decodes them, moto takes them as they are.

In: the rules of a notification, and an object's key. Out: whether the key is meant, as S3 finds it:
in a value, "+" is a space, and "%3D" is "=".
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus

from moto.s3.models import Notification

_MOTOS_MATCH = Notification._key_matches


def install() -> None:
    """Have moto compare keys with decoded values; what it answers of them stays encoded."""

    def matches(notification: Any, key_name: str) -> bool:
        given = notification.filters
        rules = given.get("S3Key", {}).get("FilterRule", [])
        decoded = [{**rule, "Value": unquote_plus(rule["Value"])} for rule in rules]
        filters = {"S3Key": {"FilterRule": decoded}} if rules else given
        return bool(_MOTOS_MATCH(Notification(notification.arn, [], filters), key_name))

    Notification._key_matches = matches
