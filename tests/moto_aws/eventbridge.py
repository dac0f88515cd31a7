"""EventBridge in a bucket's notification configuration: moto keeps it, but does not tell of it.

In: moto's answer to GetBucketNotificationConfiguration. Out: the same, with the element that S3
answers where EventBridge is on.
"""

from __future__ import annotations

from typing import Any

from moto.s3.responses import S3Response

_MOTOS_ANSWER = S3Response.get_bucket_notification
END = "</NotificationConfiguration>"


def install() -> None:
    """Have moto tell whether a bucket's events go to EventBridge."""

    def answer(response: Any) -> tuple[Any, Any, str]:
        status, headers, body = _MOTOS_ANSWER(response)
        found = response.backend.get_bucket_notification_configuration(response.bucket_name)
        if found is not None and found.event_bridge is not None:
            assert END in body, body
            body = body.replace(END, f"<EventBridgeConfiguration/>{END}")
        return status, headers, body

    S3Response.get_bucket_notification = answer
