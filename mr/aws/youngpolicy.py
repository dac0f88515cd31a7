"""Inside a function, a request that is denied is sent again: the role's policy may be seconds old.

IAM takes some seconds to carry a policy to all of AWS. Until then, what a role may do by now is
denied here and there. A terminal's own credentials are seldom so young, and are told at once.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

DENIED = ("AccessDenied", "AccessDeniedException", "403")
"""How AWS's services say that the credentials do not allow something."""

PAUSES = (1.0, 2.0, 4.0)
"""Seconds before each further try of a request that is denied."""


def is_in_function() -> bool:
    """Whether this runs inside Lambda."""
    return "AWS_LAMBDA_FUNCTION_NAME" in os.environ


def try_again(client: Any, pauses: Sequence[float]) -> None:
    """Have a client send what is denied again, after each of some pauses, in seconds."""

    def pause(response: Any, attempts: int, **_: Any) -> float | None:
        """What botocore asks after each answer, (HTTP response, what it says), and None for none:
        the seconds until the next try, None for no try."""
        said = response[1].get("Error", {}).get("Code") if response else None
        return pauses[attempts - 1] if said in DENIED and attempts <= len(pauses) else None

    service = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register(f"needs-retry.{service}", pause)
