"""A model of the whole protocol: in any order that Lambda can produce, the guarantees hold."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from .alone import WorldAlone
from .world import BLOCKING, FAILING, SHORT, SLOW, World

KINDS = st.lists(st.sampled_from([SHORT, SHORT, SLOW, BLOCKING, FAILING]), max_size=6)
# the handler's seconds: quick, into the margin, and up to the deadline
SECONDS = st.sampled_from([0.0, 0.1, 1.5, 2.79, 2.85, 2.99])


class Protocol(RuleBasedStateMachine):
    """Invokes, freezes, jobs that block, and every kind of end, again and again in one environment."""

    make: type[World] = World

    def __init__(self) -> None:
        super().__init__()
        self.world = self.make()

    @rule(kinds=KINDS, seconds=SECONDS, extension_first=st.booleans(), unblock=st.booleans())
    def invoke(self, kinds: list[str], seconds: float, extension_first: bool, unblock: bool) -> None:
        self.world.invoke(kinds, seconds=seconds, extension_first=extension_first, unblock=unblock)

    @rule(seconds=st.sampled_from([0.001, 1.0, 4000.0]))
    def freeze(self, seconds: float) -> None:
        self.world.clock.now += seconds

    @precondition(lambda self: self.world.drainer is not None)
    @rule()
    def the_blocked_job_ends(self) -> None:
        self.world.unblock()

    @rule(kinds=KINDS, reason=st.sampled_from(["spindown", "timeout", "failure"]))
    def shutdown(self, kinds: list[str], reason: str) -> None:
        """SIGTERM, perhaps in the middle of a handler that has pushed, then SHUTDOWN; Lambda may start it all anew."""
        self.push_unanswered(kinds)
        self.world.sigterm()
        self.world.shut_down(reason)
        self.new_life()

    @rule(kinds=KINDS)
    def kill_the_runtime(self, kinds: list[str]) -> None:
        self.push_unanswered(kinds)
        self.world.die()
        self.world.shut_down("failure")
        self.new_life()

    @rule(kinds=KINDS)
    def kill_the_extension(self, kinds: list[str]) -> None:
        """Lambda then ends the runtime, with its grace, and starts both anew."""
        self.push_unanswered(kinds)
        self.world.extension_dead = True
        self.world.sigterm()
        self.new_life()

    @rule(kinds=KINDS)
    def kill_both(self, kinds: list[str]) -> None:
        self.push_unanswered(kinds)
        self.world.die()
        self.new_life()

    def push_unanswered(self, kinds: list[str]) -> None:
        world = self.world
        world.requests += 1
        world.responded = False
        world.process.begin(f"request-{world.requests}", int((world.clock.now + 2.8) * 1000))
        for kind in kinds:
            world.push(kind)
        world.responded = True  # from here on nobody waits for it: the environment ends

    def new_life(self) -> None:
        """Whatever the end was: each job has run to its end, or somebody has said that it is lost."""
        self.world.bury()
        self.world.begin_life()
        undone = [job.number for job in self.world.jobs if not job.ended]
        reported, buried = self.world.reported, self.world.buried
        # One more may be reported: a job that has returned just before the end (docs/guarantees.md, what is not promised).
        assert reported + buried - len(undone) in {0, 1}, f"{undone} were not done, {reported} were reported"

    @invariant()
    def at_most_once(self) -> None:
        assert [job.number for job in self.world.jobs if job.runs > 1] == []

    @invariant()
    def in_the_order_pushed(self) -> None:
        assert self.world.order == sorted(self.world.order)

    @invariant()
    def never_early_and_never_in_the_margin(self) -> None:
        assert self.world.faults == []

    def teardown(self) -> None:
        self.world.close()


class ProtocolAlone(Protocol):
    """The same without the extension; Lambda sends SIGTERM for somebody else's."""

    make = WorldAlone


Protocol.TestCase.settings = settings(
    max_examples=60, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
ProtocolAlone.TestCase.settings = Protocol.TestCase.settings
test_the_guarantees_hold = pytest.mark.timeout(120)(Protocol.TestCase)
test_the_guarantees_hold_without_the_extension = pytest.mark.timeout(120)(ProtocolAlone.TestCase)
