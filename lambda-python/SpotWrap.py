"""The entry of a wrapped function, `SpotWrap.handleRequest`; setupApps zips it with the function.

It sets itself up when it is loaded, once for each environment: a warm start does nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spotwrap import wrapper

_handler = wrapper.start(Path(__file__).parent)


def handleRequest(event: Any, context: Any) -> Any:  # noqa: N802 - the original's name
    """The function's entry."""
    return _handler(event, context)
