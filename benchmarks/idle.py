"""B11: wakeups of both processes while there is nothing to do and nothing is frozen."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from benchmarks.environments import environments, pid_of, take_turns
from benchmarks.figures import ALONE, BASELINE, OURS, Figure, Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambda_punch.local import LocalLambda

TIMEOUT = 2.0


def wakeups(seconds: float) -> Iterator[Figure]:
    """Voluntary context switches: each is one wakeup that went back to sleep.

    Of all threads except the runtime's main thread, which wakes once a second by itself.
    """
    with environments(freeze=False, timeout=TIMEOUT) as functions:
        take_turns(functions, {"jobs": 2, "kind": "wait", "seconds": 0}, rounds=5, turn=0)
        time.sleep(TIMEOUT + 1.0)  # each side wakes once more, at the deadline of the last invoke
        before = {name: switches(function) for name, function in functions.items()}
        time.sleep(seconds)
        after = {name: switches(function) for name, function in functions.items()}
    samples = {name: [float(after[name] - before[name])] for name in (BASELINE, OURS, ALONE)}
    yield Figure("B11", f"wakeups in {seconds:g} s without an invoke", "", samples, (Target("more", 0),))


def switches(function: LocalLambda) -> int:
    total, runtime = 0, pid_of(function)
    for pid in (runtime, *function.extension_pids.values()):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/status") as status:
                found = [int(line.split()[1]) for line in status if line.startswith("voluntary_ctxt")]
            total += 0 if thread == str(runtime) else sum(found)
    return total
