"""Unique jobs and results as a state machine: any order of calls, runs, failures, second deliveries and restarts of the clock."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import lambda_punch as punch
from lambda_punch.jobs import registry
from lambda_punch.jobs.receiving.memory_worker import run_some
from lambda_punch.jobs.receiving.routing import run_batch
from lambda_punch.jobs.store import memory
from lambda_punch.testing import enqueued

RETRIES = 2
KEYS = st.sampled_from(["a", "b"])
UNTIL = st.sampled_from(["ended", "started", "expired"])


class Unique(RuleBasedStateMachine):
    """One job of each kind; its outcomes are drawn before it is run."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.jobs = self.stack.enter_context(enqueued())
        memory.store.__init__()  # type: ignore[misc]
        self.outcomes: list[str] = []
        self.sent: dict[str, tuple[str, str, Any]] = {}
        self.runs: dict[str, int] = {}
        self.before = dict(registry._jobs)
        self.declared = {until: self.declare(until) for until in ("ended", "started", "expired")}

    def declare(self, until: str) -> Any:
        @punch.job(
            name=f"sync-{until}", queue="jobs", unique="arguments", unique_until=until, keep_result=10_000, retries=RETRIES,
            wait=lambda _: 1, discard_on=LookupError,
        )  # fmt: skip
        def sync(key: str) -> str:
            execution = punch.jobs.current()
            assert execution is not None
            self.runs[execution.id] = self.runs.get(execution.id, 0) + 1
            outcome = self.outcomes.pop() if self.outcomes else "done"
            if outcome == "fail":
                raise ConnectionError
            if outcome == "drop":
                raise LookupError
            return key

        return sync

    @rule(key=KEYS, until=UNTIL)
    def enqueue(self, key: str, until: str) -> None:
        """A duplicate's handle is that of a job that was sent, and that may still have the lock."""
        handle = self.declared[until].enqueue(key)
        if handle.duplicate:
            assert self.sent[handle.id][:2] == (until, key)
            status = self.status(handle.id)
            assert status != "dead"
            assert until == "expired" or status in {"queued", "failed"}
            assert until != "started" or status == "queued"
        else:
            self.sent[handle.id] = (until, key, handle)
            assert self.status(handle.id) == "queued"

    @rule(outcomes=st.lists(st.sampled_from(["fail", "fail", "drop", "done"]), max_size=6))
    def run_batches(self, outcomes: list[str]) -> None:
        """As many as it takes for these outcomes, with the waits before retries."""
        self.outcomes = outcomes
        for _ in range(len(outcomes) + 1):
            run_some(self.jobs.backend)
            self.jobs._now += 5

    @rule(key=KEYS, until=UNTIL)
    def a_batch_comes_twice(self, key: str, until: str) -> None:
        """As after a crash. What the second run does to the lock, a job that was sent in between does not notice."""
        records = self.jobs.backend.receive(10, 60.0)
        if records:
            event = {"Records": records}
            run_batch(event, None, self.jobs.backend, self.jobs.backend.clock)
            self.enqueue(key, until)
            failed = run_batch(event, None, self.jobs.backend, self.jobs.backend.clock)["batchItemFailures"]
            left = {each["itemIdentifier"] for each in failed}
            for record in records:
                if record["messageId"] not in left:
                    self.jobs.backend.delete(record["messageId"])

    @invariant()
    def of_each_kind_and_key_at_most_one_waits_for_its_first_run(self) -> None:
        waiting: dict[tuple[str, str], set[str]] = {}
        for identity, (until, key, _) in self.sent.items():
            if identity not in self.runs:
                waiting.setdefault((until, key), set()).add(identity)
        assert all(len(identities) == 1 for identities in waiting.values()), waiting

    def teardown(self) -> None:
        """When everything has been run, no lock is left but those that last for their time."""
        self.outcomes.clear()
        self.jobs.run()
        for identity, (_, key, handle) in self.sent.items():
            status = self.status(identity)
            assert status in {"done", "dead", "discarded"}, status
            if status == "done":
                assert handle.result(0) == key
        locked = {name for name in memory.store._items if name.startswith("lock#")}
        assert all(name.startswith("lock#sync-expired#") for name in locked), locked
        registry._jobs.clear()
        registry._jobs.update(self.before)
        self.stack.close()

    def status(self, identity: str) -> str:
        found = self.declared["ended"].result_of(identity)
        assert found is not None
        return str(found.status)


TestUnique = Unique.TestCase
TestUnique.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
