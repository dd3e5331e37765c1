"""Durable jobs as a state machine: queues with a clock of their own, several environments, kills, throttles, redrives.

The queues are the backend memory, which behaves as SQS does; the consumer is the real one. A kill is an exception that nobody
catches, before or after the consumer sends its copies, or before the mapping deletes. Of a job that was in a killed batch no
more is claimed than that it is not lost: SQS promises at least once, and such jobs are named in ``in_a_kill``.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

import lambda_punch as punch
from lambda_punch.jobs import backends
from lambda_punch.jobs.backends.memory import Memory
from lambda_punch.jobs.receiving import attempt, consumer
from lambda_punch.jobs.receiving.routing import run_batch

if TYPE_CHECKING:
    from lambda_punch.jobs.backends.memory import Entry

ENVIRONMENTS = 3
RECEIVES = 8  # the queue's maxReceiveCount
VISIBILITY = 180.0
QUEUES = ("jobs", "jobs.fifo")


class KilledError(BaseException):
    """The end of an environment."""


class Killing:
    """Deliveries that end the environment before or after copies are sent."""

    def __init__(self, memory: Memory, when: str | None) -> None:
        self._memory = memory
        self._when = when

    def __getattr__(self, name: str) -> Any:
        return getattr(self._memory, name)

    def send_copies(self, arn: str, copies: Any, *, dead: bool) -> dict[int, str]:
        if self._when == "before":
            raise KilledError
        failed = self._memory.send_copies(arn, copies, dead=dead)
        if self._when == "after":
            raise KilledError
        return failed


class Jobs(RuleBasedStateMachine):
    """Whatever happens, in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_800_000_000.0
        self.memory = Memory(clock=lambda: self.now, max_receive_count=RECEIVES)
        backends.instead = self.memory
        self.environments = [self.new_environment() for _ in range(ENVIRONMENTS)]
        self.runs: Counter[int] = Counter()
        self.allowed: Counter[int] = Counter()
        self.failures: dict[int, int] = {}
        self.done: set[int] = set()
        self.sent: set[int] = set()
        self.in_a_kill: set[int] = set()
        self.order: dict[str, list[int]] = defaultdict(list)
        self.wrong: list[str] = []
        self.jobs = {(queue, retries): self.declared(queue, retries) for queue in QUEUES for retries in (0, 2)}

    def declared(self, queue: str, retries: int) -> Any:
        @punch.job(name=f"{queue}-{retries}", queue=queue, retries=retries, retry_on=ValueError)
        def work(number: int, group: str) -> None:
            self.run(number, group)

        return work

    def run(self, number: int, group: str) -> None:
        self.runs[number] += 1
        line = self.order.get(group, [])
        ahead = line[: line.index(number)] if number in line else []
        dead = {self.number_of(entry) for entry in self.memory.dead}
        waits_for = [each for each in ahead if each not in self.done | dead | self.in_a_kill]
        if waits_for and number not in self.in_a_kill:
            self.wrong.append(f"{number} ran before {waits_for}")
        if self.failures[number]:
            self.failures[number] -= 1
            if self.failures[number] == 4:
                self.allowed[number] = self.runs[number]  # it is not in retry_on
                raise KeyError
            raise ValueError
        self.done.add(number)

    @staticmethod
    def new_environment() -> tuple[Any, Any, Any]:
        return attempt.Remembered(), attempt.Remembered(), attempt.Remembered()

    @staticmethod
    def number_of(entry: Entry) -> int:
        return int(json.loads(entry.outgoing.body)["args"][0])

    # -- what may happen ----------------------------------------------------------------------------------------------

    @rule(
        queue=st.sampled_from(QUEUES), retries=st.sampled_from([0, 2]), group=st.sampled_from("ab"),
        failures=st.sampled_from([0, 0, 1, 2, 3, 5]), delay=st.sampled_from([0, 0, 60, 5000]),
    )  # fmt: skip
    def enqueue(self, queue: str, retries: int, group: str, failures: int, delay: int) -> None:
        number = len(self.sent)
        self.sent.add(number)
        self.failures[number] = failures  # of five, the first is one that is not tried again
        self.allowed[number] = 1 + retries
        job = self.jobs[queue, retries]
        if queue.endswith(".fifo"):
            self.order[group].append(number)
            job.using(group=group).enqueue(number, group)
        else:
            job.using(delay=delay).enqueue(number, "")

    @rule(
        which=st.integers(0, ENVIRONMENTS - 1), size=st.sampled_from([1, 3, 10]),
        kill=st.sampled_from([None, None, None, "before", "after", "answered"]),
    )  # fmt: skip
    def deliver(self, which: int, size: int, kill: str | None) -> None:
        records = self.memory.receive(size, VISIBILITY)
        if not records:
            return
        attempt.thrown_away, attempt.not_moved, attempt.not_sent = self.environments[which]
        consumer.thrown_away = attempt.thrown_away  # type: ignore[attr-defined]
        if kill is not None:
            self.in_a_kill |= {int(json.loads(record["body"])["args"][0]) for record in records}
        try:
            answer = run_batch({"Records": records}, None, Killing(self.memory, kill), lambda: self.now)
            if kill == "answered":
                raise KilledError
        except KilledError:
            self.environments[which] = self.new_environment()
            return
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        for record in records:
            if record["messageId"] not in failed:
                self.memory.delete(record["messageId"])

    @rule(size=st.sampled_from([1, 10]))
    def throttle(self, size: int) -> None:
        self.memory.receive(size, VISIBILITY)

    @rule(seconds=st.sampled_from([1, 31, 181, 4000]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def redrive(self) -> None:
        letters, self.memory.dead[:] = list(self.memory.dead), []
        for entry in letters:
            number = self.number_of(entry)
            self.allowed[number] += int(json.loads(entry.outgoing.body)["job"].rpartition("-")[2]) + 1
            for line in self.order.values():
                if number in line:
                    line.remove(number)
                    line.append(number)
            deduplicated = f"{entry.message_id}-again"
            self.memory.send(entry.outgoing.queue, [entry.outgoing._replace(deduplication_id=deduplicated)])

    # -- what holds ---------------------------------------------------------------------------------------------------

    @invariant()
    def runs_are_as_declared(self) -> None:
        for number, count in self.runs.items():
            assert count <= self.allowed[number] or number in self.in_a_kill, f"{number} ran {count} times"

    @invariant()
    def groups_keep_their_order(self) -> None:
        assert not self.wrong

    @invariant()
    def nothing_is_lost(self) -> None:
        waiting = {self.number_of(entry) for entry in self.memory.entries()}
        dead = {self.number_of(entry) for entry in self.memory.dead}
        assert self.sent <= self.done | waiting | dead

    @invariant()
    def the_dead_say_why(self) -> None:
        for entry in self.memory.dead:
            assert entry.facts.get("Reason") or entry.receives >= RECEIVES  # the latter SQS has moved by itself

    def teardown(self) -> None:
        """In the end there is an end: with time and no more faults every job is done or dead."""
        try:
            for _ in range(400):
                due = self.memory.next_at()
                if due is None:
                    break
                self.now = max(self.now + VISIBILITY, due + 1)  # a group may wait for what was throttled
                self.deliver(0, 10, None)
                self.runs_are_as_declared()
            assert self.memory.next_at() is None
            self.nothing_is_lost()
            self.groups_keep_their_order()
        finally:
            backends.instead = None


@pytest.mark.parametrize(
    "examples",
    [
        pytest.param(30, id="quick"),
        pytest.param(int(os.environ.get("MODEL_EXAMPLES", "3000")), id="long", marks=[pytest.mark.soak, pytest.mark.timeout(3600)]),
    ],
)  # fmt: skip
def test_each_job_is_done_dead_or_waiting_and_runs_as_declared(examples: int) -> None:
    """In any order of sends, batches, kills, throttles, hours and redrives."""
    run_state_machine_as_test(
        Jobs,
        settings=settings(
            max_examples=examples, stateful_step_count=30, deadline=None, database=None, derandomize=examples == 30,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
