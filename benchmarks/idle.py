"""B11: wakeups of both processes while nothing is to do and nothing is frozen."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from benchmarks.environments import environments, take_turns
from benchmarks.figures import ALONE, BASELINE, OURS, Figure, Target

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT = 2.0


def wakeups(seconds: float) -> Iterator[Figure]:
    """Voluntary context switches of all threads: each is one wakeup that went back to sleep."""
    with environments(freeze=False, timeout=TIMEOUT) as functions:
        take_turns(functions, {"jobs": 2, "kind": "wait", "seconds": 0}, rounds=5, turn=0)
        pids = {
            name: [pid for pid in (function.runtime_pid, *function.extension_pids.values()) if pid]
            for name, function in functions.items()
        }
        time.sleep(TIMEOUT + 1.0)  # what the last invoke left to do: each side wakes once more, until its deadline
        before = {name: sum(map(switches, found)) for name, found in pids.items()}
        time.sleep(seconds)
        after = {name: sum(map(switches, found)) for name, found in pids.items()}
    samples = {name: [float(after[name] - before[name])] for name in (BASELINE, OURS, ALONE)}
    yield Figure("B11", f"wakeups in {seconds:g} s without an invoke", "", samples, (Target("more", 0),))


def switches(pid: int) -> int:
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status") as status:
            total += sum(int(line.split()[1]) for line in status if line.startswith("voluntary_ctxt"))
    return total
