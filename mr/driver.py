# PYTHON_ARGCOMPLETE_OK: the shell may complete this command's options
"""The driver: plans a job, starts its mappers and, if asked to, waits for the result.

It is both a command and a Lambda function:

    python driver.py MY-BUCKET-NAME job1000 mapperNS reducerNS --wait4reducers
    aws lambda invoke --function-name driverNS --payload '{"job_id": "job1000", ...}' out

In: the objects under a prefix of the input bucket. Out: `JOB/jobdata` and `JOB/jobinfo.json` in
the job bucket, one mapper invocation a batch, and the timing line that scripts parse,
`TIMER:CALL:<ms>:mappers:<s>:reducer:<s>` or `TIMER:CALL:<ms>:dryrun:0`.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from aws.client import Clients
from errors import JobError, log
from running.request import REGION, JobRequest
from running.run import run


def handler(event: Any, context: Any) -> str:
    """The function's entry: a JSON payload in, the timing line out."""
    request = JobRequest.from_payload(event, os.environ.get("AWS_REGION", REGION))
    clients = Clients(request.region, request.profile)
    outcome = run(clients, request, context.get_remaining_time_in_millis() / 1000)
    log(outcome.timer)
    if outcome.fault:
        raise JobError(outcome.fault)
    return outcome.timer


def main(argv: list[str] | None = None) -> int:
    """The command. Its parts are imported here, since the function's zip does not hold them."""
    from terminal import driving

    return driving.main(argv)


if __name__ == "__main__":
    sys.exit(main())
