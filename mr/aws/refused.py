"""A local endpoint that refuses the connection: said soon, since nobody is there to wait for.

botocore tries again for half a minute, which is right for AWS. On this machine a refused
connection means that the embedded AWS does not run.
"""

from __future__ import annotations

import ipaddress
import urllib.parse
from typing import Any

from botocore.exceptions import EndpointConnectionError

TRIES = 2
"""With botocore's pauses, the error comes after 1 s at most."""


def give_up_soon(client: Any) -> None:
    """Have a client of a local endpoint give up after TRIES refused connections."""
    if is_local(client.meta.endpoint_url):
        client.meta.events.register("needs-retry", _end_if_refused)


def is_local(url: str) -> bool:
    """Whether a URL leads to this very machine; pure."""
    host = urllib.parse.urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _end_if_refused(attempts: int, caught_exception: Exception | None, **_: Any) -> None:
    """What botocore asks after each try; raising ends them."""
    if isinstance(caught_exception, EndpointConnectionError) and attempts >= TRIES:
        raise caught_exception
