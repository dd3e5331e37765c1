"""B8 to B10: what one call, and one job, costs in the function's process. Run in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import timeit
import tracemalloc
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.figures import OURS, Figure, Target
from extension import contract

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MICRO = 1e6
BASE = "baseline"


def calls(rounds: int) -> Iterator[Figure]:
    """Measure in a fresh process that believes it is on Lambda, with the extension there."""
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / contract.HANDLED_FILE).write_bytes(contract.greeting(os.getpid()))
        environ = {**os.environ, "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", "LAMBDA_PUNCH_DIR": directory}
        command = [sys.executable, "-m", "benchmarks.calls", str(rounds)]
        ran = subprocess.run(command, check=True, env=environ, stdout=subprocess.PIPE, text=True)
    found: dict[str, dict[str, list[float]]] = json.loads(ran.stdout)
    yield Figure("B8", "push()", "µs", found["push"], (Target("most", 0.6),))
    yield Figure("B9", "handled()", "µs", found["handled"], (Target("more", 0.3, baseline=BASE),))
    yield Figure("B9", "the announcing write", "µs", found["announce"], (Target("most", 15.0),))
    for case, samples in found.items():
        if case.startswith("drain"):
            yield Figure("B10", f"{case}, a job", "µs", samples, (Target("most", 1.5),))
    yield Figure("B10", "memory of a waiting job", "bytes", found["bytes"], (Target("most", 300),))


def alternate(rounds: int, number: int, **functions: Callable[[], Any]) -> dict[str, list[float]]:
    """Microseconds a call, in turn."""
    samples: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            samples[name].append(timeit.timeit(function, number=number) / number * MICRO)
    return samples


def measure(rounds: int) -> dict[str, dict[str, list[float]]]:
    """Return the samples of each case."""
    # What awslambdaric would have loaded: then its class is wrapped, and handled() is the one used on Lambda.
    import awslambdaric.lambda_runtime_client  # noqa: F401 - for its effect

    import lambda_punch as punch
    from lambda_punch.runtime.start import process

    punch.start()

    class Context:
        aws_request_id = "8e2f5f8a-54f8-4d5c-9d6c-2f1d4f5b6a77"

    plain: deque[Any] = deque()
    context = Context()

    def empty(_: object) -> None: ...

    def job() -> None: ...

    found = {
        "push": alternate(rounds, 10_000, **{BASE: lambda: plain.append((job, ())), OURS: lambda: punch.push(job)})
    }
    process.queue.clear()
    found["handled"] = alternate(rounds, 10_000, **{BASE: lambda: empty(context), OURS: lambda: punch.handled(context)})
    process.begin(context.aws_request_id, int(time.time() * 1000) + 3000)
    found["announce"] = alternate(rounds, 1000, **{OURS: process.respond})
    for exponent in range(2, 7):
        found[f"drain of {10**exponent:,} no-op jobs"] = drains(job, 10**exponent, rounds if exponent < 5 else 3)
    found["bytes"] = {OURS: [waiting_bytes(job)]}
    return found


def drains(job: Callable[[], None], count: int, rounds: int) -> dict[str, list[float]]:
    """Microseconds a job, beside a loop that pops and calls."""
    from lambda_punch.runtime.start import process

    samples: dict[str, list[float]] = {BASE: [], OURS: []}
    for _ in range(rounds):
        plain = deque([job] * count)
        begun = time.perf_counter()
        while plain:
            plain.popleft()()
        samples[BASE].append((time.perf_counter() - begun) / count * MICRO)
        for _ in range(count):
            process.push(job)
        process.release_all()
        begun = time.perf_counter()
        process.drain.run(float("inf"))
        samples[OURS].append((time.perf_counter() - begun) / count * MICRO)
    return samples


def waiting_bytes(job: Callable[[], None]) -> float:
    import lambda_punch as punch
    from lambda_punch.runtime.start import process

    count = 100_000
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(count):
        punch.push(job)
    each = (tracemalloc.get_traced_memory()[0] - before) / count
    tracemalloc.stop()
    process.queue.clear()
    return each


if __name__ == "__main__":
    json.dump(measure(int(sys.argv[1])), sys.stdout)
