"""Which job a run is to run: its name and its settings are checked before anything is started."""

from __future__ import annotations

from errors import JobError, UsageError, log
from jobs import catalog, settings
from running.request import JobRequest
from state.choice import BY_ENVIRONMENT, Choice


def choose(request: JobRequest) -> Choice:
    """The job that is asked for, its settings as values. UsageError.

    A job whose file is not beside the driver is checked by the functions that have it.
    """
    if not request.job:
        return BY_ENVIRONMENT
    if not request.job.isidentifier():
        raise UsageError(
            f"{request.job!r} is not the name of a job: --list-jobs has those there are"
        )
    found = catalog.find(request.job)
    if found is None:
        log(f"job {request.job} is not beside the driver: its settings are checked by the mappers")
        return Choice(request.job, request.settings)
    try:
        values = settings.resolve(request.job, found.settings, request.settings, {})
    except JobError as error:
        raise UsageError(f"{error}: --list-jobs has them all") from error
    return Choice(request.job, {name: values[name] for name in request.settings})
