"""How a reducer downloads its outputs: how many at once, and how soon each; pure.

In: its event. Many small reads wait for S3's answers, so many are under way at once; few large ones
fill the memory. And all reducers of a step together must not ask for more than S3 gives: who is
refused waits for seconds, and the whole step with him. So each keeps to its share of that rate.
"""

from __future__ import annotations

from shuffle import rates
from state.tasks import ReducerEvent

AHEAD_BYTES = 32 << 20
"""Bytes of outputs that are downloaded while others are merged; their copies take as much again."""

LEAST_AHEAD = 3
MOST_AHEAD = 32
"""Outputs that are downloaded at once: what a small read waits for is S3's answer."""


def at_once(task: ReducerEvent) -> int:
    """How many outputs are downloaded at once."""
    taken = sum(task.sizes) * task.share / len(task.keys)
    fitting = int(AHEAD_BYTES / taken) if taken else LEAST_AHEAD
    return max(LEAST_AHEAD, min(MOST_AHEAD, fitting))


def not_before(task: ReducerEvent, index: int) -> float:
    """Seconds from the begin of the merge before which output `index` is not asked for."""
    if len(task.keys) * task.reducer_count <= rates.GETS_A_SECOND:
        return 0.0
    return index * task.reducer_count / rates.GETS_A_SECOND
