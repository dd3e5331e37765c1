"""The queue: once, in order, and never before its time."""

from __future__ import annotations

from contextvars import copy_context

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lambda_punch.runtime.punch import opened
from lambda_punch.runtime.queue import ALL, PunchQueue


def job(sequence: int, name: object = None) -> tuple:
    return (name, (), None, "", sequence, copy_context(), 0, None)


def test_a_job_is_taken_when_its_response_is_released() -> None:
    """The job of a request that is still being handled stays."""
    queue = PunchQueue()
    queue.add(job(1, "first"))
    queue.add(job(2, "second"))
    queue.released = 1

    assert opened(queue.take()).function == "first"
    assert queue.take() is None
    queue.released = 2
    assert opened(queue.take()).function == "second"


def test_clear_takes_all_that_waits() -> None:
    """Also what has not been released."""
    queue = PunchQueue()
    queue.add(job(1))
    queue.add(job(2))

    assert len(queue.clear()) == 2
    assert len(queue) == 0


class QueueMachine(RuleBasedStateMachine):
    """Requests come and go; jobs are pushed and taken in any possible order."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = PunchQueue()
        self.sequence = self.released = 0
        self.pushed: list[int] = []
        self.taken: list[tuple[int, int]] = []

    @rule()
    def request_arrives(self) -> None:
        self.sequence += 1

    @rule(count=st.integers(1, 3))
    def push(self, count: int) -> None:
        for _ in range(count):
            self.queue.add(job(self.sequence, len(self.pushed)))
            self.pushed.append(self.sequence)

    @rule()
    def response_is_out(self) -> None:
        self.queue.released = self.released = self.sequence

    @rule(count=st.integers(1, 5))
    def take(self, count: int) -> None:
        for _ in range(count):
            if (waiting := self.queue.take()) is not None:
                taken = opened(waiting)
                assert taken.sequence <= self.released
                self.taken.append((taken.sequence, taken.function))

    @invariant()
    def each_is_taken_once_in_the_order_pushed(self) -> None:
        assert [name for _, name in self.taken] == list(range(len(self.taken)))

    def teardown(self) -> None:
        self.queue.released = self.released = ALL
        self.take(len(self.pushed))
        assert len(self.taken) == len(self.pushed)


TestQueue = QueueMachine.TestCase


@given(st.lists(st.integers(0, 5)))
def test_len_counts_what_waits(sequences: list[int]) -> None:
    """Released or not."""
    queue = PunchQueue()
    for sequence in sequences:
        queue.add(job(sequence))

    assert len(queue) == len(sequences)
