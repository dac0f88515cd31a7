"""What a deployment or a deletion consists of: steps, each of which can be told before it is done.

`setupApps.py --plan` prints what they would do, and without it they are done: both from one list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from deploy import contents
from deploy.clients import Clients
from deploy.config import Config
from deploy.function import Desired, LambdaManager
from deploy.trigger import Trigger, TriggerManager, trigger_of

LATE_LOG_SECONDS = 5
"""How long the last lines of a function's log may take until they are in its group."""


@dataclass(frozen=True)
class Step:
    """One thing of an `owner` that is made or deleted; `what` is empty where it is the owner.

    `look` says what `do` would do and changes nothing; `do` does it and says what it did. Both
    raise AWS's errors and DeployError.
    """

    owner: str
    what: str
    look: Callable[[], str]
    do: Callable[[], str]

    @property
    def name(self) -> str:
        """The thing, for a person."""
        return f"{self.owner}: {self.what}" if self.what else self.owner


class Steps:
    """The steps of a configuration, through one manager of functions and one of triggers."""

    def __init__(self, settings: Config, clients: Clients) -> None:
        self.settings = settings
        self.clients = clients
        self.functions = LambdaManager(clients)
        self.triggers = TriggerManager(clients)
        self.s3 = clients.client("s3")

    def missing(self) -> list[str]:
        """The functions that do not exist."""
        names = [spec.name for spec in self.settings.functions]
        return [name for name in names if self.functions.find(name) is None]

    def deployment(self, wanted: Sequence[Desired], update: bool) -> Iterator[list[Step]]:
        """The steps of each function: the function and, unless it is an `update`, its trigger."""
        look, do = self.functions.look, self.functions.deploy
        for spec, desired in zip(self.settings.functions, wanted, strict=True):
            steps = [Step(spec.name, "", partial(look, desired), partial(do, desired))]
            if (trigger := trigger_of(spec)) and not update:
                steps.append(self._wiring(trigger))
            yield steps

    def _wiring(self, trigger: Trigger) -> Step:
        """The trigger of a function that is there once this is done."""

        def look() -> str:
            found = self.functions.find(trigger.function)
            wired = found is not None and self.triggers.is_wired(trigger, found["FunctionArn"])
            return "unchanged" if wired else "would be wired"

        def wire() -> str:
            return self.triggers.deploy(trigger, self.functions.arn(trigger.function))

        what = f"trigger on s3://{trigger.bucket}/{trigger.job_id or ''}"
        return Step(trigger.function, what, look, wire)

    def deletion(self, keep_contents: bool) -> Iterator[Step]:
        """What deletes all that `deployment` makes, and the contents of the triggers' buckets."""
        functions, triggers = self.functions, self.triggers
        for spec in self.settings.functions:
            name = spec.name
            if trigger := trigger_of(spec):
                where = f"of s3://{trigger.bucket}"
                entries, delete = triggers.notifications, triggers.delete_notification
                yield _deletion(name, f"notification {where}", entries, delete, trigger)
                permission, delete = triggers.statement, triggers.delete_permission
                yield _deletion(name, f"permission {where}", permission, delete, trigger)
            yield _deletion(name, "function", functions.find, functions.delete, name)
        for bucket in self.settings.trigger_buckets:
            yield self._emptying(bucket, keep_contents)
        yield from self._logs("log group", [spec.name for spec in self.settings.functions])
        # Lambda delivers logs late, and makes a group anew for them.
        if again := list(functions.logs_deleted):
            self.clients.sleep(LATE_LOG_SECONDS)
            yield from self._logs("log group, looked for again", again)

    def _logs(self, what: str, names: Sequence[str]) -> Iterator[Step]:
        for name in names:
            yield _deletion(name, what, self.functions.find_logs, self.functions.delete_logs, name)

    def _emptying(self, bucket: str, keep: bool) -> Step:
        if keep:
            return Step(f"s3://{bucket}", "contents", lambda: "kept", lambda: "kept")
        look, do = (partial(call, self.s3, bucket) for call in (contents.look, contents.delete))
        return Step(f"s3://{bucket}", "contents", look, do)


def _deletion(
    owner: str, what: str, find: Callable[[Any], Any], delete: Callable[[Any], str], target: Any
) -> Step:
    """The deletion of what `find` finds; nothing where it is not there."""

    def look() -> str:
        return "would be deleted" if find(target) else "not there"

    return Step(owner, what, look, partial(delete, target))
