"""The reducer: merges one batch of outputs into one.

In, from the coordinator: {"bucket", "keys", "jobBucket", "jobId", "nReducers", "stepId",
"reducerId"}. Out: `JOB/task/reducer/STEP/R`; or, as the only reducer of its step, the answer
`JOB/result` and then `JOB/task/reducer/done`. Either wakes the coordinator. Returns [number of
outputs merged, pairs read, seconds]. Run twice it writes the same bytes to the same keys.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import jobstate
import lambdautils
import s3json
import uservisits
from lambdautils import Fields, JobKeys


@dataclasses.dataclass(frozen=True)
class ReducerEvent:
    """What a reducer is asked to do."""

    bucket: str
    keys: list[str]
    job_bucket: str
    job_id: str
    reducer_count: int
    step: int
    reducer_id: int

    @classmethod
    def from_json(cls, event: Any) -> ReducerEvent:
        """Read an event. BadRecord where a field is missing or wrong."""
        fields = Fields(event, "reducer event")
        return cls(
            fields.text("bucket"),
            fields.texts("keys"),
            fields.text("jobBucket"),
            fields.text("jobId"),
            fields.count("nReducers"),
            fields.count("stepId"),
            fields.count("reducerId"),
        )


def handler(event: Any, context: Any) -> list[float]:
    """The function's entry."""
    task = ReducerEvent.from_json(event)
    s3 = lambdautils.client("s3")
    name = f"reducer/{task.step}/{task.reducer_id}"
    with jobstate.failure_record(s3, task.job_bucket, task.job_id, name, context.aws_request_id):
        return run(s3, task)


def run(s3: Any, task: ReducerEvent) -> list[float]:
    """Merge the batch, write the output, and answer [outputs, pairs, seconds]."""
    lambdautils.log(
        f"job {task.job_id}: step {task.step} reducer {task.reducer_id} reads "
        f"{len(task.keys)} outputs"
    )
    start = time.monotonic()
    merged: dict[str, Any] = {}
    pairs = 0
    for key in task.keys:
        output = s3json.read_json(s3, task.bucket, key)
        pairs += len(output)
        merge(merged, output)
    seconds = time.monotonic() - start
    write(s3, task, merged, lambdautils.output_metadata(pairs, seconds, groups=len(merged)))
    lambdautils.log(
        f"step {task.step} reducer {task.reducer_id}: {pairs} pairs of {len(task.keys)} outputs "
        f"into {len(merged)} groups, {seconds:.3f} s"
    )
    return [len(task.keys), pairs, seconds]


def merge(merged: dict[str, Any], output: dict[str, Any]) -> None:
    """Combine the pairs of an output into `merged`."""
    combine = uservisits.combine
    for key, value in output.items():
        merged[key] = combine(merged[key], value) if key in merged else value


def write(s3: Any, task: ReducerEvent, merged: dict[str, Any], metadata: dict[str, str]) -> None:
    """Write the output where it belongs; the last reducer's is the result, and `done` follows."""
    keys = JobKeys(task.job_id)
    if task.reducer_count > 1:
        output_key = keys.reducer_output(task.step, task.reducer_id)
        lambdautils.write_json(s3, task.job_bucket, output_key, merged, metadata)
        return
    lambdautils.write_json(s3, task.job_bucket, keys.result, merged, metadata)
    lambdautils.write_json(s3, task.job_bucket, keys.done, {"result": keys.result})
