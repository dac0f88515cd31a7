"""Where a job's objects lie: every key is spelled here, and read here again.

    JOB/batches.jsonl.gz         the plan, the events of all mappers: batches.py
    JOB/jobdata                  what the views need: records.JobData
    JOB/jobinfo.json             whose the job id is, what the coordinator needs: records.JobInfo
    JOB/task/mapper/ID           a mapper's output: a JSON object key -> value
    JOB/reducerstate.STEP        who claimed the step, and how it is cut: records.StepRecord
    JOB/task/reducer/STEP/R      a reducer's output, same form
    JOB/result                   the output of the step with a single reducer: the answer
    JOB/summary.json             what it used, for every view the same: views/frozen.py
    JOB/task/reducer/done        wakes the coordinator a last time
    JOB/error/FUNCTION/ID        what failed, until it succeeds
    JOB/code/SHA256.py           the job's file, where one goes with the run

`ID`, `STEP` and `R` count from 1. Mapper outputs are those of step 0.
"""

from __future__ import annotations

import dataclasses
import re

_NUMBER = r"[1-9][0-9]{0,8}"
_KEY = re.compile(
    rf"""(?P<job>[^/]+)/(?:
        (?P<batches>batches\.jsonl\.gz)
      | (?P<jobdata>jobdata)
      | (?P<jobinfo>jobinfo\.json)
      | (?P<result>result)
      | (?P<summary>summary\.json)
      | (?P<done>task/reducer/done)
      | task/mapper/(?P<mapper>{_NUMBER})
      | task/reducer/(?P<step>{_NUMBER})/(?P<reducer>{_NUMBER})
      | reducerstate\.(?P<record>{_NUMBER})
      | error/(?P<error>[^/]+/.+)
      | code/(?P<code>[0-9a-f]{64})\.py
    )""",
    re.VERBOSE | re.DOTALL,
)


@dataclasses.dataclass(frozen=True)
class JobKey:
    """What a key of the job bucket stands for.

    `kind` is "batches", "jobdata", "jobinfo", "result", "summary", "done", "output", "record",
    "error" or "code"; `step` and `number` belong to an output (step 0: a mapper's), `step` to a
    record, `name` to an error.
    """

    job_id: str
    kind: str
    step: int = 0
    number: int = 0
    name: str = ""


def parse_key(key: str) -> JobKey | None:
    """Read a key of the job bucket, segment by segment; None where it is not one of a job's."""
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    job_id = match["job"]
    if match["mapper"]:
        return JobKey(job_id, "output", 0, int(match["mapper"]))
    if match["reducer"]:
        return JobKey(job_id, "output", int(match["step"]), int(match["reducer"]))
    if match["record"]:
        return JobKey(job_id, "record", int(match["record"]))
    if match["error"]:
        return JobKey(job_id, "error", name=match["error"])
    return JobKey(job_id, str(match.lastgroup))


@dataclasses.dataclass(frozen=True)
class JobKeys:
    """The keys of one job. `parse_key` reads what this writes."""

    job_id: str

    @property
    def prefix(self) -> str:
        return f"{self.job_id}/"

    @property
    def task_prefix(self) -> str:
        """The prefix that the S3 trigger watches."""
        return f"{self.job_id}/task"

    @property
    def batches(self) -> str:
        return f"{self.job_id}/batches.jsonl.gz"

    @property
    def jobdata(self) -> str:
        return f"{self.job_id}/jobdata"

    @property
    def jobinfo(self) -> str:
        return f"{self.job_id}/jobinfo.json"

    @property
    def result(self) -> str:
        return f"{self.job_id}/result"

    @property
    def summary(self) -> str:
        return f"{self.job_id}/summary.json"

    @property
    def done(self) -> str:
        return f"{self.job_id}/task/reducer/done"

    def mapper_output(self, mapper_id: int) -> str:
        return f"{self.job_id}/task/mapper/{mapper_id}"

    def reducer_output(self, step: int, reducer_id: int) -> str:
        return f"{self.job_id}/task/reducer/{step}/{reducer_id}"

    def step_prefix(self, step: int) -> str:
        """What the keys of all outputs of a reduce step begin with."""
        return f"{self.job_id}/task/reducer/{step}/"

    def output(self, step: int, number: int) -> str:
        """The output `number` of a step; step 0 are the mappers."""
        return self.reducer_output(step, number) if step else self.mapper_output(number)

    def step_record(self, step: int) -> str:
        return f"{self.job_id}/reducerstate.{step}"

    def job_file(self, digest: str) -> str:
        """Where a job's file lies that goes with the run; no trigger watches there."""
        return f"{self.job_id}/code/{digest}.py"

    def error(self, name: str) -> str:
        """Where a failure is left: `name` is "mapper/3", "reducer/1/2" and the like."""
        return f"{self.job_id}/error/{name}"
