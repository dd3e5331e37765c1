"""Freezing by the engine's pause, again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.container.conftest import ImageFunction

pytestmark = [pytest.mark.container, pytest.mark.timeout(300)]
LONG = 110  # steps of 10 ms or a little more, against a timeout of a second


def test_fifty_invokes_with_a_freeze_between(run: Callable[..., ImageFunction], either_image: str) -> None:
    """Paused after each; a job that was frozen while it ran ends at the next invoke; every job runs once, in order."""
    function = run(either_image, timeout=1.0)
    pids, expected = set(), []
    for number in range(50):
        # 10 is frozen while it runs, and so is 30, with a job behind it that has not been started
        jobs = {f"{number}a": LONG, f"{number}b": 1} if number in (10, 30) else {str(number): 1}
        pids.add(function.call(jobs=jobs)["pid"])
        expected += [f"{name} {what}" for name in jobs for what in ("begins", "ends")]
        assert [container.status for container in function.containers] == ["paused"]
        if number in (10, 30):
            assert function.told == expected[:-3]

    assert function.told == expected
    assert len(pids) == 1
    assert len(function.times("platform", "frozen")) == 51
    assert len(function.times("platform", "thawed")) == 50


def test_nothing_moves_in_a_frozen_container(run: Callable[..., ImageFunction], work_image: str) -> None:
    """A frozen job writes nothing until the next invoke, whose thaw it needs."""
    function = run(work_image, timeout=1.0)

    function.call(jobs={"long": LONG})
    frozen = function.times("platform", "frozen")[-1]
    with pytest.raises(TimeoutError):
        function.wait_for(lambda event: event.at > frozen, timeout=1.0)
    told = list(function.told)
    function.call()

    assert told == ["long begins"]
    assert function.told == ["long begins", "long ends"]
    assert function.notes[-1].at > function.times("platform", "thawed")[-1]
