"""A thousand invokes in one environment: every job once, in order, after its own response; nothing grows."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function

INVOKES = 1000
WARM = 200  # by then every lazy import is done and the allocators have what they need


class Footprint(NamedTuple):
    """What a process holds."""

    threads: int
    descriptors: int
    resident_kb: int


def footprint(pid: int) -> Footprint:
    with open(f"/proc/{pid}/status") as status:
        fields = dict(line.split(":", 1) for line in status)
    descriptors = len(os.listdir(f"/proc/{pid}/fd"))
    return Footprint(int(fields["Threads"]), descriptors, int(fields["VmRSS"].split()[0]))


@pytest.mark.timeout(150)
def test_every_job_of_a_thousand_invokes_runs_once_in_order_after_its_response(
    function: Callable[..., Function],
) -> None:
    """0 to 5 jobs each, frozen between invokes; threads, descriptors and memory stay level in both processes."""
    shop = function(
        """
        punch.start()

        def handler(event, context):
            try:
                for number in range(event["jobs"]):
                    punch.push(note, event["invoke"], number)
            finally:
                punch.handled(context)
        """
    )
    chance = random.Random(20_20)
    expected, responded, warm = [], {}, {}
    for number in range(INVOKES):
        jobs = chance.randint(0, 5)
        expected += [f"{number} {job}" for job in range(jobs)]
        responded[number] = shop.invoke({"invoke": number, "jobs": jobs}).responded_at
        if number == WARM:
            shop.wait_idle(timeout=10)
            warm = {pid: footprint(pid) for pid in (shop.runtime_pid, *shop.extension_pids.values()) if pid}
    shop.wait_idle(timeout=10)

    assert shop.told == expected
    assert [note.text for note in shop.notes if note.at <= responded[int(note.words[0])]] == []
    assert len(warm) == 2
    for pid, before in warm.items():
        after = footprint(pid)
        assert after.threads == before.threads
        assert after.descriptors == before.descriptors
        assert after.resident_kb <= before.resident_kb + 512
