"""Calling functions: one, or many at once, with what went wrong said in words.

A call that is throttled past botocore's own retries waits until others have ended, with fewer at
once from then on; a function that fails is called again, up to so many retries, unless it failed
for good.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from aws import s3json
from aws.client import error_code
from aws.threads import Threads
from errors import BadRecord, JobError, brief, log

MAX_MESSAGE = 2000
MAX_TEXT = 500
"""Characters of a function's error that are shown, and of an answer that is none."""
LONGEST_PAUSE = 30.0
LATE_SECONDS = 0.5
"""How long no call may end before it is looked which of them are late."""
LAST_SECONDS = 5.0
"""How long calls under way are waited for once one has failed for good: most end as it did."""


class FailedForGood(JobError):
    """A function failed, and another try would end in the same way."""


class FunctionFailed(JobError):
    """A function ran and failed, or could not be reached: another try may help."""


class Throttled(FunctionFailed):
    """Lambda has no room for the call now."""


@dataclasses.dataclass(frozen=True)
class Function:
    """A Lambda function, called through `client`."""

    client: Any
    name: str

    def call(self, payload: Mapping[str, Any]) -> Any:
        """Run it, wait, and return its answer. FunctionFailed where it failed."""
        response = self._invoke(payload, "RequestResponse")
        text = response["Payload"].read().decode(errors="replace")
        if "FunctionError" in response:
            raise self._failed(failure_message(text))
        return self._answer(text)

    def start(self, payload: Mapping[str, Any]) -> None:
        """Have it run some time soon, and do not wait."""
        self._invoke(payload, "Event")

    def _failed(self, message: str) -> FunctionFailed:
        return FunctionFailed(
            f"{self.name} failed: {message}; see log group /aws/lambda/{self.name}"
        )

    def _invoke(self, payload: Mapping[str, Any], invocation_type: str) -> dict[str, Any]:
        try:
            response: dict[str, Any] = self.client.invoke(
                FunctionName=self.name,
                InvocationType=invocation_type,
                Payload=json.dumps(payload).encode(),
            )
            return response
        except ClientError as error:
            raise self._explain(error) from error
        except BotoCoreError as error:  # a connection that broke past botocore's retries
            raise FunctionFailed(f"{self.name} could not be reached: {error}") from error

    def _explain(self, error: ClientError) -> JobError:
        code = error_code(error)
        if code == "TooManyRequestsException":
            return Throttled(
                f"{self.name} is throttled, too many functions run at once: lower --concurrency, "
                "or ask AWS for a higher limit"
            )
        if code == "ResourceNotFoundException":
            return JobError(
                f"there is no function {self.name} in this region: deploy it with setupApps.py, "
                "or name another one, or another --region"
            )
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status >= 500:
            return FunctionFailed(f"{self.name} could not be invoked: {error}")
        return JobError(f"{self.name} could not be invoked: {error}")

    def _answer(self, text: str) -> Any:
        """The function's answer, out of SpotWrap's envelope where it is in one."""
        try:
            answer = s3json.parse(text, "it")
        except BadRecord as error:
            raise FunctionFailed(f"{self.name} answered {brief(text)}, not JSON") from error
        if isinstance(answer, dict) and {"statusCode", "body"} <= answer.keys():
            if str(answer["statusCode"]) != "200":
                raise self._failed(spotwrap_error(answer["body"]))
            return answer["body"]
        return answer


def spotwrap_error(body: Any) -> str:
    """The text in SpotWrap's error answer {"SpotWrapError": TEXT}, or the answer as a text."""
    return str(body.get("SpotWrapError", body) if isinstance(body, dict) else body)[:MAX_MESSAGE]


def failure_message(text: str) -> str:
    """The message in Lambda's error answer {"errorMessage", "errorType"}, or the text as it is."""
    try:
        answer = s3json.parse(text, "it")
    except BadRecord:
        return text[:MAX_TEXT]
    if isinstance(answer, dict):
        parts = [str(answer[name]) for name in ("errorType", "errorMessage") if answer.get(name)]
        return ": ".join(parts)[:MAX_MESSAGE] or text[:MAX_TEXT]
    return text[:MAX_TEXT]


_Ended = tuple[int, Any, Exception | None]
"""Index of a call, its answer, or the error it ended with."""


Rule = Callable[[Mapping[int, float], Sequence[float], int], list[int]]
"""Which calls are late: seconds of those under way by index, of those that ended, of how many."""


def call_all(
    call: Callable[[Any], Any],
    payloads: Sequence[Any],
    concurrency: int,
    retries: int,
    on_answer: Callable[[int, Any], None],
    name: Callable[[Any], str] = str,
    threads: Threads | None = None,
    late: Rule | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Call for each payload, at most `concurrency` at once; `on_answer(index, answer)` for each.

    `call` runs on threads that end with the program, so an error or Ctrl-C need not wait for the
    calls still under way. Raises what a call raised, with the payload's `name`: FunctionFailed
    after `retries` further tries, any other error at once. A call that is `late` is made once more
    beside the first, and the first answer of the two counts.
    """
    threads = threads or Threads()
    _Calls(call, payloads, concurrency, retries, on_answer, name, threads, late, clock).make()


@dataclasses.dataclass
class _Calls:
    """Calls under way, as `call_all` has them."""

    call: Callable[[Any], Any]
    payloads: Sequence[Any]
    concurrency: int
    retries: int
    on_answer: Callable[[int, Any], None]
    name: Callable[[Any], str]
    threads: Threads
    late: Rule | None
    clock: Callable[[], float]

    def __post_init__(self) -> None:
        self.waiting = deque(range(len(self.payloads)))
        self.limit = self.concurrency
        self.running = 0
        self.alone: set[int] = set()
        self.failures: Counter[int] = Counter()
        self.copies: Counter[int] = Counter()
        self.began: dict[int, float] = {}
        self.done: dict[int, float] = {}

    def make(self) -> None:
        """Make them all."""
        while len(self.done) < len(self.payloads):
            while self.waiting and self.running < self.limit:
                self.start(self.waiting.popleft())
            for index, answer, error in self.next_ended():
                self.running -= 1
                self.copies[index] -= 1
                if index in self.done or (error is not None and self.copies[index]):
                    continue  # its other copy was first, or goes on
                if error is None:
                    self.answered(index, answer)
                else:
                    self.failed(index, error)

    def start(self, index: int) -> None:
        """Make one call, behind a pause where it has failed before."""
        self.alone = set() if self.running else {index}  # until another one is started beside it
        one = functools.partial(_call_one, self.call, index, self.payloads[index])
        self.began[index] = self.clock()
        self.threads.start(one, pause_after(self.failures[index]))
        self.copies[index] += 1
        self.running += 1

    def next_ended(self) -> list[_Ended]:
        """What has ended; nothing where nothing does for some time, in which copies may be due."""
        if self.late is None or self.waiting:
            return [self.threads.next_ended()]
        ended = list(self.threads.soon_ended(1, LATE_SECONDS))
        for index in [] if ended else self.due(self.late):
            which = self.name(self.payloads[index])
            log(f"taking much longer than others, called once more: {which}")
            self.start(index)
        return ended

    def due(self, late: Rule) -> list[int]:
        """The calls of which a copy is due: there is one of each."""
        now = self.clock()
        under_way = {
            index: now - began
            for index, began in self.began.items()
            if index not in self.done and self.copies[index] == 1
        }
        return late(under_way, list(self.done.values()), len(self.payloads))

    def answered(self, index: int, answer: Any) -> None:
        self.done[index] = self.clock() - self.began[index]
        self.on_answer(index, answer)
        self.limit = min(self.concurrency, self.limit + 1)

    def failed(self, index: int, error: Exception) -> None:
        """Have it called again, or raise the end of all."""
        if isinstance(error, Throttled) and index not in self.alone:
            self.waiting.appendleft(index)
            self.limit = max(1, self.running)
            return
        self.failures[index] += 1
        tries, which = self.failures[index], self.name(self.payloads[index])
        if not isinstance(error, FunctionFailed) or tries > self.retries:
            raise _the_end(error, which, self.threads, self.running)
        log(f"try {tries + 1} of {self.retries + 1} for {which}: {error}")
        self.waiting.append(index)


def pause_after(failures: int) -> float:
    """How long a call waits, in seconds, after so many tries; pure. A role's policy takes some
    seconds to reach all of AWS: tries that follow at once would all be denied.
    """
    return min(0.5 * 3.0 ** (min(failures, 9) - 1), LONGEST_PAUSE) if failures else 0.0


def _the_end(error: Exception, name: str, threads: Threads, running: int) -> Exception:
    """What the calls end with: a JobError names whose it is, any other is the program's fault."""
    if not isinstance(error, JobError):
        return error
    last = running if isinstance(error, FailedForGood) else 0
    return told_once(error, name, _last_errors(threads, last))


def _last_errors(threads: Threads, running: int) -> list[Exception]:
    """The errors of the calls under way, as far as they come soon; nothing more is started."""
    ended = threads.soon_ended(running, LAST_SECONDS)
    return [error for _, _, error in ended if error is not None]


def told_once(error: JobError, name: str, others: Sequence[Exception]) -> JobError:
    """The error that ends the calls, with whose it is, and how many others failed with it; pure."""
    same = sum(str(other) == str(error) for other in others)
    more = f"; the same in {same + 1} mappers" if same else ""
    if different := len(others) - same:
        more += f"; {different} more failed, with errors of their own"
    told = type(error)(f"{error} ({name}){more}")
    told.__cause__ = error
    return told


def _call_one(call: Callable[[Any], Any], index: int, payload: Any) -> _Ended:
    try:
        return index, call(payload), None
    except Exception as error:  # noqa: BLE001 - it rises again where the call's end is taken
        return index, None, error
