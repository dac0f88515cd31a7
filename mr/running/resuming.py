"""Going on with a run that is there already: by looking on, or by starting what is missing."""

from __future__ import annotations

from aws.client import Clients
from running.following import Follower, Outcome
from running.listener import Listener
from state.batches import read_batches
from state.listing import read_records


def watch(
    clients: Clients, bucket: str, job_id: str, timeout: float, listener: Listener
) -> Outcome:
    """Look on until a run ends, as the driver that started it would. JobError as that has it, and
    where there is no such job.
    """
    began = clients.clock()
    job, data = read_records(clients.s3, bucket, job_id)
    events = read_batches(clients.s3, job)
    listener.joined(job, [event.size for event in events])
    batches = [event.keys for event in events]
    follower = Follower(clients, job, data, listener, batches, timeout)
    return follower.outcome(began, follower.follow())
