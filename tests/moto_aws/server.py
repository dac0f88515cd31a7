"""moto's server with what it lacks: IAM down to the resource, functions that run, EventBridge,
encoded filter values.

    python local/tethered.py tests.moto_aws.server PORT RECORD

In: a port, and the file that gets a line for every call. Out: a server on loopback. This process
is started by `stand_in`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import moto.server

from tests.moto_aws import enforcement, eventbridge, filtervalues, functions

if __name__ == "__main__":
    port, record = sys.argv[1:]
    enforcement.install(Path(record))
    eventbridge.install()
    filtervalues.install()
    functions.install()
    try:
        moto.server.main(["--host", "127.0.0.1", "--port", port])
    except SystemExit:  # told to end: functions that still run are not waited for
        os._exit(0)
