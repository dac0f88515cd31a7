"""Virtual time: its order, its processes, what they hand to each other."""

from __future__ import annotations

import pytest

from local.simulated.clock import EPOCH, Clock, Mailbox, SimulatedExecutor, SimulatedThreads


def test_processes_move_in_the_order_of_their_times() -> None:
    clock, seen = Clock(), []

    def sleeper(name: str, naps: list[float]) -> None:
        for nap in naps:
            clock.sleep(nap)
            seen.append((round(clock.now - EPOCH, 3), name))

    clock.start(lambda: sleeper("a", [1, 1, 1]))
    clock.start(lambda: sleeper("b", [0.5, 2]))
    clock.run()
    assert seen == [(0.5, "b"), (1, "a"), (2, "a"), (2.5, "b"), (3, "a")]


def test_what_is_due_at_the_same_time_happens_in_the_order_it_was_asked_for() -> None:
    clock, seen = Clock(), []
    for name in "abc":
        clock.after(1.0, lambda name=name: seen.append(name))
    clock.run()
    assert seen == ["a", "b", "c"]


def test_what_a_process_raises_rises_from_run() -> None:
    clock = Clock()

    def body() -> None:
        clock.sleep(1)
        raise KeyError("x")

    clock.start(body)
    with pytest.raises(KeyError, match="x"):
        clock.run()


def test_processes_that_wait_for_nothing_are_an_error_and_are_ended() -> None:
    clock, ended = Clock(), []

    def body() -> None:
        try:
            Mailbox(clock).get()
        finally:
            ended.append(True)

    clock.start(body)
    with pytest.raises(RuntimeError, match="1 processes wait for nothing"):
        clock.run()
    assert ended == [True]


def test_a_reader_waits_for_what_comes_later() -> None:
    clock, seen = Clock(), []
    box = Mailbox(clock)

    def read() -> None:
        for _ in range(3):
            seen.append((box.get(), clock.now - EPOCH))

    box.put("early")
    clock.start(read)
    clock.after(2.0, lambda: box.put("late"))
    clock.after(2.0, lambda: box.put("as late"))
    clock.run()
    assert seen == [("early", 0), ("late", 2), ("as late", 2)]


@pytest.mark.parametrize(("threads", "seconds"), [(1, 10.0), (2, 6.0), (4, 4.0), (9, 4.0)])
def test_an_executor_has_so_many_calls_under_way(threads: int, seconds: float) -> None:
    clock, found = Clock(), []

    def body() -> None:
        def call(nap: int) -> int:
            clock.sleep(nap)
            return nap * nap

        with SimulatedExecutor(clock, threads) as executor:
            found.extend(executor.map(call, [1, 2, 3, 4]))

    clock.start(body)
    clock.run()
    assert found == [1, 4, 9, 16]
    assert clock.now - EPOCH == seconds


def test_an_error_in_an_executor_rises_and_nothing_more_is_begun() -> None:
    clock, begun = Clock(), []

    def call(number: int) -> None:
        begun.append(number)
        clock.sleep(1)
        raise ValueError(number)

    def body() -> None:
        with pytest.raises(ValueError, match="1"):
            SimulatedExecutor(clock, 2).map(call, [1, 2, 3, 4])

    clock.start(body)
    clock.run()
    assert begun == [1, 2]


def test_threads_give_what_ended_first() -> None:
    clock, found = Clock(), []

    def body() -> None:
        threads = SimulatedThreads(clock)
        for nap in (3, 1, 2):
            threads.start(lambda nap=nap: (clock.sleep(nap), nap)[1])
        found.extend(threads.next_ended() for _ in range(3))

    clock.start(body)
    clock.run()
    assert found == [1, 2, 3]


def test_threads_give_what_ends_soon_and_no_more_is_waited_for() -> None:
    clock, found = Clock(), []

    def body() -> None:
        threads = SimulatedThreads(clock)
        for nap in (3, 1, 9):
            threads.start(lambda nap=nap: (clock.sleep(nap), nap)[1])
        found.append((list(threads.soon_ended(3, 5.0)), clock.now - EPOCH))
        found.append((threads.next_ended(), clock.now - EPOCH))

    clock.start(body)
    clock.run()
    assert found == [([1, 3], 5), (9, 9)]


def test_whoever_a_process_starts_works_for_the_same_owner() -> None:
    clock, owners = Clock(), []

    def body() -> None:
        clock.start(lambda: owners.append(clock.owner))
        owners.append(clock.owner)

    clock.start(body, "someone")
    clock.run()
    assert owners == ["someone", "someone"]
    assert clock.owner is None
