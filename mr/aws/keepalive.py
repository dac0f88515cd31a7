"""TCP keep-alive on a client's connections: a gateway forgets those that are silent for too long.

A connection that waits for a function is silent for up to 15 minutes. AWS's NAT gateways and
network load balancers drop what is idle for 350 s, and Linux's first probe comes after two hours.
"""

from __future__ import annotations

import socket
from typing import Any

SECONDS = 60
"""How long a connection is idle until the first probe, and from one to the next."""

_NAMES = ("TCP_KEEPIDLE", "TCP_KEEPALIVE", "TCP_KEEPINTVL")
"""What sets that, as Linux and macOS call it."""


def keep_alive(client: Any) -> None:
    """Have a client's connections send probes, before its first call.

    botocore's `tcp_keepalive` turns probes on, and has no setting for their time. Its list of
    socket options is read for each new connection; where a botocore has none, the system's times
    stay.
    """
    options = getattr(client._endpoint.http_session, "_socket_options", [])
    options.extend(
        (socket.IPPROTO_TCP, getattr(socket, name), SECONDS)
        for name in _NAMES
        if hasattr(socket, name)
    )
